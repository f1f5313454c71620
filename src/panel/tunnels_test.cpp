#include "panel/tunnels.hpp"

#include "panel/testing.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::panel;
using namespace sluice::panel::testing;

namespace {

domain::HopNode hop(NodeId node, domain::HopRole role = domain::HopRole::entry)
{
    domain::HopNode made;
    made.node = node;
    made.role = role;
    return made;
}

domain::TunnelDraft direct(const std::string& name, const std::vector<NodeId>& entries)
{
    domain::TunnelDraft draft;
    draft.name = name;
    for (const auto node : entries) draft.hops.push_back(hop(node));
    return draft;
}

struct Paths : Bench {
    NodeId a = add_node("a");
    NodeId b = add_node("b");

    std::string create(const domain::TunnelDraft& draft) { return verdict(panel.tunnels().create(admin, draft)); }
};

} // namespace

TEST_CASE_FIXTURE(Paths, "only administrators make and see tunnels")
{
    const auto alice = add_person("alice");
    auto& tunnels = panel.tunnels();
    CHECK(verdict(tunnels.list(alice)) == "forbidden role");
    CHECK(verdict(tunnels.get(alice, TunnelId{1})) == "forbidden role");
    CHECK(verdict(tunnels.create(alice, direct("t", {a}))) == "forbidden role");
    CHECK(verdict(tunnels.update(alice, TunnelId{1}, direct("t", {a}))) == "forbidden role");
    CHECK(verdict(tunnels.remove(alice, TunnelId{1})) == "forbidden role");
    CHECK(verdict(tunnels.reorder(alice, {})) == "forbidden role");
    CHECK(verdict(tunnels.diagnose(alice, TunnelId{1})) == "forbidden role");
}

TEST_CASE_FIXTURE(Paths, "what is wrong is said in the contract's order: name, name taken, entries, nodes one by one, billing, addresses")
{
    CHECK(create(direct("taken", {a})) == "ok");
    auto draft = direct("", {});
    draft.billing.ratio = 5000;
    draft.entry_addresses = "not an address";
    CHECK(create(draft) == "invalid tunnel.name");
    draft.name = std::string(101, 'x');
    CHECK(create(draft) == "invalid tunnel.name_length");
    draft.name = "taken";
    CHECK(create(draft) == "conflict tunnel.name");
    draft.name = "t";
    CHECK(create(draft) == "invalid tunnel.entries");
    draft.hops = {hop(a), hop(a)};
    CHECK(create(draft) == "invalid tunnel.nodes");
    draft.hops = {hop(a), hop(NodeId{77})};
    CHECK(create(draft) == "not_found node");
    nodes.offline = {b};
    draft.hops = {hop(a), hop(b)};
    CHECK(create(draft) == "node_offline tunnel.nodes");
    nodes.offline.clear();
    CHECK(create(draft) == "invalid tunnel.billing");
    draft.billing.ratio = 1.5;
    CHECK(create(draft) == "invalid tunnel.entry_addresses");
    draft.entry_addresses = " relay.example ";
    CHECK(create(draft) == "ok");
    CHECK(value_of(panel.tunnels().list(admin)).back().entry_addresses == "relay.example");
}

TEST_CASE_FIXTURE(Paths, "a direct tunnel is its entries; hops and exits that come along are not even looked at")
{
    auto draft = direct("t", {a});
    draft.hops.push_back(hop(a, domain::HopRole::exit));
    draft.hops.push_back(hop(NodeId{77}, domain::HopRole::middle));
    CHECK(create(draft) == "ok");
    CHECK(value_of(panel.tunnels().list(admin)).front().tunnel.hops.size() == 1);
}

TEST_CASE_FIXTURE(Paths, "without addresses of its own a tunnel shows those of its entries")
{
    value_of(panel.tunnels().create(admin, direct("t", {a, b})));
    CHECK(value_of(panel.tunnels().list(admin)).front().entry_addresses == "192.0.2.1");
}

TEST_CASE_FIXTURE(Paths, "an update moves forwards with the entries: kept, opened on new ones, closed on old ones")
{
    const auto id = value_of(panel.tunnels().create(admin, direct("t", {a})));
    const auto kept = make_forward(admin, id, 2000);
    CHECK(verdict(panel.tunnels().update(admin, id, direct("t", {a, b}))) == "ok");
    CHECK(forward(kept)->ports == std::vector<domain::ForwardPort>{{a, 2000}, {b, 2000}});
    nodes.told.clear();
    CHECK(verdict(panel.tunnels().update(admin, id, direct("t", {b}))) == "ok");
    CHECK(forward(kept)->ports == std::vector<domain::ForwardPort>{{b, 2000}});
    CHECK(nodes.told == std::vector{a, b});
    CHECK(value_of(panel.plans().compile(a)).forwards.empty());
}

