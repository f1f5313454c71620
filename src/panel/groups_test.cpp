// Rights that come and go with membership: who is in which group, and what stands behind an assignment.
#include "panel/groups.hpp"

#include "panel/testing.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::panel;
using namespace sluice::panel::testing;

namespace {

struct Clubs : Bench {
    NodeId node = add_node("a");
    TunnelId hk = add_tunnel("hk", {node});
    TunnelId us = add_tunnel("us", {node});
    Actor alice = add_person("alice");
    Actor bob = add_person("bob");
    UserGroupId people = value_of(panel.groups().create_user_group(admin, "people", true));
    TunnelGroupId tunnels = value_of(panel.groups().create_tunnel_group(admin, "tunnels", true));

    void members(const std::vector<UserId>& users) { value_of(panel.groups().set_members(admin, people, users)); }
    void paths(const std::vector<TunnelId>& some) { value_of(panel.groups().set_members(admin, tunnels, some)); }
    void permit() { value_of(panel.groups().permit(admin, people, tunnels)); }
    std::vector<TunnelId> rights_of(const Actor& user)
    {
        std::vector<TunnelId> out;
        for (const auto& view : value_of(panel.assignments().list(admin, user.user))) out.push_back(view.assignment.tunnel);
        std::sort(out.begin(), out.end());
        return out;
    }
};

} // namespace

TEST_CASE_FIXTURE(Clubs, "only administrators manage groups; a user may ask which he is in")
{
    auto& groups = panel.groups();
    CHECK(verdict(groups.user_groups(alice)) == "forbidden role");
    CHECK(verdict(groups.tunnel_groups(alice)) == "forbidden role");
    CHECK(verdict(groups.permissions(alice)) == "forbidden role");
    CHECK(verdict(groups.create_user_group(alice, "x", true)) == "forbidden role");
    CHECK(verdict(groups.create_tunnel_group(alice, "x", true)) == "forbidden role");
    CHECK(verdict(groups.update(alice, people, "x", true)) == "forbidden role");
    CHECK(verdict(groups.remove(alice, tunnels)) == "forbidden role");
    CHECK(verdict(groups.set_members(alice, people, {alice.user})) == "forbidden role");
    CHECK(verdict(groups.permit(alice, people, tunnels)) == "forbidden role");
    CHECK(verdict(groups.revoke(alice, 1)) == "forbidden role");
    members({alice.user});
    CHECK(value_of(groups.groups_of(alice, alice.user)) == std::vector{people});
    CHECK(verdict(groups.groups_of(bob, alice.user)) == "forbidden role");
    CHECK(value_of(groups.groups_of(admin, UserId{77})).empty());
}

TEST_CASE_FIXTURE(Clubs, "names are unique among their kind")
{
    CHECK(verdict(panel.groups().create_user_group(admin, "people", true)) == "conflict group.name");
    CHECK(verdict(panel.groups().create_user_group(admin, "tunnels", true)) == "ok");
    CHECK(verdict(panel.groups().create_user_group(admin, "", true)) == "invalid group.name");
    CHECK(verdict(panel.groups().create_user_group(admin, std::string(101, 'x'), true)) == "invalid group.name_length");
    CHECK(verdict(panel.groups().update(admin, people, "tunnels", true)) == "conflict group.name");
    CHECK(verdict(panel.groups().update(admin, people, "people", false)) == "ok");
    CHECK(verdict(panel.groups().update(admin, UserGroupId{77}, "x", true)) == "ok");
}

TEST_CASE_FIXTURE(Clubs, "a permission gives every member every tunnel, with the user's own allowance, whichever came first")
{
    members({alice.user, bob.user});
    paths({hk, us});
    CHECK(rights_of(alice).empty());
    permit();
    permit();
    CHECK(rights_of(alice) == std::vector{hk, us});
    CHECK(rights_of(bob) == std::vector{hk, us});
    CHECK(value_of(panel.assignments().list(admin, alice.user)).front().assignment.allowance == user(alice.user).allowance);
    const auto later = add_person("carol");
    members({alice.user, later.user});
    CHECK(rights_of(later) == std::vector{hk, us});
    CHECK(rights_of(bob).empty());
}

