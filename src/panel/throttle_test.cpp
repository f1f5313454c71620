#include "panel/throttle.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using panel::Throttle;

namespace {

const SteadyTime start = SteadyTime{} + Seconds{1000};

Throttle three_free() { return Throttle(Throttle::Policy{3, Seconds{60}, Seconds{900}, 4}); }

} // namespace

TEST_CASE("a few failures are free, then each doubles the wait up to the longest")
{
    auto throttle = three_free();
    for (int i = 0; i < 2; ++i) {
        throttle.failed("a", start);
        CHECK(throttle.wait_of("a", start) == Seconds{0});
    }
    for (const int wait : {1, 2, 4, 8, 16, 32, 60, 60}) {
        throttle.failed("a", start);
        CHECK(throttle.wait_of("a", start) == Seconds{wait});
    }
}

TEST_CASE("the wait ends in its own moment and is rounded up for people")
{
    auto throttle = three_free();
    for (int i = 0; i < 4; ++i) throttle.failed("a", start); // 2 s
    CHECK(throttle.wait_of("a", start + Milliseconds{1}) == Seconds{2});
    CHECK(throttle.wait_of("a", start + Milliseconds{1001}) == Seconds{1});
    CHECK(throttle.wait_of("a", start + Seconds{2}) == Seconds{0});
}

TEST_CASE("success forgets, and so does quiet")
{
    auto throttle = three_free();
    for (int i = 0; i < 4; ++i) throttle.failed("a", start);
    throttle.succeeded("a");
    throttle.failed("a", start);
    CHECK(throttle.wait_of("a", start) == Seconds{0});
    for (int i = 0; i < 4; ++i) throttle.failed("b", start);
    throttle.failed("b", start + Seconds{900});
    CHECK(throttle.wait_of("b", start + Seconds{900}) == Seconds{0});
}

TEST_CASE("keys do not slow each other, and memory is bounded: the quietest makes room")
{
    auto throttle = three_free();
    for (int i = 0; i < 5; ++i) throttle.failed("a", start + Milliseconds{i});
    CHECK(throttle.wait_of("b", start) == Seconds{0});
    for (const char* key : {"b", "c", "d", "e", "f"}) throttle.failed(key, start + Seconds{1});
    CHECK(throttle.size() == 4);
    CHECK(throttle.wait_of("a", start) == Seconds{0});
}
