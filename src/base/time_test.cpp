// The held clock, and amounts of traffic.
#include "base/bytes.hpp"
#include "base/time.hpp"

#include <doctest/doctest.h>

using namespace sluice;

TEST_CASE("a held clock moves only when told, and both times move together")
{
    HeldClock clock(from_epoch_ms(1000));
    const auto steady = clock.steady();
    CHECK(to_epoch_ms(clock.wall()) == 1000);
    CHECK(clock.steady() == steady);
    clock.advance(Milliseconds{250});
    CHECK(to_epoch_ms(clock.wall()) == 1250);
    CHECK(clock.steady() - steady == Milliseconds{250});
}

TEST_CASE("when the wall clock jumps, steady time stays")
{
    HeldClock clock;
    const auto steady = clock.steady();
    clock.set_wall(from_epoch_ms(5));
    CHECK(to_epoch_ms(clock.wall()) == 5);
    CHECK(clock.steady() == steady);
}

TEST_CASE("the system's steady time does not go back, and its wall time is after this was written")
{
    const SystemClock clock;
    const auto first = clock.steady();
    CHECK(clock.steady() >= first);
    CHECK(to_epoch_ms(clock.wall()) > 1'700'000'000'000);
}

TEST_CASE("traffic adds up by direction")
{
    Traffic sum{{5}, {7}};
    sum += Traffic{{10}, {20}};
    CHECK(sum == Traffic{{15}, {27}});
    CHECK(sum.total() == ByteCount{42});
    CHECK(gibibytes(3).value == 3221225472);
    CHECK(ByteCount{3} - ByteCount{5} == ByteCount{-2});
}
