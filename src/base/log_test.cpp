// Log lines: their shape in both formats, and that no value can forge a line, a field or a terminal command.
#include "base/log.hpp"

#include <array>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <limits>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace sluice;
using log::Format;
using log::Level;
using log::render;

namespace {

constexpr std::int64_t moment = 1'700'000'000'123;
const log::Settings text{};
const log::Settings json{Level::info, Format::json, false, 2};

std::string text_value(std::string_view value)
{
    const auto line = render(text, Level::info, moment, "e", {{"v", value}});
    return line.substr(line.find("v=") + 2);
}

std::string json_value(std::string_view value)
{
    const auto line = render(json, Level::info, moment, "e", {{"v", value}});
    const auto at = line.find("\"v\":") + 4;
    return line.substr(at, line.size() - at - 1);
}

} // namespace

TEST_CASE("a text line is time, level, event and fields")
{
    CHECK(render(text, Level::info, moment, "ready", {{"listen", "[::]:6365"}, {"pid", 42}, {"first", true}}) ==
          "2023-11-14T22:13:20.123Z info ready listen=[::]:6365 pid=42 first=true");
    CHECK(render(text, Level::error, 0, "stop", {}) == "1970-01-01T00:00:00.000Z error stop");
}

TEST_CASE("a JSON line has the same names, and numbers stay numbers")
{
    CHECK(render(json, Level::warning, moment, "node away", {{"node", 3}, {"name", "a \"b\""}, {"load", 0.5}, {"ok", false}}) ==
          R"({"time":"2023-11-14T22:13:20.123Z","level":"warning","event":"node away","node":3,"name":"a \"b\"","load":0.500000,"ok":false})");
}

TEST_CASE("in the journal a line begins with its priority and leaves the time to the journal")
{
    log::Settings settings;
    settings.journald = true;
    CHECK(render(settings, Level::debug, moment, "e", {}) == "<7>debug e");
    CHECK(render(settings, Level::info, moment, "e", {}) == "<6>info e");
    CHECK(render(settings, Level::warning, moment, "e", {}) == "<4>warning e");
    CHECK(render(settings, Level::error, moment, "e", {}) == "<3>error e");
}

TEST_CASE("a value that is not one plain word is quoted")
{
    CHECK(text_value("word") == "word");
    CHECK(text_value("") == R"("")");
    CHECK(text_value("two words") == R"("two words")");
    CHECK(text_value("a=b") == R"("a=b")");
    CHECK(text_value("say \"x\"") == R"("say \"x\"")");
    CHECK(text_value("back\\slash") == R"("back\\slash")");
    CHECK(text_value("\xE4\xB8\xAD\xE6\x96\x87") == "\xE4\xB8\xAD\xE6\x96\x87");
}

TEST_CASE("no value breaks out of its line")
{
    const std::string forged = "x\n2023-11-14T22:13:20.123Z error forged user=admin";
    CHECK(text_value(forged) == R"("x\n2023-11-14T22:13:20.123Z error forged user=admin")");
    CHECK(json_value("x\"}\n{\"level\":\"error\"") == R"("x\"}\n{\"level\":\"error\"")");
    for (int byte = 0; byte < 256; ++byte) {
        CAPTURE(byte);
        const std::string value{'a', static_cast<char>(byte), 'b'};
        for (const auto& line : {text_value(value), json_value(value)}) {
            for (const char c : line) {
                const auto code = static_cast<unsigned char>(c);
                CHECK(code >= 0x20);
                CHECK(code < 0x7F); // a lone byte above is not UTF-8, so it is escaped as well
            }
        }
    }
}

TEST_CASE("characters that move the cursor, end a line or turn the direction are escaped")
{
    CHECK(text_value("a\x1B[2Jb") == R"("a\u001b[2Jb")");
    CHECK(text_value("a\rb") == R"("a\u000db")");
    CHECK(text_value("a\xC2\x9B"
                     "2J") == R"("a\u009b2J")"); // C1: one-character CSI
    CHECK(text_value("a\xC2\x85"
                     "b") == R"("a\u0085b")"); // next line
    CHECK(text_value("a\xE2\x80\xA8"
                     "b") == R"("a\u2028b")"); // line separator
    CHECK(text_value("a\xE2\x80\xA9"
                     "b") == R"("a\u2029b")"); // paragraph separator
    CHECK(text_value("a\xE2\x80\xAE"
                     "b") == R"("a\u202eb")"); // right-to-left override
    CHECK(text_value("a\xE2\x81\xA6"
                     "b") == R"("a\u2066b")"); // isolate
    CHECK(json_value("a\xE2\x80\xA8"
                     "b") == R"("a\u2028b")");
    CHECK(text_value("a\xE2\x80\x93"
                     "b") == "a\xE2\x80\x93"
                             "b"); // a dash is just a dash
}

TEST_CASE("a number that JSON cannot write is quoted")
{
    const auto line =
        render(json, Level::info, 0, "e", {{"a", std::numeric_limits<double>::quiet_NaN()}, {"b", std::numeric_limits<double>::infinity()}});
    CHECK(line.find(R"("a":"nan","b":"inf")") != std::string::npos);
}

TEST_CASE("a secret prints as dots")
{
    const Secret secret{"hunter2"};
    for (const auto& settings : {text, json}) {
        const auto line = render(settings, Level::info, moment, "e", {{"password", secret}});
        CHECK(line.find("hunter2") == std::string::npos);
        CHECK(line.find("\u2022\u2022\u2022\u2022") != std::string::npos);
    }
}

TEST_CASE("lines of several threads never mix, and lines below the level are not written")
{
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    log::Settings settings;
    settings.level = Level::warning;
    settings.descriptor = ends[1];
    log::configure(settings);
    const std::string payload(200, 'p');
    std::string all;
    std::thread reader([&] { // meanwhile: a pipe may hold as little as a page
        std::array<char, 4096> chunk{};
        for (;;) {
            const auto got = ::read(ends[0], chunk.data(), chunk.size());
            if (got <= 0) return;
            all.append(chunk.data(), static_cast<std::size_t>(got));
        }
    });
    std::vector<std::thread> writers;
    for (int thread = 0; thread < 4; ++thread)
        writers.emplace_back([&] {
            for (int i = 0; i < 20; ++i) {
                log::warning("busy", {{"payload", payload}});
                log::info("hidden");
                log::debug("hidden");
            }
        });
    for (auto& writer : writers) writer.join();
    log::configure({});
    ::close(ends[1]);
    reader.join();
    ::close(ends[0]);
    int lines = 0;
    for (std::size_t at = 0; at < all.size(); ++lines) {
        const auto end = all.find('\n', at);
        REQUIRE(end != std::string::npos);
        const auto line = all.substr(at, end - at);
        REQUIRE(line.size() > 25);
        CHECK(line.substr(25) == "warning busy payload=" + payload);
        at = end + 1;
    }
    CHECK(lines == 80);
}

TEST_CASE("a log that cannot be written stops nobody")
{
    log::Settings settings;
    settings.descriptor = -1;
    log::configure(settings);
    log::error("unheard", {{"why", "closed"}});
    log::configure({});
    CHECK(log::enabled(Level::info));
    CHECK_FALSE(log::enabled(Level::debug));
}