TEST_CASE_FIXTURE(Clubs, "members that do not exist are left out")
{
    members({alice.user, UserId{77}});
    paths({hk, TunnelId{77}});
    CHECK(value_of(panel.groups().user_groups(admin)).front().members.size() == 1);
    CHECK(value_of(panel.groups().tunnel_groups(admin)).front().members.front().name == "hk");
    CHECK(verdict(panel.groups().set_members(admin, UserGroupId{77}, {alice.user})) == "not_found group");
    CHECK(verdict(panel.groups().permit(admin, people, TunnelGroupId{77})) == "not_found group");
}

TEST_CASE_FIXTURE(Clubs, "leaving a group takes the rights that it gave, with the forwards under them, and tells the nodes")
{
    members({alice.user});
    paths({hk});
    permit();
    const auto id = make_forward(alice, hk, 2000);
    nodes.told.clear();
    members({});
    CHECK(rights_of(alice).empty());
    CHECK_FALSE(forward(id));
    CHECK(nodes.told == std::vector{node});
    CHECK(value_of(panel.plans().compile(node)).forwards.empty());
}

TEST_CASE_FIXTURE(Clubs, "what was assigned by hand stays, with its own allowance")
{
    domain::AssignmentPatch patch;
    patch.allowance.quota = gibibytes(3);
    assign(alice, hk, patch);
    members({alice.user});
    paths({hk});
    permit();
    CHECK(value_of(panel.assignments().list(admin, alice.user)).front().assignment.allowance.quota == gibibytes(3));
    members({});
    CHECK(rights_of(alice) == std::vector{hk});
}

TEST_CASE_FIXTURE(Clubs, "rights end with the tunnel's membership, the permission, and either group")
{
    const auto set_up = [&] {
        members({alice.user});
        paths({hk, us});
        permit();
        REQUIRE(rights_of(alice) == std::vector{hk, us});
    };
    set_up();
    paths({us});
    CHECK(rights_of(alice) == std::vector{us});
    set_up();
    CHECK(verdict(panel.groups().revoke(admin, value_of(panel.groups().permissions(admin)).front().id)) == "ok");
    CHECK(rights_of(alice).empty());
    CHECK(verdict(panel.groups().revoke(admin, 777)) == "ok");
    set_up();
    CHECK(verdict(panel.groups().remove(admin, tunnels)) == "ok");
    CHECK(rights_of(alice).empty());
    tunnels = value_of(panel.groups().create_tunnel_group(admin, "tunnels", true));
    set_up();
    CHECK(verdict(panel.groups().remove(admin, people)) == "ok");
    CHECK(rights_of(alice).empty());
    CHECK(value_of(panel.groups().permissions(admin)).empty());
    CHECK(verdict(panel.groups().remove(admin, people)) == "ok");
}

TEST_CASE_FIXTURE(Clubs, "a right that two permissions stand behind ends with the second, not with the first")
{
    const auto others = value_of(panel.groups().create_user_group(admin, "others", true));
    value_of(panel.groups().set_members(admin, others, {alice.user}));
    members({alice.user});
    paths({hk});
    permit();
    value_of(panel.groups().permit(admin, others, tunnels));
    members({});
    CHECK(rights_of(alice) == std::vector{hk});
    value_of(panel.groups().set_members(admin, others, {}));
    CHECK(rights_of(alice).empty());
}

TEST_CASE_FIXTURE(Clubs, "a user joins his groups when he is made, and an update replaces them only when it names them")
{
    paths({hk});
    permit();
    UserDraft draft;
    draft.name = "carol";
    draft.password = Secret{"Secret-1"};
    draft.groups = std::vector{people, UserGroupId{77}};
    const Actor carol{value_of(panel.users().create(admin, draft)), "carol", domain::Role::regular, {}};
    CHECK(rights_of(carol) == std::vector{hk});
    draft.password.reset();
    draft.groups.reset();
    value_of(panel.users().update(admin, carol.user, draft));
    CHECK(rights_of(carol) == std::vector{hk});
    draft.groups = std::vector<UserGroupId>{};
    value_of(panel.users().update(admin, carol.user, draft));
    CHECK(rights_of(carol).empty());
    CHECK(value_of(panel.groups().groups_of(carol, carol.user)).empty());
}
