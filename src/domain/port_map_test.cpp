#include "domain/port_map.hpp"

#include <doctest/doctest.h>

using namespace sluice::domain;

TEST_CASE("ports of a map differ outside, all others are the same")
{
    const auto map = PortMap::parse(" 20000-20100 = 30000-30100 , 443=8443");
    REQUIRE(map);
    CHECK(map->public_of(30000) == 20000);
    CHECK(map->public_of(30100) == 20100);
    CHECK(map->public_of(30101) == 30101);
    CHECK(map->public_of(29999) == 29999);
    CHECK(map->public_of(8443) == 443);
    CHECK(map->to_text() == "20000-20100=30000-30100,443=8443");
    CHECK(PortMap::parse(map->to_text()).value() == *map);
    CHECK(PortMap::parse("  ").value().empty());
    CHECK(PortMap::parse("1-65535=1-65535").value().public_of(65535) == 65535);
}

TEST_CASE("a map that is ambiguous or malformed is refused")
{
    for (const char* text : {"1", "1=", "=1", "1=2=3", "0=1", "1=65536", "1-3=1-2", "3-1=3-1", "1-5=11-15,5-6=21-22", "1-5=11-15,6-7=15-16", "a=b",
                             "1=2,", "1-2-3=1-2-3", "-1=1"})
        CHECK_FALSE(PortMap::parse(text));
}
