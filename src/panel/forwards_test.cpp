#include "panel/forwards.hpp"

#include "panel/testing.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::panel;
using namespace sluice::panel::testing;

namespace {

struct TwoNodes : Bench {
    NodeId a = add_node("a");
    NodeId b = add_node("b");
    TunnelId tunnel = add_tunnel("t", {a, b});
    Actor alice = add_person("alice");
    Actor bob = add_person("bob");

    TwoNodes()
    {
        assign(alice, tunnel);
        assign(bob, tunnel);
    }
    std::size_t count()
    {
        return read([](store::ReadTx& tx) { return store::ForwardTable(tx).all().size(); });
    }
};

} // namespace

TEST_CASE_FIXTURE(TwoNodes, "a forward gets the wished port on every entry node, and the nodes are told after the commit")
{
    const auto made = panel.forwards().create(alice, draft(tunnel, 2000));
    CHECK(value_of(made).port == 2000);
    const auto stored = forward(made->id);
    CHECK(stored->ports == std::vector<domain::ForwardPort>{{a, 2000}, {b, 2000}});
    CHECK(stored->owner == alice.user);
    CHECK(stored->owner_name == "alice");
    CHECK(nodes.told == std::vector{a, b});
}

TEST_CASE_FIXTURE(TwoNodes, "without a wish a port is chosen that is allowed and free on all entry nodes")
{
    write([&](store::WriteTx& tx) {
        store::NodeTable table(tx);
        auto node = *table.find(a);
        node.ports = *PortSet::parse("2000-2002");
        table.update(node);
        node = *table.find(b);
        node.ports = *PortSet::parse("2001-2003");
        table.update(node);
    });
    std::set<std::uint16_t> ports;
    for (int i = 0; i < 2; ++i) ports.insert(value_of(panel.forwards().create(alice, draft(tunnel))).port);
    CHECK(ports == std::set<std::uint16_t>{2001, 2002});
    CHECK(verdict(panel.forwards().create(alice, draft(tunnel))) == "conflict forward.no_port");
    CHECK(verdict(panel.forwards().create(alice, draft(tunnel, 2003))) == "invalid forward.port");
}

TEST_CASE_FIXTURE(TwoNodes, "a chosen port that another program has is replaced by one that is free, while there is one")
{
    write([&](store::WriteTx& tx) {
        store::NodeTable table(tx);
        auto node = *table.find(a);
        node.ports = *PortSet::parse("2000-2003");
        table.update(node);
    });
    for (const auto port : std::initializer_list<std::uint16_t>{2000, 2001, 2003}) nodes.faults[{b, port}] = port_taken();
    const auto made = panel.forwards().create(alice, draft(tunnel));
    CHECK(value_of(made).port == 2002);
    CHECK(count() == 1);
    const auto none = panel.forwards().create(alice, draft(tunnel));
    CHECK(verdict(none) == "unavailable forward.deploy");
    CHECK(none.error().args.at(1) == "address_in_use");
    CHECK(count() == 1);
}

TEST_CASE_FIXTURE(TwoNodes, "a port that another forward has is refused with the node and the port")
{
    make_forward(alice, tunnel, 2000);
    const auto second = panel.forwards().create(bob, draft(tunnel, 2000));
    CHECK(verdict(second) == "conflict forward.port");
    CHECK(second.error().args == std::vector<std::string>{"a", "2000"});
    CHECK(count() == 1);
}

TEST_CASE_FIXTURE(TwoNodes, "what cannot listen everywhere is not there at all, and the nodes hear that, too")
{
    nodes.faults[{b, 2000}] = port_taken();
    const auto made = panel.forwards().create(alice, draft(tunnel, 2000));
    CHECK(verdict(made) == "unavailable forward.deploy");
    CHECK(made.error().args == std::vector<std::string>{"b", "address_in_use", "2000"});
    CHECK(count() == 0);
    CHECK(nodes.told == std::vector{a, b, a, b});
    nodes.faults.clear();
    CHECK(verdict(panel.forwards().create(alice, draft(tunnel, 2000))) == "ok");
}

TEST_CASE_FIXTURE(TwoNodes, "a target that does not resolve refuses the forward, although it would listen")
{
    nodes.faults[{a, 2000}] = {{}, true, plan::Fault::target_unresolved, "no.such.example"};
    CHECK(verdict(panel.forwards().create(alice, draft(tunnel, 2000))) == "unavailable forward.deploy");
    CHECK(count() == 0);
}

