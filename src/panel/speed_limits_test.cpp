#include "panel/speed_limits.hpp"

#include "panel/testing.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::panel;
using namespace sluice::panel::testing;

namespace {

struct Limits : Bench {
    NodeId node = add_node("a");
    TunnelId tunnel = add_tunnel("t", {node});
    Actor alice = add_person("alice");

    SpeedLimits& limits() { return panel.speed_limits(); }
    plan::Plan plan() { return value_of(panel.plans().compile(node)); }
    // A limit of 80 Mbit/s that alice's right on the tunnel has.
    SpeedLimitId slow_alice()
    {
        const auto id = value_of(limits().create(admin, {"slow", 80, {}, true}));
        domain::AssignmentPatch patch;
        patch.speed_limit = id;
        assign(alice, tunnel, patch);
        return id;
    }
};

} // namespace

TEST_CASE_FIXTURE(Limits, "only administrators make and see speed limits")
{
    CHECK(verdict(limits().list(alice)) == "forbidden role");
    CHECK(verdict(limits().create(alice, {"x", 1, {}, true})) == "forbidden role");
    CHECK(verdict(limits().update(alice, SpeedLimitId{1}, {"x", 1, {}, true})) == "forbidden role");
    CHECK(verdict(limits().remove(alice, SpeedLimitId{1})) == "forbidden role");
}

TEST_CASE_FIXTURE(Limits, "a limit needs a name, a speed that makes sense, and a tunnel that exists if it names one")
{
    CHECK(verdict(limits().create(admin, {"", 1, {}, true})) == "invalid speed_limit.name");
    CHECK(verdict(limits().create(admin, {std::string(101, 'x'), 1, {}, true})) == "invalid speed_limit.name_length");
    CHECK(verdict(limits().create(admin, {"x", 0, {}, true})) == "invalid speed_limit.speed");
    CHECK(verdict(limits().create(admin, {"x", 1'000'001, {}, true})) == "invalid speed_limit.speed");
    CHECK(verdict(limits().create(admin, {"x", 1, TunnelId{77}, true})) == "not_found tunnel");
    CHECK(value_of(limits().list(admin)).empty());
    CHECK(verdict(limits().create(admin, {"x", 1, tunnel, true})) == "ok");
    CHECK(value_of(limits().list(admin)).front().tunnel_name == "t");
}

TEST_CASE_FIXTURE(Limits, "all forwards of a right share its limit in the plan, and nobody else's has it")
{
    const auto other = add_person("bob");
    assign(other, tunnel);
    slow_alice();
    const auto one = make_forward(alice, tunnel, 2000);
    const auto two = make_forward(alice, tunnel, 2001);
    const auto free = make_forward(other, tunnel, 2002);
    const auto made = plan();
    REQUIRE(made.speed_limits.size() == 1);
    CHECK(made.speed_limits[0].up == 10'000'000);
    CHECK(made.speed_limits[0].down == 10'000'000);
    for (const auto& forward : made.forwards) {
        CHECK(forward.speed_limits.size() == (forward.id == free ? 0 : 1));
        if (forward.id == one || forward.id == two) CHECK(forward.speed_limits.front() == made.speed_limits[0].id);
    }
}

TEST_CASE_FIXTURE(Limits, "a changed speed reaches the nodes at once as the same allowance, a removed one frees the forwards")
{
    const auto id = slow_alice();
    make_forward(alice, tunnel, 2000);
    const auto before = plan();
    REQUIRE(verdict(limits().update(admin, id, {"fast", 800, {}, true})) == "ok");
    const auto changed = plan();
    CHECK(changed.revision > before.revision);
    REQUIRE(changed.speed_limits.size() == 1);
    CHECK(changed.speed_limits[0].id == before.speed_limits[0].id);
    CHECK(changed.speed_limits[0].up == 100'000'000);
    REQUIRE(verdict(limits().remove(admin, id)) == "ok");
    const auto freed = plan();
    CHECK(freed.revision > changed.revision);
    CHECK(freed.speed_limits.empty());
    CHECK(freed.forwards.front().speed_limits.empty());
    CHECK_FALSE(value_of(panel.assignments().list(admin, alice.user)).front().assignment.speed_limit);
    CHECK(verdict(limits().update(admin, id, {"fast", 800, {}, true})) == "ok"); // unknown is fine
    CHECK(verdict(limits().remove(admin, id)) == "ok");
}

TEST_CASE_FIXTURE(Limits, "every change is in the audit with what was before")
{
    const auto id = slow_alice();
    REQUIRE(limits().update(admin, id, {"fast", 800, tunnel, true}));
    CHECK(audits().front().action == "speed_limit.update");
    CHECK(audits().front().before == "slow: 80 Mbit/s, on");
    CHECK(audits().front().after == "fast: 800 Mbit/s, tunnel 1, on");
    REQUIRE(limits().remove(admin, id));
    CHECK(audits().front().action == "speed_limit.delete");
}
