// The one grammar of port sets: every edge of it, and the set operations built on it.
#include "base/port_set.hpp"

#include <doctest/doctest.h>

using namespace sluice;

namespace {

PortSet ports(std::string_view text) { return PortSet::parse(text).value(); }

} // namespace

TEST_CASE("ports and ranges are parsed and printed in canonical form")
{
    CHECK(ports("80").to_text() == "80");
    CHECK(ports("1000-2000,3000").to_text() == "1000-2000,3000");
    CHECK(ports("443,80").to_text() == "80,443");
    CHECK(ports("1-65535").to_text() == "1-65535");
    CHECK(ports("7-7").to_text() == "7");
    CHECK(ports(" 80 , 1000 - 2000 ").to_text() == "80,1000-2000");
}

TEST_CASE("overlapping, touching and repeated items become one range")
{
    CHECK(ports("5-10,8-12").to_text() == "5-12");
    CHECK(ports("5-10,11-12").to_text() == "5-12");
    CHECK(ports("5-10,12").to_text() == "5-10,12");
    CHECK(ports("1-65535,80,443-444").to_text() == "1-65535");
    CHECK(ports("80,80,80") == ports("80"));
    CHECK(ports("65534,65535").to_text() == "65534-65535");
}

TEST_CASE("a malformed set is refused and never repaired")
{
    for (const std::string_view text :
         {"",   " ",  ",",     "80,", ",80", "80,,81", "9-5", "0",   "0-5",  "65536", "1-65536", "99999999999", "-",
          "-5", "5-", "1-2-3", "--5", "+5",  "5.",     "a",   "80a", "0x50", "80;81", "80 81",   "1- -2",       "\xEF\xBC\x91"}) {
        CAPTURE(text);
        const auto result = PortSet::parse(text);
        REQUIRE_FALSE(result);
        CHECK(result.error().code == Errc::invalid);
        CHECK(result.error().field == "ports");
    }
    CHECK_FALSE(PortSet::parse(std::string_view{"80\0", 3}));
}

TEST_CASE("the refusal names the item that is wrong")
{
    const auto result = PortSet::parse("80, 9-5 ,443");
    REQUIRE_FALSE(result);
    REQUIRE(result.error().args.size() == 1);
    CHECK(result.error().args[0] == "9-5");
}

TEST_CASE("a text longer than any honest set is refused before it costs time")
{
    std::string text = "1";
    while (text.size() < 9000) text += ",1";
    CHECK_FALSE(PortSet::parse(text));
}

TEST_CASE("membership and order follow the ranges")
{
    const auto set = ports("10-12,20,30-31");
    CHECK(set.size() == 6);
    for (const auto in : std::initializer_list<std::uint16_t>{10, 11, 12, 20, 30, 31}) CHECK(set.contains(in));
    for (const auto out : std::initializer_list<std::uint16_t>{0, 9, 13, 19, 21, 29, 32, 65535}) CHECK_FALSE(set.contains(out));
    CHECK(set.at(0) == 10);
    CHECK(set.at(2) == 12);
    CHECK(set.at(3) == 20);
    CHECK(set.at(5) == 31);
    CHECK_FALSE(set.at(6));
    CHECK(ports("1-65535").size() == 65535);
    CHECK(ports("1-65535").at(65534) == 65535);
    CHECK_FALSE(PortSet{}.at(0));
    CHECK(PortSet{}.empty());
}

TEST_CASE("inserting keeps the set ordered, and a reversed range inserts nothing")
{
    PortSet set;
    set.insert(20, 30);
    set.insert(1, 1);
    set.insert(31, 31);
    CHECK(set.to_text() == "1,20-31");
    set.insert(9, 5);
    CHECK(set.to_text() == "1,20-31");
    CHECK(PortSet::range(65535, 65535).to_text() == "65535");
}

TEST_CASE("taking ports away splits ranges")
{
    const auto set = ports("10-15,20");
    CHECK(set.minus({}) == set);
    CHECK(set.minus({10}).to_text() == "11-15,20");
    CHECK(set.minus({15}).to_text() == "10-14,20");
    CHECK(set.minus({12, 13}).to_text() == "10-11,14-15,20");
    CHECK(set.minus({20, 12, 12, 9, 16, 1}).to_text() == "10-11,13-15");
    CHECK(set.minus({10, 11, 12, 13, 14, 15, 20}).empty());
    CHECK(ports("65534-65535").minus({65535}).to_text() == "65534");
    CHECK(ports("65535").minus({65535}).empty());
}

TEST_CASE("an intersection has the ports of both")
{
    CHECK(ports("1-100").intersect(ports("50-150")).to_text() == "50-100");
    CHECK(ports("1-10,20-30,40").intersect(ports("5-25,40-50")).to_text() == "5-10,20-25,40");
    CHECK(ports("1-10").intersect(ports("11-20")).empty());
    CHECK(ports("1-10").intersect(PortSet{}).empty());
    CHECK(ports("1-65535").intersect(ports("80")) == ports("80"));
}
