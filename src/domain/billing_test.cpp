#include "domain/billing.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>

using namespace sluice;
using domain::Billing;
using domain::billed;

namespace {

Traffic traffic(std::int64_t up, std::int64_t down) { return {{up}, {down}}; }

} // namespace

TEST_CASE("each direction is multiplied by the ratio, truncated, and then by the factor")
{
    // The examples of FLVX contract 14: d=50 is up, u=100 is down.
    CHECK(billed(Billing{2, 1.5}, traffic(50, 100)) == traffic(150, 300));
    CHECK(billed(Billing{1, 0.5}, traffic(3, 0)) == traffic(1, 0));
    CHECK(billed(Billing{2, 0.5}, traffic(3, 3)) == traffic(2, 2)); // 1.5 truncates to 1 before it is doubled
    CHECK(billed(Billing{1, 0.1}, traffic(9, 10)) == traffic(0, 1));
}

TEST_CASE("a factor or ratio that makes no sense counts as one")
{
    CHECK(billed(Billing{0, 1.0}, traffic(7, 8)) == traffic(7, 8));
    CHECK(billed(Billing{-3, 1.0}, traffic(7, 8)) == traffic(7, 8));
    CHECK(billed(Billing{1, 0.0}, traffic(7, 8)) == traffic(7, 8));
    CHECK(billed(Billing{1, -2.0}, traffic(7, 8)) == traffic(7, 8));
    CHECK(billed(Billing{1, std::numeric_limits<double>::quiet_NaN()}, traffic(7, 8)) == traffic(7, 8));
    CHECK(billed(Billing{1, std::numeric_limits<double>::infinity()}, traffic(7, 8)) == traffic(7, 8));
}

TEST_CASE("negative traffic bills nothing") { CHECK(billed(Billing{2, 3.0}, traffic(-5, 4)) == traffic(0, 24)); }

TEST_CASE("terabytes are exact, and what does not fit is cut off instead of wrapping around")
{
    constexpr std::int64_t petabyte = 1'000'000'000'000'003; // odd, above what a 32-bit float could hold
    CHECK(billed(Billing{1, 1.0}, traffic(petabyte, 1)) == traffic(petabyte, 1));
    const auto huge = billed(Billing{2, 1000.0}, traffic(INT64_MAX, INT64_MAX));
    CHECK(huge.up.value > 0);
    CHECK(huge.total().value > 0);
}
