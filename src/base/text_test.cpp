// Small text functions: tables of what each accepts, refuses and gives.
#include "base/text.hpp"

#include <array>
#include <doctest/doctest.h>

using namespace sluice;

TEST_CASE("trimming removes blanks at the ends only")
{
    CHECK(trim(" \t\r\n a b \n") == "a b");
    CHECK(trim("") == "");
    CHECK(trim(" \t ") == "");
    CHECK(trim("a") == "a");
}

TEST_CASE("splitting keeps empty pieces")
{
    CHECK(split("", ',') == std::vector<std::string_view>{""});
    CHECK(split("a", ',') == std::vector<std::string_view>{"a"});
    CHECK(split(",a,,b,", ',') == std::vector<std::string_view>{"", "a", "", "b", ""});
}

TEST_CASE("an integer fills the whole text")
{
    CHECK(parse_int("0") == 0);
    CHECK(parse_int("-12") == -12);
    CHECK(parse_int("9223372036854775807") == INT64_MAX);
    CHECK(parse_int("-9223372036854775808") == INT64_MIN);
    for (const std::string_view text : {"", "-", "+1", " 1", "1 ", "1x", "0x1", "1.0", "1e3", "9223372036854775808", "--1"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_int(text));
    }
}

TEST_CASE("case is folded for ASCII only")
{
    CHECK(to_lower("AbZ[@\xC3\x84") == "abz[@\xC3\x84");
    CHECK(equals_ignoring_case("Content-Length", "cONTENT-lENGTH"));
    CHECK_FALSE(equals_ignoring_case("a", "ab"));
    CHECK_FALSE(equals_ignoring_case("[", "{"));
}

TEST_CASE("well-formed UTF-8 is accepted")
{
    for (const std::string_view text : {"", "plain", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF",
                                        "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF", "\xE4\xB8\xAD\xE6\x96\x87"}) {
        CAPTURE(to_hex({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}));
        CHECK(is_utf8(text));
    }
    CHECK(is_utf8(std::string_view{"a\0b", 3}));
}

TEST_CASE("malformed UTF-8 is refused")
{
    for (const std::string_view text : {
             "\x80", // a continuation alone
             "\xBF",
             "\xC0\x80",         // overlong NUL
             "\xC1\xBF",         // overlong
             "\xC2",             // cut short
             "\xC2\x41",         // no continuation
             "\xE0\x80\x80",     // overlong
             "\xE0\x9F\xBF",     // overlong
             "\xE2\x82",         // cut short
             "\xED\xA0\x80",     // surrogate
             "\xED\xBF\xBF",     // surrogate
             "\xF0\x80\x80\x80", // overlong
             "\xF0\x8F\xBF\xBF", // overlong
             "\xF0\x9F\x98",     // cut short
             "\xF4\x90\x80\x80", // above U+10FFFF
             "\xF5\x80\x80\x80",
             "\xFE",
             "\xFF",
             "ok\xC3(",
         }) {
        CAPTURE(to_hex({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}));
        CHECK_FALSE(is_utf8(text));
    }
}

TEST_CASE("hexadecimal round-trips and refuses what is not")
{
    const std::array<std::uint8_t, 4> bytes{0x00, 0x0F, 0xA0, 0xFF};
    CHECK(to_hex(bytes) == "000fa0ff");
    CHECK(from_hex("000fA0Ff") == std::vector<std::uint8_t>(bytes.begin(), bytes.end()));
    CHECK(from_hex("") == std::vector<std::uint8_t>{});
    for (const std::string_view text : {"0", "0g", "0x", " 00", "00 "}) {
        CAPTURE(text);
        CHECK_FALSE(from_hex(text));
    }
}

TEST_CASE("base64 gives the vectors of RFC 4648")
{
    const std::array<std::pair<std::string_view, std::string_view>, 7> vectors{
        {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}}};
    for (const auto& [plain, coded] : vectors) {
        CHECK(to_base64(plain) == coded);
        CHECK(from_base64(coded) == std::string{plain});
        const auto unpadded = coded.substr(0, coded.find('='));
        CHECK(to_base64url(plain) == unpadded);
        CHECK(from_base64url(unpadded) == std::string{plain});
    }
    CHECK(to_base64("\xFB\xFF") == "+/8=");
    CHECK(to_base64url("\xFB\xFF") == "-_8");
}

TEST_CASE("every byte value survives base64")
{
    std::string all;
    for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
    for (std::size_t length = 0; length <= all.size(); ++length) {
        const auto part = all.substr(0, length);
        CHECK(from_base64(to_base64(part)) == part);
        CHECK(from_base64url(to_base64url(part)) == part);
    }
}

TEST_CASE("two base64 texts never mean the same bytes")
{
    for (const std::string_view text :
         {"Zh==", "Zm9=", "Z", "Zg", "Zg=", "Zg===", "====", "=", "Zm9v\n", "Z m9", "Zg==Zg==", "Zm-_", "A===", "Zm9v="}) {
        CAPTURE(text);
        CHECK_FALSE(from_base64(text));
    }
    for (const std::string_view text : {"Zg==", "Zh", "Zm9", "Z", "Zm+/", "Zm9vZ"}) {
        CAPTURE(text);
        CHECK_FALSE(from_base64url(text));
    }
}

TEST_CASE("the nearest candidate is suggested, and nothing when none is near")
{
    constexpr std::array<std::string_view, 5> options{"--listen", "--log-level", "--log-format", "--data-dir", "--config"};
    CHECK(nearest("--lisen", options) == "--listen");
    CHECK(nearest("--loglevel", options) == "--log-level");
    CHECK(nearest("--datadir", options) == "--data-dir");
    CHECK(nearest("--listen", options) == "--listen");
    CHECK(nearest("--colour-of-the-page", options) == "");
    CHECK(nearest("", options) == "");
    CHECK(nearest("x", {}) == "");
    constexpr std::array<std::string_view, 2> short_ones{"up", "it"};
    CHECK(nearest("x", short_ones) == ""); // replacing everything is no likeness
}