TEST_CASE_FIXTURE(TwoNodes, "an entry node that is away or silent refuses the forward, and nothing remains")
{
    nodes.offline = {b};
    CHECK(verdict(panel.forwards().create(alice, draft(tunnel, 2000))) == "node_offline forward.deploy");
    nodes.offline.clear();
    nodes.hung = {b};
    CHECK(verdict(panel.forwards().create(alice, draft(tunnel, 2000))) == "timeout forward.deploy");
    CHECK(count() == 0);
}

TEST_CASE_FIXTURE(TwoNodes, "who may create is decided before what is typed: right to the tunnel, tunnel, switch, fields, allowance, port")
{
    auto spoiled = draft(tunnel, 2000, "");
    const auto carol = add_person("carol");
    CHECK(verdict(panel.forwards().create(carol, spoiled)) == "forbidden tunnel");
    CHECK(verdict(panel.forwards().create(admin, draft(TunnelId{77}))) == "not_found tunnel");
    write([&](store::WriteTx& tx) {
        auto row = *store::TunnelTable(tx).find(tunnel);
        row.enabled = false;
        store::TunnelTable(tx).update(row);
    });
    CHECK(verdict(panel.forwards().create(alice, spoiled)) == "conflict tunnel.disabled");
    write([&](store::WriteTx& tx) {
        auto row = *store::TunnelTable(tx).find(tunnel);
        row.enabled = true;
        store::TunnelTable(tx).update(row);
    });
    CHECK(verdict(panel.forwards().create(alice, spoiled)) == "invalid forward.name_or_targets");
    write([&](store::WriteTx& tx) { store::UserTable(tx).add_traffic(alice.user, {gibibytes(200), {}}); });
    auto outside = draft(tunnel, 80);
    CHECK(verdict(panel.forwards().create(alice, outside)) == "quota_exceeded user.flow");
    write([&](store::WriteTx& tx) { store::UserTable(tx).reset_traffic(alice.user); });
    CHECK(verdict(panel.forwards().create(alice, outside)) == "invalid forward.port");
}

TEST_CASE_FIXTURE(TwoNodes, "an assignment that is switched off, expired or used up refuses")
{
    domain::AssignmentPatch patch;
    patch.enabled = false;
    assign(alice, tunnel, patch);
    CHECK(verdict(panel.forwards().create(alice, draft(tunnel))) == "forbidden tunnel");
    patch.enabled = true;
    patch.allowance.expires = clock.wall();
    assign(alice, tunnel, patch);
    CHECK(verdict(panel.forwards().create(alice, draft(tunnel))) == "quota_exceeded assignment.expired");
    patch.allowance.expires = std::optional<WallTime>{};
    patch.allowance.quota = ByteCount{0};
    assign(alice, tunnel, patch);
    CHECK(verdict(panel.forwards().create(alice, draft(tunnel))) == "quota_exceeded assignment.flow");
}

TEST_CASE_FIXTURE(TwoNodes, "the number of forwards is limited for the user and for the assignment")
{
    domain::AssignmentPatch patch;
    patch.allowance.max_forwards = 1;
    assign(alice, tunnel, patch);
    make_forward(alice, tunnel, 2000);
    CHECK(verdict(panel.forwards().create(alice, draft(tunnel))) == "quota_exceeded assignment.forwards");
    const auto other = add_tunnel("other", {a});
    assign(alice, other);
    write([&](store::WriteTx& tx) {
        auto row = *store::UserTable(tx).find(alice.user);
        row.allowance.max_forwards = 1;
        store::UserTable(tx).update(row);
    });
    CHECK(verdict(panel.forwards().create(alice, draft(other))) == "quota_exceeded user.forwards");
}

TEST_CASE_FIXTURE(TwoNodes, "somebody else's forward answers exactly like none, whatever is asked of it")
{
    const auto id = make_forward(alice, tunnel, 2000);
    auto& forwards = panel.forwards();
    domain::ForwardPatch patch;
    patch.name = "mine now";
    for (const auto target : {id, ForwardId{777}}) {
        CAPTURE(target.value);
        CHECK(verdict(forwards.get(bob, target)) == "not_found forward");
        CHECK(verdict(forwards.update(bob, target, patch)) == "not_found forward");
        CHECK(verdict(forwards.may_update(bob, target, {})) == "not_found forward");
        CHECK(verdict(forwards.pause(bob, target)) == "not_found forward");
        CHECK(verdict(forwards.resume(bob, target)) == "not_found forward");
        CHECK(verdict(forwards.diagnose(bob, target)) == "not_found forward");
        CHECK(verdict(forwards.remove(bob, target)) == "not_found forward");
        CHECK(verdict(forwards.force_remove(bob, target)) == "not_found forward");
        CHECK(verdict(forwards.reorder(bob, {{target, 9}})) == "ok");
    }
    CHECK(forward(id)->name == "web");
    CHECK(forward(id)->enabled);
    CHECK(forward(id)->order == 0);
    CHECK(value_of(forwards.list(bob)).empty());
    CHECK(value_of(forwards.list(admin)).size() == 1);
    CHECK(verdict(forwards.update(admin, id, patch)) == "ok");
}