TEST_CASE_FIXTURE(Paths, "an update whose new entry has the port taken changes nothing")
{
    const auto id = value_of(panel.tunnels().create(admin, direct("t", {a})));
    const auto other = value_of(panel.tunnels().create(admin, direct("u", {b})));
    const auto mine = make_forward(admin, id, 2000);
    make_forward(admin, other, 2000);
    auto draft = direct("renamed", {a, b});
    CHECK(verdict(panel.tunnels().update(admin, id, draft)) == "conflict forward.port");
    CHECK(value_of(panel.tunnels().get(admin, id)).tunnel.name == "t");
    CHECK(forward(mine)->ports.size() == 1);
}

TEST_CASE_FIXTURE(Paths, "an update is refused for a tunnel that is not there, a name that is taken and another type")
{
    const auto id = value_of(panel.tunnels().create(admin, direct("t", {a})));
    value_of(panel.tunnels().create(admin, direct("u", {a})));
    CHECK(verdict(panel.tunnels().update(admin, TunnelId{77}, direct("x", {a}))) == "not_found tunnel");
    CHECK(verdict(panel.tunnels().update(admin, id, direct("u", {a}))) == "conflict tunnel.name");
    auto chain = direct("t", {a});
    chain.type = domain::TunnelType::chain;
    CHECK(verdict(panel.tunnels().update(admin, id, chain)) == "conflict tunnel.type");
    CHECK(verdict(panel.tunnels().update(admin, id, direct("t", {a}))) == "ok");
}

TEST_CASE_FIXTURE(Paths, "forwards whose last entry node was removed listen again when the tunnel gets a new one")
{
    const auto id = value_of(panel.tunnels().create(admin, direct("t", {b})));
    const auto orphan = make_forward(admin, id, 2000);
    value_of(panel.nodes().remove(admin, b));
    CHECK(forward(orphan)->ports.empty());
    CHECK(verdict(panel.forwards().resume(admin, orphan)) == "conflict forward.entries");
    CHECK(verdict(panel.tunnels().update(admin, id, direct("t", {a}))) == "ok");
    CHECK(forward(orphan)->ports.size() == 1);
    CHECK(value_of(panel.plans().compile(a)).forwards.size() == 1);
}

TEST_CASE_FIXTURE(Paths, "deleting a tunnel deletes its forwards and rights, and the nodes are told")
{
    const auto id = value_of(panel.tunnels().create(admin, direct("t", {a})));
    const auto alice = add_person("alice");
    assign(alice, id);
    const auto gone = make_forward(alice, id, 2000);
    nodes.told.clear();
    CHECK(verdict(panel.tunnels().remove(admin, id)) == "ok");
    CHECK_FALSE(forward(gone));
    CHECK(value_of(panel.assignments().list(admin, alice.user)).empty());
    CHECK(nodes.told == std::vector{a});
    CHECK(verdict(panel.tunnels().remove(admin, id)) == "ok");
}

TEST_CASE_FIXTURE(Paths, "an administrator may use every tunnel that is on, a user those that he was given")
{
    const auto one = value_of(panel.tunnels().create(admin, direct("one", {a})));
    auto off = direct("off", {a});
    off.enabled = false;
    const auto two = value_of(panel.tunnels().create(admin, off));
    value_of(panel.tunnels().create(admin, direct("three", {a})));
    const auto alice = add_person("alice");
    assign(alice, one);
    assign(alice, two);
    const auto names = [&](const Actor& actor) {
        std::vector<std::string> out;
        for (const auto& tunnel : value_of(panel.tunnels().usable(actor))) out.push_back(tunnel.name);
        return out;
    };
    CHECK(names(admin) == std::vector<std::string>{"one", "three"});
    CHECK(names(alice) == std::vector<std::string>{"one"});
    const auto usable = value_of(panel.tunnels().usable(alice)).front();
    CHECK(usable.port_min == 1000);
    CHECK(usable.port_max == 65535);
}

TEST_CASE_FIXTURE(Paths, "a diagnosis asks every entry for the internet, and total failure is an answer")
{
    const auto id = value_of(panel.tunnels().create(admin, direct("t", {a, b})));
    nodes.offline = {b};
    const auto diagnosis = value_of(panel.tunnels().diagnose(admin, id));
    REQUIRE(diagnosis.steps.size() == 2);
    CHECK(diagnosis.steps[0].target.to_text() == "www.bing.com:443");
    CHECK(diagnosis.steps[0].result.success);
    CHECK(diagnosis.steps[1].failure->code == Errc::node_offline);
    CHECK(verdict(panel.tunnels().diagnose(admin, TunnelId{77})) == "not_found tunnel");
    nodes.offline.clear();
    value_of(panel.nodes().remove(admin, a));
    value_of(panel.nodes().remove(admin, b));
    CHECK(verdict(panel.tunnels().diagnose(admin, id)) == "invalid tunnel.incomplete");
}
