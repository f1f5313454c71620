// Tunnels of several nodes: what is refused, which ports hops get, and what each node's plan says.
#include "panel/chains.hpp"

#include "panel/testing.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::panel;
using namespace sluice::panel::testing;

namespace {

using domain::HopRole;

Fingerprint key_of(std::uint8_t number)
{
    Fingerprint key;
    key.bytes.fill(number);
    return key;
}

domain::HopNode hop(NodeId node, HopRole role, int place = 0)
{
    domain::HopNode made;
    made.node = node;
    made.role = role;
    made.place = place;
    return made;
}

struct Chains : Bench {
    NodeId a = make("a", "192.0.2.1", 1);
    NodeId b = make("b", "192.0.2.2", 2);
    NodeId c = make("c", "192.0.2.3", 3);
    NodeId d = make("d", "192.0.2.4", 4);

    NodeId make(const std::string& name, const std::string& address, std::uint8_t key)
    {
        const auto id = add_node(name);
        write([&](store::WriteTx& tx) {
            store::NodeTable table(tx);
            auto node = *table.find(id);
            node.address = address;
            node.ports = PortSet::range(2000, 2010);
            table.update(node);
            table.set_key(id, key_of(key));
        });
        return id;
    }
    template <class Change>
    void edit(NodeId id, Change change)
    {
        write([&](store::WriteTx& tx) {
            store::NodeTable table(tx);
            auto node = *table.find(id);
            change(node);
            table.update(node);
        });
    }
    domain::TunnelDraft chain(const std::vector<domain::HopNode>& hops)
    {
        domain::TunnelDraft draft;
        draft.name = "chain";
        draft.type = domain::TunnelType::chain;
        draft.hops = hops;
        return draft;
    }
    TunnelId create(const domain::TunnelDraft& draft) { return value_of(panel.tunnels().create(admin, draft)); }
    std::string verdict_of(const domain::TunnelDraft& draft) { return verdict(panel.tunnels().create(admin, draft)); }
    plan::Plan plan_of(NodeId node) { return value_of(panel.plans().compile(node)); }
    domain::Tunnel stored(TunnelId id) { return value_of(panel.tunnels().get(admin, id)).tunnel; }
    std::size_t count() { return value_of(panel.tunnels().list(admin)).size(); }
};

} // namespace

TEST_CASE_FIXTURE(Chains, "what is wrong with a chain is said in the contract's order, and nothing stays of it")
{
    CHECK(verdict_of(chain({hop(a, HopRole::entry)})) == "invalid tunnel.exits");
    CHECK(verdict_of(chain({hop(a, HopRole::entry), hop(NodeId{99}, HopRole::exit)})) == "not_found node");
    CHECK(verdict_of(chain({hop(a, HopRole::entry), hop(a, HopRole::exit)})) == "invalid tunnel.nodes");
    CHECK(verdict_of(chain({hop(a, HopRole::entry), hop(b, HopRole::exit), hop(b, HopRole::middle, 1)})) == "invalid tunnel.nodes");
    nodes.offline = {b};
    CHECK(verdict_of(chain({hop(a, HopRole::entry), hop(b, HopRole::exit)})) == "node_offline tunnel.nodes");
    nodes.offline.clear();
    edit(b, [](domain::Node& node) { node.address_v6 = "2001:db8::2"; }); // v6 only from now on
    const auto refused = panel.tunnels().create(admin, chain({hop(a, HopRole::entry), hop(b, HopRole::exit)}));
    CHECK(verdict(refused) == "invalid tunnel.families");
    CHECK(refused.error().args == std::vector<std::string>{"a", "true", "false", "b", "false", "true"});
    edit(c, [](domain::Node& node) { node.ports = PortSet::range(2000, 2000); });
    auto full = chain({hop(a, HopRole::entry), hop(c, HopRole::exit)});
    create(full);
    full.name = "second";
    CHECK(verdict_of(full) == "conflict tunnel.no_port");
    auto strange = chain({hop(a, HopRole::entry), hop(d, HopRole::exit)});
    strange.name = "strange";
    strange.hops[1].path = "/a b";
    CHECK(verdict_of(strange) == "invalid tunnel.hop");
    CHECK(count() == 1);
}