TEST_CASE_FIXTURE(TwoNodes, "an update keeps what is not named, the port above all")
{
    const auto id = make_forward(alice, tunnel, 2000);
    domain::ForwardPatch patch;
    patch.name = "renamed";
    CHECK(verdict(panel.forwards().update(alice, id, patch)) == "ok");
    const auto stored = forward(id);
    CHECK(stored->name == "renamed");
    CHECK(stored->ports == std::vector<domain::ForwardPort>{{a, 2000}, {b, 2000}});
    CHECK(stored->targets == std::vector<HostPort>{{"127.0.0.1", 80}});
}

TEST_CASE_FIXTURE(TwoNodes, "a forward keeps its port when the node's range became smaller; a new wish must fit")
{
    const auto id = make_forward(alice, tunnel, 2000);
    write([&](store::WriteTx& tx) {
        auto node = *store::NodeTable(tx).find(a);
        node.ports = PortSet::range(3000, 3999);
        store::NodeTable(tx).update(node);
    });
    domain::ForwardPatch patch;
    patch.name = "renamed";
    CHECK(verdict(panel.forwards().update(alice, id, patch)) == "ok");
    patch.port = 2001;
    CHECK(verdict(panel.forwards().update(alice, id, patch)) == "invalid forward.port");
}

TEST_CASE_FIXTURE(TwoNodes, "an update that cannot be deployed leaves the forward as it was")
{
    const auto id = make_forward(alice, tunnel, 2000);
    nodes.faults[{a, 2001}] = port_taken();
    domain::ForwardPatch patch;
    patch.port = 2001;
    patch.name = "moved";
    CHECK(verdict(panel.forwards().update(alice, id, patch)) == "unavailable forward.deploy");
    CHECK(forward(id)->name == "web");
    CHECK(forward(id)->ports == std::vector<domain::ForwardPort>{{a, 2000}, {b, 2000}});
    const auto plan = value_of(panel.plans().compile(a));
    REQUIRE(plan.forwards.size() == 1);
    CHECK(plan.forwards.front().port == 2000);
}

TEST_CASE_FIXTURE(TwoNodes, "a move to another tunnel keeps the port where it can, and old entry nodes are told")
{
    const auto c = add_node("c");
    const auto other = add_tunnel("other", {c});
    assign(alice, other);
    const auto id = make_forward(alice, tunnel, 2000);
    nodes.told.clear();
    domain::ForwardPatch patch;
    patch.tunnel = other;
    CHECK(verdict(panel.forwards().update(alice, id, patch)) == "ok");
    CHECK(forward(id)->ports == std::vector<domain::ForwardPort>{{c, 2000}});
    CHECK(value_of(panel.plans().compile(a)).forwards.empty());
    for (const auto node : {a, b, c}) CHECK(std::count(nodes.told.begin(), nodes.told.end(), node) > 0);

    // Taken there: another port is found.
    make_forward(bob, tunnel, 3000);
    const auto second = value_of(panel.forwards().create(admin, draft(other, 3000))).id;
    (void)second;
    const auto mine = value_of(panel.forwards().list(bob)).front().forward.id;
    assign(bob, other);
    CHECK(verdict(panel.forwards().update(bob, mine, patch)) == "ok");
    CHECK(forward(mine)->ports.front().port != 3000);
}

TEST_CASE_FIXTURE(TwoNodes, "an administrator cannot move a forward where its owner has no right")
{
    const auto other = add_tunnel("other", {a});
    const auto id = make_forward(alice, tunnel, 2000);
    domain::ForwardPatch patch;
    patch.tunnel = other;
    CHECK(verdict(panel.forwards().update(admin, id, patch)) == "forbidden tunnel");
    CHECK(verdict(panel.forwards().update(alice, id, patch)) == "forbidden tunnel");
    CHECK(forward(id)->tunnel == tunnel);
}

