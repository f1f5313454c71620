#include "cli/config_file.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::cli;

namespace {

std::string refusal(const std::string& text)
{
    const auto values = parse_config(text, "f.toml");
    return values ? "accepted" : values.error().args.at(0);
}

} // namespace

TEST_CASE("texts, numbers, booleans and lists become texts with their line")
{
    const auto values = parse_config("# words\nlisten = [\"a\", \"b\"]\nworkers = 4\nagent = true\nlog-level = 'debug'\n", "f.toml");
    REQUIRE(values);
    CHECK(values->at("listen").texts == std::vector<std::string>{"a", "b"});
    CHECK(values->at("listen").line == 2);
    CHECK(values->at("workers").texts == std::vector<std::string>{"4"});
    CHECK(values->at("agent").texts == std::vector<std::string>{"true"});
    CHECK(values->at("log-level").texts == std::vector<std::string>{"debug"});
    CHECK(parse_config("", "f.toml")->empty());
}

TEST_CASE("what is wrong is named with file and line")
{
    CHECK(refusal("\nlissten = 1") == "f.toml:2: unknown key 'lissten'; did you mean 'listen'?");
    CHECK(refusal("[panel]\nlisten = 1") == "f.toml:1: 'panel' has to be true or false");
    CHECK(refusal("config = \"x\"") == "f.toml:1: 'config' cannot be set in a file");
    CHECK(refusal("count = 3").find("unknown") == std::string::npos);
    CHECK(refusal("listen = [[1]]") == "f.toml:1: 'listen' has to be a list of texts");
    CHECK(refusal("workers = [1]") == "f.toml:1: 'workers' has to be one text or number");
    CHECK(refusal("log-level = 1.5").rfind("f.toml:1: ", 0) == 0);
    CHECK(refusal("workers = 1\nworkers = 2").rfind("f.toml:2: ", 0) == 0);
    CHECK(refusal("workers = 1\n[\x0cp]\nlisten = 1") == "f.toml:2: malformed key"); // the parser's own assertion
    CHECK(refusal("\"a\\nb\" = 1") == "f.toml:1: unknown key 'a?b'");
    CHECK(refusal("listen = \"\xff\"").rfind("f.toml:1: ", 0) == 0);
    CHECK(refusal("= = =").rfind("f.toml:1: ", 0) == 0);
}