TEST_CASE_FIXTURE(Chains, "hops get the lowest free ports of their nodes, and keep them when the chain is edited")
{
    make_forward(admin, add_tunnel("direct", {b}), 2000);
    const auto id = create(chain({hop(a, HopRole::entry), hop(b, HopRole::middle, 1), hop(c, HopRole::exit)}));
    auto tunnel = stored(id);
    CHECK_FALSE(tunnel.hops[0].port);
    CHECK(tunnel.hops[1].port == 2001); // 2000 is a forward's
    CHECK(tunnel.hops[2].port == 2000);
    auto draft = chain({hop(a, HopRole::entry), hop(b, HopRole::middle, 1), hop(d, HopRole::exit), hop(c, HopRole::exit)});
    REQUIRE(panel.tunnels().update(admin, id, draft));
    tunnel = stored(id);
    CHECK(tunnel.hops[1].port == 2001);
    for (const auto& one : tunnel.hops)
        if (one.node == c) CHECK(one.port == 2000);
    // A port that is somebody else's is not given away.
    draft.hops[1].port = 2000;
    CHECK(verdict(panel.tunnels().update(admin, id, draft)) == "conflict tunnel.hop_port");
    // And a forward does not get a hop's.
    auto taken = this->draft(add_tunnel("other", {c}), 2000, "x");
    CHECK(verdict(panel.forwards().create(admin, taken)) == "conflict forward.port");
}

TEST_CASE_FIXTURE(Chains, "each node's plan has its part and no more: only exits know the targets")
{
    auto draft = chain({hop(a, HopRole::entry), hop(b, HopRole::middle, 1), hop(c, HopRole::exit), hop(d, HopRole::exit)});
    draft.hops[1].carrier = domain::Carrier::mtls;
    draft.hops[1].server_name = "www.example.com";
    draft.hops[1].alpn = "h2, http/1.1";
    draft.hops[2].carrier = domain::Carrier::wss;
    draft.hops[2].public_host = "proxy.example";
    draft.hops[2].public_port = 443;
    draft.hops[2].path = "/chat";
    draft.hops[2].strategy = domain::HopStrategy::first;
    const auto id = create(draft);
    const auto forward = make_forward(admin, id, 2005);

    const auto entry = plan_of(a);
    REQUIRE(entry.forwards.size() == 1);
    CHECK(entry.forwards[0].tunnel == id);
    CHECK(entry.forwards[0].targets.empty());
    CHECK(entry.forwards[0].port == 2005);
    REQUIRE(entry.tunnels.size() == 1);
    CHECK(entry.tunnels[0].port == 0);
    CHECK(entry.tunnels[0].previous.empty());
    REQUIRE(entry.tunnels[0].next.size() == 1);
    CHECK(entry.tunnels[0].next[0].key == key_of(2));
    CHECK(entry.tunnels[0].next[0].multiplexed);
    CHECK(entry.tunnels[0].next[0].dial->address == HostPort{"192.0.2.2", 2000});
    CHECK(entry.tunnels[0].next[0].dial->server_name == "www.example.com");
    CHECK(entry.tunnels[0].next[0].dial->alpn == std::vector<std::string>{"h2", "http/1.1"});
    CHECK(entry.tunnels[0].exits.empty());

    const auto middle = plan_of(b).tunnels.at(0);
    CHECK(plan_of(b).forwards.empty());
    CHECK(middle.port == 2000);
    CHECK_FALSE(middle.websocket);
    CHECK(middle.passes == std::vector{forward});
    CHECK(middle.exits.empty());
    REQUIRE(middle.previous.size() == 1);
    CHECK(middle.previous[0].key == key_of(1));
    CHECK_FALSE(middle.previous[0].dial);
    REQUIRE(middle.next.size() == 2);
    CHECK(middle.pick == plan::Pick::first);
    CHECK(middle.next[0].dial->address == HostPort{"proxy.example", 443});
    CHECK(middle.next[0].dial->websocket);
    CHECK(middle.next[0].dial->path == "/chat");
    CHECK_FALSE(middle.next[0].multiplexed);

    const auto exit = plan_of(c).tunnels.at(0);
    CHECK(exit.websocket);
    CHECK(exit.next.empty());
    REQUIRE(exit.exits.size() == 1);
    CHECK(exit.exits[0].id == forward);
    CHECK(exit.exits[0].targets == std::vector<HostPort>{{"127.0.0.1", 80}});

    // Paused: it is nobody's business any more.
    REQUIRE(panel.forwards().pause(admin, forward));
    CHECK(plan_of(a).forwards.empty());
    CHECK(plan_of(b).tunnels.at(0).passes.empty());
    CHECK(plan_of(c).tunnels.at(0).exits.empty());
}

TEST_CASE_FIXTURE(Chains, "a change that concerns a chain is a new revision at every node of it")
{
    const auto id = create(chain({hop(a, HopRole::entry), hop(b, HopRole::middle, 1), hop(c, HopRole::exit)}));
    const auto revisions = [&] { return std::array{plan_of(a).revision, plan_of(b).revision, plan_of(c).revision}; };
    const auto grew = [&](const auto& before) {
        const auto now = revisions();
        return now[0] > before[0] && now[1] > before[1] && now[2] > before[2];
    };
    auto before = revisions();
    nodes.told.clear();
    const auto forward = make_forward(admin, id, 2005);
    CHECK(grew(before));
    for (const auto node : {a, b, c}) CHECK(std::count(nodes.told.begin(), nodes.told.end(), node) > 0);
    before = revisions();
    REQUIRE(panel.forwards().remove(admin, forward));
    CHECK(grew(before));
    before = revisions();
    REQUIRE(panel.nodes().note_key(b, key_of(77)));
    CHECK(grew(before));
    CHECK(plan_of(a).tunnels[0].next[0].key == key_of(77));
    CHECK(verdict(panel.nodes().note_key(b, key_of(1))) == "conflict node.key");
    before = revisions();
    domain::NodePatch patch;
    patch.address = "192.0.2.77";
    REQUIRE(panel.nodes().update(admin, b, patch));
    CHECK(grew(before));
    before = revisions();
    REQUIRE(panel.tunnels().remove(admin, id));
    CHECK(grew(before));
    CHECK(plan_of(b).tunnels.empty());
}