TEST_CASE_FIXTURE(TwoNodes, "editing a paused forward does not start it")
{
    const auto id = make_forward(alice, tunnel, 2000);
    CHECK(verdict(panel.forwards().pause(alice, id)) == "ok");
    domain::ForwardPatch patch;
    patch.targets = std::vector<HostPort>{{"127.0.0.1", 81}};
    CHECK(verdict(panel.forwards().update(alice, id, patch)) == "ok");
    CHECK_FALSE(forward(id)->enabled);
    CHECK(value_of(panel.plans().compile(a)).forwards.empty());
}

TEST_CASE_FIXTURE(TwoNodes, "pausing takes the forward out of every plan, twice is fine, and a node that is away pauses when it returns")
{
    const auto id = make_forward(alice, tunnel, 2000);
    nodes.offline = {b};
    CHECK(verdict(panel.forwards().pause(alice, id)) == "ok");
    CHECK(verdict(panel.forwards().pause(alice, id)) == "ok");
    CHECK(value_of(panel.plans().compile(a)).forwards.empty());
    CHECK(value_of(panel.plans().compile(b)).forwards.empty());
}

TEST_CASE_FIXTURE(TwoNodes, "resuming asks again whether the owner may, and a failure leaves it paused")
{
    const auto id = make_forward(alice, tunnel, 2000);
    value_of(panel.forwards().pause(alice, id));
    write([&](store::WriteTx& tx) { store::UserTable(tx).add_traffic(alice.user, {gibibytes(200), {}}); });
    CHECK(verdict(panel.forwards().resume(alice, id)) == "quota_exceeded user.flow");
    CHECK(verdict(panel.forwards().resume(admin, id)) == "quota_exceeded user.flow");
    write([&](store::WriteTx& tx) { store::UserTable(tx).reset_traffic(alice.user); });
    nodes.faults[{a, 2000}] = port_taken();
    CHECK(verdict(panel.forwards().resume(alice, id)) == "unavailable forward.deploy");
    CHECK_FALSE(forward(id)->enabled);
    nodes.faults.clear();
    CHECK(verdict(panel.forwards().resume(alice, id)) == "ok");
    CHECK(forward(id)->enabled);
}

TEST_CASE_FIXTURE(TwoNodes, "deleting needs the nodes, deleting by force does not")
{
    const auto id = make_forward(alice, tunnel, 2000);
    nodes.offline = {b};
    const auto refused = panel.forwards().remove(alice, id);
    CHECK(verdict(refused) == "node_offline node");
    CHECK(forward(id));
    CHECK(verdict(panel.forwards().force_remove(alice, id)) == "ok");
    CHECK_FALSE(forward(id));
    CHECK(verdict(panel.forwards().force_remove(alice, id)) == "not_found forward");
}

TEST_CASE_FIXTURE(TwoNodes, "the list shows reality beside the wish")
{
    const auto id = make_forward(alice, tunnel, 2000);
    const auto state = [&] { return value_of(panel.forwards().get(alice, id)).state; };
    CHECK(state() == ForwardState::waiting); // the nodes have not connected
    live.node_online(a);
    live.node_online(b);
    CHECK(state() == ForwardState::listening);
    live.applied(b, {9, {{id, false, plan::Fault::address_in_use, "tcp [::]:2000: Address already in use"}}});
    const auto failed = value_of(panel.forwards().get(alice, id));
    CHECK(failed.state == ForwardState::failed);
    CHECK(failed.fault_detail == "tcp [::]:2000: Address already in use");
    value_of(panel.forwards().pause(alice, id));
    CHECK(state() == ForwardState::paused);
}

TEST_CASE_FIXTURE(TwoNodes, "clients are told the addresses that the tunnel shows, else those of the entry nodes")
{
    const auto id = make_forward(alice, tunnel, 2000);
    CHECK(value_of(panel.forwards().get(alice, id)).entry_addresses == "192.0.2.1:2000");
    write([&](store::WriteTx& tx) {
        auto row = *store::TunnelTable(tx).find(tunnel);
        row.entry_addresses = "relay.example,2001:db8::1";
        store::TunnelTable(tx).update(row);
    });
    CHECK(value_of(panel.forwards().get(alice, id)).entry_addresses == "relay.example:2000,[2001:db8::1]:2000");
}

