#include "panel/users.hpp"

#include "panel/testing.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::panel;
using namespace sluice::panel::testing;

namespace {

UserDraft named(const std::string& name, const char* password = nullptr)
{
    UserDraft draft;
    draft.name = name;
    if (password) draft.password = Secret{password};
    draft.allowance = {gibibytes(50), 10, {}, 1};
    return draft;
}

} // namespace

TEST_CASE_FIXTURE(Bench, "only administrators manage users")
{
    const auto alice = add_person("alice");
    auto& users = panel.users();
    CHECK(verdict(users.list(alice)) == "forbidden role");
    CHECK(verdict(users.create(alice, named("x", "y"))) == "forbidden role");
    CHECK(verdict(users.update(alice, alice.user, named("x"))) == "forbidden role");
    CHECK(verdict(users.remove(alice, alice.user)) == "forbidden role");
    CHECK(verdict(users.reset_traffic(alice, alice.user)) == "forbidden role");
    CHECK(verdict(users.reset_assignment_traffic(alice, AssignmentId{1})) == "forbidden role");
}

TEST_CASE_FIXTURE(Bench, "a new user is regular, can sign in, and does not take a name that exists")
{
    const auto id = value_of(panel.users().create(admin, named("alice", "Secret-1")));
    CHECK(user(id).role == domain::Role::regular);
    CHECK(verdict(panel.accounts().sign_in("alice", Secret{"Secret-1"}, admin.address)) == "ok");
    CHECK(verdict(panel.users().create(admin, named("alice", "Secret-2"))) == "conflict user.name");
    CHECK(verdict(panel.users().create(admin, named("", "x"))) == "invalid user.credentials");
    CHECK(verdict(panel.users().create(admin, named("bob"))) == "invalid user.credentials");
    CHECK(verdict(panel.users().create(admin, named(std::string(101, 'b'), "x"))) == "invalid user.name_length");
    CHECK(value_of(panel.users().list(admin)).size() == 1); // the administrator is not in it
}

TEST_CASE_FIXTURE(Bench, "an update copies the allowance to all assignments and keeps the password that it does not name")
{
    const auto id = value_of(panel.users().create(admin, named("alice", "Secret-1")));
    const Actor alice{id, "alice", domain::Role::regular, {}};
    const auto tunnel = add_tunnel("t", {add_node("a")});
    assign(alice, tunnel);
    auto draft = named("alicia");
    draft.allowance = {gibibytes(7), 3, clock.wall() + Seconds{60}, 31};
    CHECK(verdict(panel.users().update(admin, id, draft)) == "ok");
    CHECK(value_of(panel.assignments().list(admin, id)).front().assignment.allowance == draft.allowance);
    CHECK(verdict(panel.accounts().sign_in("alicia", Secret{"Secret-1"}, admin.address)) == "ok");
}

TEST_CASE_FIXTURE(Bench, "an update is refused for nobody, for administrators and for a name that is taken")
{
    const auto alice = add_person("alice");
    add_person("bob");
    CHECK(verdict(panel.users().update(admin, UserId{77}, named("x"))) == "not_found user");
    CHECK(verdict(panel.users().update(admin, admin.user, named("x"))) == "forbidden user.admin");
    CHECK(verdict(panel.users().update(admin, alice.user, named("bob"))) == "conflict user.name");
    CHECK(verdict(panel.users().update(admin, alice.user, named(""))) == "invalid user.name");
    CHECK(verdict(panel.users().remove(admin, UserId{77})) == "not_found user");
    CHECK(verdict(panel.users().remove(admin, admin.user)) == "forbidden user.admin");
}

TEST_CASE_FIXTURE(Bench, "switching a user off or cutting his quota stops his forwards, and the nodes are told")
{
    const auto alice = add_person("alice");
    const auto node = add_node("a");
    const auto tunnel = add_tunnel("t", {node});
    assign(alice, tunnel);
    const auto id = make_forward(alice, tunnel, 2000);
    nodes.told.clear();
    auto off = named("alice");
    off.enabled = false;
    CHECK(verdict(panel.users().update(admin, alice.user, off)) == "ok");
    CHECK_FALSE(forward(id)->enabled);
    CHECK(nodes.told == std::vector{node});
    CHECK(event_kinds() == std::vector<std::string>{"forward.stopped"});
}

TEST_CASE_FIXTURE(Bench, "deleting a user deletes his forwards, and the nodes are told")
{
    const auto alice = add_person("alice");
    const auto node = add_node("a");
    const auto tunnel = add_tunnel("t", {node});
    assign(alice, tunnel);
    const auto id = make_forward(alice, tunnel, 2000);
    nodes.told.clear();
    CHECK(verdict(panel.users().remove(admin, alice.user)) == "ok");
    CHECK_FALSE(forward(id));
    CHECK(nodes.told == std::vector{node});
    CHECK(value_of(panel.plans().compile(node)).forwards.empty());
}

TEST_CASE_FIXTURE(Bench, "a reset takes the user's counters with those of his assignments, or one assignment's alone")
{
    const auto alice = add_person("alice");
    const auto first = add_tunnel("t", {add_node("a")});
    const auto second = add_tunnel("u", {add_node("b")});
    const auto one = assign(alice, first);
    assign(alice, second);
    const auto use = [&] {
        write([&](store::WriteTx& tx) {
            store::UserTable(tx).add_traffic(alice.user, {{5}, {5}});
            store::AssignmentTable(tx).add_traffic(alice.user, first, {{1}, {1}});
            store::AssignmentTable(tx).add_traffic(alice.user, second, {{2}, {2}});
        });
    };
    const auto used = [&] {
        std::vector<std::int64_t> totals{user(alice.user).used.total().value};
        for (const auto& view : value_of(panel.assignments().list(admin, alice.user))) totals.push_back(view.assignment.used.total().value);
        return totals;
    };
    use();
    CHECK(verdict(panel.users().reset_assignment_traffic(admin, one)) == "ok");
    CHECK(used() == std::vector<std::int64_t>{10, 0, 4});
    CHECK(verdict(panel.users().reset_traffic(admin, alice.user)) == "ok");
    CHECK(used() == std::vector<std::int64_t>{0, 0, 0});
    CHECK(verdict(panel.users().reset_traffic(admin, UserId{77})) == "ok");
}