TEST_CASE_FIXTURE(Chains, "a node that cannot be reached dials the one before it, which listens for it")
{
    edit(c, [](domain::Node& node) { node.reachable = false; });
    edit(a, [](domain::Node& node) { node.public_ports = domain::PortMap::parse("20000-20010=2000-2010").value(); });
    auto draft = chain({hop(a, HopRole::entry), hop(c, HopRole::exit)});
    draft.hops[1].carrier = domain::Carrier::mwss;
    const auto id = create(draft);
    CHECK(stored(id).hops[0].port == 2000);
    const auto entry = plan_of(a).tunnels.at(0);
    CHECK(entry.port == 2000);
    CHECK(entry.websocket);
    CHECK_FALSE(entry.next.at(0).dial);
    const auto exit = plan_of(c).tunnels.at(0);
    CHECK(exit.port == 0);
    REQUIRE(exit.previous.at(0).dial);
    CHECK(exit.previous[0].dial->address == HostPort{"192.0.2.1", 20000}); // its port outside
    CHECK(exit.previous[0].dial->websocket);
    CHECK(exit.previous[0].multiplexed);

    edit(a, [](domain::Node& node) { node.reachable = false; });
    draft.name = "second";
    CHECK(verdict_of(draft) == "invalid tunnel.unreachable");
}

TEST_CASE_FIXTURE(Chains, "users are told the port under which an entry is found from outside")
{
    edit(a, [](domain::Node& node) { node.public_ports = domain::PortMap::parse("20000-20010=2000-2010").value(); });
    const auto forward = make_forward(admin, add_tunnel("direct", {a}), 2003);
    CHECK(value_of(panel.forwards().get(admin, forward)).entry_addresses == "192.0.2.1:20003");
    CHECK(plan_of(a).forwards.at(0).port == 2003);
}

TEST_CASE_FIXTURE(Chains, "a chain that a node does not make real is not there at all")
{
    nodes.tunnel_faults[c] = plan::Fault::address_in_use;
    const auto made = panel.tunnels().create(admin, chain({hop(a, HopRole::entry), hop(b, HopRole::middle, 1), hop(c, HopRole::exit)}));
    REQUIRE(verdict(made) == "unavailable tunnel.deploy");
    CHECK(made.error().args == std::vector<std::string>{"3", "c", "address_in_use", "2000"});
    CHECK(count() == 0);
    CHECK(plan_of(b).tunnels.empty());
}

TEST_CASE_FIXTURE(Chains, "a neighbour that has shown no key is in nobody's plan")
{
    write([&](store::WriteTx& tx) { store::NodeTable(tx).set_key(c, std::nullopt); });
    create(chain({hop(a, HopRole::entry), hop(c, HopRole::exit)}));
    CHECK(plan_of(a).tunnels.at(0).next.empty());
}

TEST_CASE_FIXTURE(Chains, "diagnosis goes place by place, and from the exits to the targets")
{
    const auto id = create(chain({hop(a, HopRole::entry), hop(b, HopRole::middle, 1), hop(c, HopRole::exit)}));
    const auto forward = make_forward(admin, id, 2005);
    const auto path = value_of(panel.tunnels().diagnose(admin, id)).steps;
    REQUIRE(path.size() == 3);
    CHECK(path[0].from == a);
    CHECK(path[0].target == HostPort{"192.0.2.2", 2000});
    CHECK(path[0].to_role == HopRole::middle);
    CHECK(path[0].to_place == 1);
    CHECK(path[1].from_role == HopRole::middle);
    CHECK(path[1].to_role == HopRole::exit);
    CHECK(path[2].from == c);
    CHECK(path[2].from_role == HopRole::exit);
    CHECK(path[2].to == DiagnosisStep::To::internet);
    const auto whole = value_of(panel.forwards().diagnose(admin, forward)).steps;
    REQUIRE(whole.size() == 4);
    CHECK(whole[2].from == c);
    CHECK(whole[2].target == HostPort{"127.0.0.1", 80});
    CHECK(whole[3].to == DiagnosisStep::To::own_listener);
    CHECK(whole[3].from == a);
}