TEST_CASE_FIXTURE(TwoNodes, "a part of the list is what the whole list has there, for everybody his own")
{
    std::vector<ForwardId> ids;
    for (std::uint16_t port = 2000; port < 2006; ++port) ids.push_back(make_forward(port % 2 == 0 ? alice : bob, tunnel, port));
    value_of(panel.forwards().reorder(admin, {{ids[0], 99}}));
    const auto part = value_of(panel.forwards().list(admin, 4, 10));
    CHECK(part.total == 6);
    REQUIRE(part.views.size() == 2);
    CHECK(part.views[0].forward.id == ids[5]);
    CHECK(part.views[1].forward.id == ids[0]);
    CHECK(part.views[1].forward.ports.size() == 2);
    CHECK(part.views[1].tunnel_name == "t");
    const auto own = value_of(panel.forwards().list(alice, 0, 2));
    CHECK(own.total == 3);
    REQUIRE(own.views.size() == 2);
    CHECK(own.views[0].forward.id == ids[2]);
    CHECK(value_of(panel.forwards().list(bob, 3, 1)).views.empty());
}

TEST_CASE_FIXTURE(TwoNodes, "a diagnosis asks every entry for every target, then its own listener, in that order")
{
    auto wished = draft(tunnel, 2000);
    wished.targets = {{"10.0.0.1", 80}, {"10.0.0.2", 80}};
    const auto id = value_of(panel.forwards().create(alice, wished)).id;
    plan::TcpPingResult dead;
    dead.fault = plan::ProbeFault::refused;
    nodes.answers["10.0.0.2:80"] = dead;
    nodes.offline = {b};
    const auto diagnosis = value_of(panel.forwards().diagnose(alice, id));
    REQUIRE(diagnosis.steps.size() == 6);
    std::vector<std::string> seen;
    for (const auto& step : diagnosis.steps) seen.push_back(step.from_name + ">" + step.target.to_text());
    CHECK(seen ==
          std::vector<std::string>{"a>10.0.0.1:80", "a>10.0.0.2:80", "b>10.0.0.1:80", "b>10.0.0.2:80", "a>127.0.0.1:2000", "b>127.0.0.1:2000"});
    CHECK(diagnosis.steps[0].result.success);
    CHECK_FALSE(diagnosis.steps[1].result.success);
    CHECK(diagnosis.steps[2].failure->code == Errc::node_offline);
    CHECK(nodes.probed[4].request.through_listener);
}

TEST_CASE_FIXTURE(TwoNodes, "every change of a forward is in the history, with who and from where")
{
    const auto id = make_forward(alice, tunnel, 2000);
    domain::ForwardPatch patch;
    patch.name = "renamed";
    value_of(panel.forwards().update(alice, id, patch));
    value_of(panel.forwards().pause(alice, id));
    value_of(panel.forwards().resume(alice, id));
    value_of(panel.forwards().reorder(alice, {{id, 3}}));
    value_of(panel.forwards().remove(admin, id));
    std::vector<std::string> actions;
    for (const auto& row : audits()) {
        if (row.action.starts_with("forward.")) actions.push_back(row.user_name + " " + row.action);
    }
    CHECK(actions == std::vector<std::string>{"root forward.delete", "alice forward.reorder", "alice forward.resume", "alice forward.pause",
                                              "alice forward.update", "alice forward.create"});
    CHECK(audits().front().address == "192.0.2.99");
}

TEST_CASE_FIXTURE(TwoNodes, "sending a forward to its nodes again tells whether it works, and starts nothing that is paused")
{
    const auto id = make_forward(alice, tunnel, 2000);
    const auto before = value_of(panel.plans().compile(a)).revision;
    CHECK(verdict(panel.forwards().redeploy(alice, id)) == "ok");
    CHECK(value_of(panel.plans().compile(a)).revision > before);
    nodes.faults[{b, 2000}] = port_taken();
    CHECK(verdict(panel.forwards().redeploy(alice, id)) == "unavailable forward.deploy");
    CHECK(verdict(panel.tunnels().redeploy(admin, tunnel)) == "unavailable forward.deploy");
    CHECK(forward(id)->enabled);
    value_of(panel.forwards().pause(alice, id));
    CHECK(verdict(panel.forwards().redeploy(alice, id)) == "ok");
    CHECK(verdict(panel.tunnels().redeploy(admin, tunnel)) == "ok");
    CHECK(value_of(panel.plans().compile(a)).forwards.empty());
    CHECK(verdict(panel.forwards().redeploy(bob, id)) == "not_found forward");
    CHECK(verdict(panel.tunnels().redeploy(admin, TunnelId{77})) == "not_found tunnel");
    CHECK(verdict(panel.tunnels().redeploy(alice, tunnel)) == "forbidden role");
}
