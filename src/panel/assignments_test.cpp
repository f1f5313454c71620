#include "panel/assignments.hpp"

#include "panel/testing.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::panel;
using namespace sluice::panel::testing;

namespace {

struct Rights : Bench {
    NodeId node = add_node("a");
    TunnelId tunnel = add_tunnel("t", {node});
    Actor alice = add_person("alice");

    domain::Assignment stored() { return value_of(panel.assignments().list(admin, alice.user)).front().assignment; }
};

} // namespace

TEST_CASE_FIXTURE(Rights, "only administrators give rights; a user reads his own and nobody else's")
{
    const auto bob = add_person("bob");
    assign(alice, tunnel);
    auto& assignments = panel.assignments();
    CHECK(verdict(assignments.assign(alice, alice.user, tunnel, {})) == "forbidden role");
    CHECK(verdict(assignments.update(alice, AssignmentId{1}, {})) == "forbidden role");
    CHECK(verdict(assignments.remove(alice, AssignmentId{1})) == "forbidden role");
    CHECK(verdict(assignments.remove(alice, alice.user, tunnel)) == "forbidden role");
    CHECK(value_of(assignments.list(alice, alice.user)).size() == 1);
    CHECK(verdict(assignments.list(bob, alice.user)) == "forbidden role");
}

TEST_CASE_FIXTURE(Rights, "what is not given comes from the user")
{
    assign(alice, tunnel);
    CHECK(stored().allowance == user(alice.user).allowance);
    CHECK(stored().enabled);
}

TEST_CASE_FIXTURE(Rights, "assigning again keeps the id and what is not given, and changes what is")
{
    domain::AssignmentPatch patch;
    patch.allowance.quota = gibibytes(5);
    patch.allowance.reset_day = 15;
    const auto id = assign(alice, tunnel, patch);
    write([&](store::WriteTx& tx) { store::AssignmentTable(tx).add_traffic(alice.user, tunnel, {{7}, {8}}); });
    patch = {};
    patch.allowance.max_forwards = 2;
    CHECK(assign(alice, tunnel, patch) == id);
    CHECK(stored().allowance.quota == gibibytes(5));
    CHECK(stored().allowance.reset_day == 15);
    CHECK(stored().allowance.max_forwards == 2);
    CHECK(stored().used.total() == ByteCount{15});
}

TEST_CASE_FIXTURE(Rights, "a right needs a user, a tunnel, a speed limit that exists, and numbers that make sense")
{
    const auto give = [&](UserId user, TunnelId to, const domain::AssignmentPatch& patch) {
        return verdict(panel.assignments().assign(admin, user, to, patch));
    };
    CHECK(give(UserId{77}, tunnel, {}) == "not_found user");
    CHECK(give(alice.user, TunnelId{77}, {}) == "not_found tunnel");
    domain::AssignmentPatch patch;
    patch.speed_limit = SpeedLimitId{9};
    CHECK(give(alice.user, tunnel, patch) == "not_found speed_limit");
    patch = {};
    patch.allowance.reset_day = 32;
    CHECK(give(alice.user, tunnel, patch) == "invalid assignment.reset_day");
    patch = {};
    patch.allowance.max_forwards = -1;
    CHECK(give(alice.user, tunnel, patch) == "invalid assignment.max_forwards");
    CHECK(value_of(panel.assignments().list(admin, alice.user)).empty());
}

TEST_CASE_FIXTURE(Rights, "switching a right off stops what runs under it at once, and only that")
{
    const auto other = add_tunnel("u", {node});
    const auto id = assign(alice, tunnel);
    assign(alice, other);
    const auto stopped = make_forward(alice, tunnel, 2000);
    const auto untouched = make_forward(alice, other, 2001);
    domain::AssignmentPatch patch;
    patch.enabled = false;
    nodes.told.clear();
    CHECK(verdict(panel.assignments().update(admin, id, patch)) == "ok");
    CHECK_FALSE(forward(stopped)->enabled);
    CHECK(forward(untouched)->enabled);
    CHECK(std::count(nodes.told.begin(), nodes.told.end(), node) > 0);
    CHECK(verdict(panel.assignments().update(admin, AssignmentId{77}, patch)) == "ok");
}

TEST_CASE_FIXTURE(Rights, "taking a right away removes the forwards that ran under it, by id or by pair")
{
    const auto id = assign(alice, tunnel);
    const auto first = make_forward(alice, tunnel, 2000);
    const auto of_admin = make_forward(admin, tunnel, 2001);
    CHECK(verdict(panel.assignments().remove(admin, id)) == "ok");
    CHECK_FALSE(forward(first));
    CHECK(forward(of_admin));
    assign(alice, tunnel);
    const auto second = make_forward(alice, tunnel, 2000);
    CHECK(verdict(panel.assignments().remove(admin, alice.user, tunnel)) == "ok");
    CHECK_FALSE(forward(second));
    CHECK(verdict(panel.assignments().remove(admin, AssignmentId{77})) == "ok");
    CHECK(verdict(panel.assignments().remove(admin, alice.user, tunnel)) == "ok");
}

TEST_CASE_FIXTURE(Rights, "the history tells what a right was before and after")
{
    const auto id = assign(alice, tunnel);
    domain::AssignmentPatch patch;
    patch.allowance.quota = gibibytes(5);
    value_of(panel.assignments().update(admin, id, patch));
    const auto row = audits().front();
    CHECK(row.action == "assignment.update");
    CHECK(row.before.find("quota 100 GiB") != std::string::npos);
    CHECK(row.after.find("quota 5 GiB") != std::string::npos);
}
