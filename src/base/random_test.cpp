// Randomness: shapes, bounds, and that two draws differ.
#include "base/random.hpp"

#include <algorithm>
#include <array>
#include <doctest/doctest.h>
#include <set>

using namespace sluice;

TEST_CASE("random bytes have the length asked for and do not repeat")
{
    CHECK(random_bytes(0).empty());
    CHECK(random_bytes(1000).size() == 1000);
    CHECK(random_bytes(32) != random_bytes(32));
    std::array<std::uint8_t, 64> filled{};
    fill_random(filled);
    CHECK(std::any_of(filled.begin(), filled.end(), [](auto byte) { return byte != 0; }));
}

TEST_CASE("random hex is lower case and twice as long")
{
    const auto text = random_hex(40);
    CHECK(text.size() == 80);
    CHECK(text.find_first_not_of("0123456789abcdef") == std::string::npos);
}

TEST_CASE("a bounded draw stays below its bound and reaches every value")
{
    CHECK(random_below(1) == 0);
    std::array<int, 6> seen{};
    for (int i = 0; i < 6000; ++i) {
        const auto value = random_below(6);
        REQUIRE(value < 6);
        ++seen[value];
    }
    // A fair die leaves a face below 500 of 1000 expected once in 10^60 runs.
    for (const int count : seen) CHECK(count > 500);
    const auto huge = UINT64_MAX / 2 + 2; // the bound that a plain modulo would favour most
    int upper = 0;
    for (int i = 0; i < 1000; ++i) {
        const auto value = random_below(huge);
        REQUIRE(value < huge);
        upper += value >= huge / 2;
    }
    CHECK(upper > 300);
    CHECK(upper < 700);
}

TEST_CASE("a password has no characters that look alike")
{
    std::set<std::string> distinct;
    for (int i = 0; i < 200; ++i) {
        const auto password = random_password(16);
        CHECK(password.size() == 16);
        CHECK(password.find_first_of("0O1lI") == std::string::npos);
        distinct.insert(password);
    }
    CHECK(distinct.size() == 200);
}

TEST_CASE("a UUID is of version 4 and recognised")
{
    for (int i = 0; i < 50; ++i) {
        const auto uuid = make_uuid();
        CHECK(is_uuid(uuid));
        CHECK(uuid[14] == '4');
        CHECK(std::string{"89ab"}.find(uuid[19]) != std::string::npos);
    }
    CHECK(make_uuid() != make_uuid());
    CHECK_FALSE(is_uuid(""));
    CHECK_FALSE(is_uuid("00000000-0000-4000-8000-00000000000"));
    CHECK_FALSE(is_uuid("00000000-0000-4000-8000-0000000000000"));
    CHECK_FALSE(is_uuid("00000000x0000-4000-8000-000000000000"));
    CHECK_FALSE(is_uuid("0000000g-0000-4000-8000-000000000000"));
    CHECK_FALSE(is_uuid("A0000000-0000-4000-8000-000000000000"));
}
