// Every text in this folder, read by its look, compared with what is kept beside it.
#include "base/file.hpp"
#include "rules/rule.hpp"

#include <algorithm>
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <set>
#include <string>

using namespace sluice;
using namespace sluice::rules;

namespace {

std::string pick_name(domain::Pick pick)
{
    switch (pick) {
    case domain::Pick::first: return "first";
    case domain::Pick::round_robin: return "round_robin";
    case domain::Pick::random: return "random";
    case domain::Pick::source_hash: return "source_hash";
    case domain::Pick::least_connections: return "least_connections";
    }
    return "?";
}

std::string written_down(const Rule& rule)
{
    std::string text = "'" + rule.name + "' " + (rule.tcp ? "tcp" : "") + (rule.tcp && rule.udp ? "+" : "") + (rule.udp ? "udp" : "") + " ";
    if (rule.listen_address) text += rule.listen_address->to_text() + " ";
    text += rule.first_port == 0 ? "any port" : std::to_string(rule.first_port);
    if (rule.last_port > rule.first_port) text += "-" + std::to_string(rule.last_port);
    text += " ->";
    for (const auto& target : rule.targets) text += " " + target.to_text() + (rule.ports_move_along ? "+" : "");
    if (rule.targets.size() > 1) text += " " + pick_name(rule.pick);
    for (const auto& network : rule.allow) text += " from " + network.to_text();
    return text;
}

std::string written_down(const std::string& text)
{
    const auto format = detect(text);
    std::string out = "format " + std::string{name_of(format)} + "\n";
    const auto lines = parse(text, format);
    if (!lines) return out + "error " + lines.error().field + ": " + lines.error().detail + "\n";
    for (const auto& line : *lines) {
        out += std::to_string(line.number) + ": ";
        if (line.rule) {
            out += written_down(*line.rule);
        } else {
            out += std::string{to_text(line.reason)};
            for (const auto& arg : line.args) out += " (" + arg + ")";
        }
        out += "\n";
    }
    return out;
}

} // namespace

TEST_CASE("each text becomes the rules that are kept beside it")
{
    const std::set<std::string> others{".expected", ".cpp", ".md"};
    int texts = 0;
    for (const auto& entry : std::filesystem::directory_iterator(SLUICE_GOLDEN_DIR)) {
        const auto path = entry.path();
        if (others.contains(path.extension().string()) || path.filename() == "CMakeLists.txt") continue;
        ++texts;
        const auto text = read_file(path.string());
        REQUIRE(text);
        const auto got = written_down(*text);
        const auto kept = path.string() + ".expected";
        if (std::getenv("SLUICE_UPDATE_GOLDEN") != nullptr) REQUIRE(write_file_atomically(kept, got, 0644));
        const auto expected = read_file(kept);
        REQUIRE_MESSAGE(expected, kept);
        CHECK_MESSAGE(got == *expected, path.filename().string() << "\n" << got);
    }
    CHECK(texts >= 15);
}

TEST_CASE("what is too long, no UTF-8 or no such format is an error and not a guess")
{
    CHECK(parse(std::string(longest_text + 1, 'x'), Format::plain).error().field == "rules.text");
    CHECK(parse("8080 -> \xff", Format::plain).error().field == "rules.text");
    std::string many;
    for (std::size_t i = 0; i <= most_lines; ++i) many += "1 -> a:1\n";
    CHECK(parse(many, Format::plain).error().field == "rules.text");
    CHECK(parse("services: [", Format::gost_yaml).error().field == "rules.syntax");
    CHECK(parse("a: 1", Format::gost_yaml).error().field == "rules.syntax");
    CHECK(parse("[[endpoints", Format::realm).error().field == "rules.syntax");
    CHECK(parse("{}", Format::realm).error().field == "rules.syntax");
    CHECK(parse("x = 1", Format::frp).error().field == "rules.syntax");
    CHECK(parse("nonsense", Format::nginx_proxy_manager).error().field == "rules.syntax");
    CHECK(parse("", Format::plain).value().empty());
    CHECK(format_named("NPM") == Format::nginx_proxy_manager);
    CHECK_FALSE(format_named("haproxy"));
}
