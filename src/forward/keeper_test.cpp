#include "forward/keeper.hpp"
#include "forward/testing.hpp"

namespace sluice::forward {

using namespace testing;

namespace {

TargetPtr target(const HostPort& name, plan::IpPreference preference = plan::IpPreference::automatic)
{
    return std::make_shared<Target>(name, preference);
}

} // namespace

TEST_CASE("a target that is down is tried until it answers")
{
    HeldClock clock;
    Keeper keeper(clock, Seconds{30});
    RefusingPort place;
    const auto port = place.port();
    const auto one = target(place.name());
    keeper.watch({one});
    one->mark_down(Trouble::refused);
    keeper.look_now();
    place.release();
    // The first question is asked at once. Should it come too early, the next ones wait for the clock.
    Server server(port);
    CHECK(eventually([&] {
        clock.advance(Milliseconds{100});
        return !one->down();
    }));
}

TEST_CASE("a silent target whose host answers again is only refused")
{
    HeldClock clock;
    Keeper keeper(clock, Seconds{30});
    RefusingPort place;
    const auto one = target(place.name());
    one->mark_down(Trouble::silent);
    keeper.watch({one});
    keeper.look_now();
    CHECK(eventually([&] { return !one->avoid_for_datagrams(clock.steady()); }));
    CHECK(one->down());
}

TEST_CASE("one answering address of a name is enough")
{
    HeldClock clock;
    Keeper keeper(clock, Seconds{30});
    RefusingPort dead;
    Server alive;
    const auto one = target(dead.name());
    one->set_addresses({loopback(dead.port()), loopback(alive.port())});
    one->mark_down(Trouble::silent);
    keeper.watch({one});
    keeper.look_now();
    CHECK(eventually([&] { return !one->down(); }));
}

TEST_CASE("names are resolved once at first and then again and again")
{
    HeldClock clock;
    Keeper keeper(clock, Seconds{30});
    const auto one = target({"localhost", 80}, plan::IpPreference::v4);
    const auto literal = target({"127.0.0.1", 80});
    CHECK_FALSE(one->resolve_tried());
    CHECK(literal->resolve_tried());
    keeper.watch({one, literal});
    keeper.wait_resolved({one, literal}, Milliseconds{60'000});
    CHECK(one->resolve_tried());
    REQUIRE_FALSE(one->addresses().empty());
    CHECK(one->addresses().front() == loopback(80));
    one->set_addresses({});
    CHECK(one->addresses().empty());
    clock.advance(Seconds{31});
    CHECK(eventually([&] { return !one->addresses().empty(); }));
}

TEST_CASE("a name that does not resolve is said to be tried, and keeps what it had")
{
    HeldClock clock;
    Keeper keeper(clock, Seconds{30});
    const auto one = target({"no-such-name.invalid", 80});
    const auto known = target({"no-other-name.invalid", 80});
    known->set_addresses({loopback(9)});
    keeper.watch({one, known});
    keeper.wait_resolved({one, known}, Milliseconds{60'000});
    CHECK(one->resolve_tried());
    CHECK(one->addresses().empty());
    CHECK(known->addresses() == std::vector<Endpoint>{loopback(9)});
}

TEST_CASE("the preferred family comes first")
{
    const auto v4 = resolve({"localhost", 1}, plan::IpPreference::v4);
    REQUIRE_FALSE(v4.empty());
    CHECK_FALSE(v4.front().address.is_v6());
    CHECK(resolve({"192.0.2.7", 5}, plan::IpPreference::v6) == std::vector<Endpoint>{{address("192.0.2.7"), 5}});
    CHECK(resolve({"no-such-name.invalid", 1}, plan::IpPreference::automatic).empty());
}

} // namespace sluice::forward
