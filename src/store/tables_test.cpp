// Every table class: what goes in comes out, in the promised order, and goes with what it belongs to.
#include "store/testing.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::store;
using testing::TempStore;

namespace {

const WallTime now = from_epoch_ms(1'700'000'000'000);
Traffic traffic(std::int64_t up, std::int64_t down) { return {{up}, {down}}; }

} // namespace

TEST_CASE("a user comes back as he was stored")
{
    TempStore temp;
    const auto id = temp.write([](WriteTx& tx) {
        NewUser user;
        user.name = "alice";
        user.password = "hash";
        user.enabled = false;
        user.allowance = {gibibytes(7), 3, now, 31};
        user.must_change_password = true;
        user.created = now;
        return UserTable(tx).insert(user);
    });
    const auto user = temp.read([&](ReadTx& tx) { return *UserTable(tx).find(id); });
    CHECK(user.name == "alice");
    CHECK(user.role == domain::Role::regular);
    CHECK_FALSE(user.enabled);
    CHECK(user.allowance == domain::Allowance{gibibytes(7), 3, now, 31});
    CHECK(user.must_change_password);
    CHECK(user.created == now);
    CHECK_FALSE(user.updated);
    CHECK(is_uuid(user.uuid));
    CHECK(temp.read([&](ReadTx& tx) { return UserTable(tx).password_of(id); }) == "hash");
    CHECK(temp.read([](ReadTx& tx) { return UserTable(tx).find_by_name("alice").has_value(); }));
    CHECK_FALSE(temp.read([](ReadTx& tx) { return UserTable(tx).find_by_name("Alice").has_value(); }));
}

TEST_CASE("an update of a user leaves password, role and counters alone")
{
    TempStore temp;
    const auto id = temp.add_user("alice");
    temp.write([&](WriteTx& tx) {
        UserTable users(tx);
        users.add_traffic(id, traffic(5, 6));
        auto user = *users.find(id);
        user.name = "bob";
        user.role = domain::Role::admin;
        user.used = {};
        user.updated = now;
        users.update(user);
    });
    const auto user = temp.read([&](ReadTx& tx) { return *UserTable(tx).find(id); });
    CHECK(user.name == "bob");
    CHECK(user.role == domain::Role::regular);
    CHECK(user.used == traffic(5, 6));
    CHECK(user.updated == now);
    temp.write([&](WriteTx& tx) { UserTable(tx).reset_traffic(id); });
    CHECK(temp.read([&](ReadTx& tx) { return UserTable(tx).find(id)->used; }) == Traffic{});
}

TEST_CASE("two users cannot have one name")
{
    TempStore temp;
    temp.add_user("alice");
    const auto second = temp.store->write([](WriteTx& tx) -> Result<UserId> {
        NewUser user;
        user.name = "alice";
        return UserTable(tx).insert(user);
    });
    CHECK(second.error().code == Errc::conflict);
}

TEST_CASE("sessions are found by hash, end one by one, all but one, by age, and with their user")
{
    TempStore temp;
    const auto alice = temp.add_user("alice");
    const auto bob = temp.add_user("bob");
    const auto hash = [](char c) { return std::string(32, c); };
    const auto open = [&](UserId user, char c, WallTime expires) {
        temp.write([&](WriteTx& tx) {
            Session session;
            session.user = user;
            session.created = session.last_used = now;
            session.expires = expires;
            session.address = "192.0.2.7";
            session.client = "curl";
            SessionTable(tx).insert(hash(c), session);
        });
    };
    const auto known = [&](char c) { return temp.read([&](ReadTx& tx) { return SessionTable(tx).find(hash(c)).has_value(); }); };
    open(alice, 'a', now + Seconds{10});
    open(alice, 'b', now + Seconds{20});
    open(alice, 'c', now + Seconds{30});
    open(bob, 'd', now + Seconds{40});

    const auto found = temp.read([&](ReadTx& tx) { return *SessionTable(tx).find(hash('a')); });
    CHECK(found.user == alice);
    CHECK(found.address == "192.0.2.7");
    temp.write([&](WriteTx& tx) { SessionTable(tx).touch(found.id, now + Seconds{5}, "192.0.2.8"); });
    CHECK(temp.read([&](ReadTx& tx) { return SessionTable(tx).find(hash('a'))->last_used; }) == now + Seconds{5});

    temp.write([&](WriteTx& tx) { SessionTable(tx).remove_expired(now + Seconds{10}); });
    CHECK_FALSE(known('a'));
    CHECK(known('b'));
    temp.write([&](WriteTx& tx) { SessionTable(tx).remove_all_of(alice, hash('c')); });
    CHECK_FALSE(known('b'));
    CHECK(known('c'));
    CHECK(known('d'));
    temp.write([&](WriteTx& tx) { SessionTable(tx).remove(hash('c')); });
    CHECK_FALSE(known('c'));
    temp.write([&](WriteTx& tx) { UserTable(tx).remove(bob); });
    CHECK_FALSE(known('d'));
}

TEST_CASE("a node comes back as it was stored, and its revision grows once per transaction however often it is named")
{
    TempStore temp;
    const auto id = temp.write([](WriteTx& tx) {
        domain::Node node;
        node.uuid = make_uuid();
        node.name = "hk";
        node.address = "hk.example";
        node.address_v4 = "192.0.2.1";
        node.ports = *PortSet::parse("80,443,1000-2000");
        node.egress_interface = "eth1";
        node.tcp_listen = "192.0.2.1";
        node.blocks = {true, false, true};
        node.created = now;
        return NodeTable(tx).insert(node, "sealed", std::string(32, 'h'));
    });
    auto node = temp.read([&](ReadTx& tx) { return *NodeTable(tx).find(id); });
    CHECK(node.address_v4 == "192.0.2.1");
    CHECK_FALSE(node.address_v6);
    CHECK(node.ports.to_text() == "80,443,1000-2000");
    CHECK(node.egress_interface == "eth1");
    CHECK(node.tcp_listen == "192.0.2.1");
    CHECK(node.udp_listen == "[::]");
    CHECK(node.blocks == domain::Blocks{true, false, true});
    CHECK_FALSE(node.local);
    CHECK(temp.read([&](ReadTx& tx) { return NodeTable(tx).secret_of(id); }) == "sealed");

    const auto revisions = temp.write([&](WriteTx& tx) { return NodeTable(tx).bump_revision({id, id, NodeId{99}}); });
    REQUIRE(revisions.size() == 1);
    CHECK(revisions.front().second == node.revision + 1);
    CHECK(temp.read([&](ReadTx& tx) { return NodeTable(tx).find(id)->revision; }) == node.revision + 1);
}

TEST_CASE("lists come by position and then by id, and new rows come last")
{
    TempStore temp;
    const auto a = temp.add_node("a");
    const auto b = temp.add_node("b");
    const auto c = temp.add_node("c");
    temp.write([&](WriteTx& tx) { NodeTable(tx).set_position(a, 7); });
    std::vector<NodeId> order;
    for (const auto& node : temp.read([](ReadTx& tx) { return NodeTable(tx).all(); })) order.push_back(node.id);
    CHECK(order == std::vector{b, c, a});
    const auto d = temp.add_node("d");
    CHECK(temp.read([](ReadTx& tx) { return NodeTable(tx).all().back().id; }) == d);
}

TEST_CASE("only one node is the local one")
{
    TempStore temp;
    const auto local = temp.add_node("here", true);
    CHECK(temp.read([](ReadTx& tx) { return NodeTable(tx).local(); }) == local);
    CHECK_THROWS(temp.add_node("here too", true));
}

TEST_CASE("a node is found by the key that it has shown, until the key is revoked")
{
    TempStore temp;
    const auto id = temp.add_node("a");
    const auto other = temp.add_node("b");
    Fingerprint key;
    key.bytes.fill(7);
    temp.write([&](WriteTx& tx) { NodeTable(tx).set_key(id, key); });
    CHECK(temp.read([&](ReadTx& tx) { return NodeTable(tx).find(id)->key; }) == key);
    CHECK(temp.read([&](ReadTx& tx) { return NodeTable(tx).find_by_key(key); }) == id);
    CHECK_THROWS(temp.write([&](WriteTx& tx) { NodeTable(tx).set_key(other, key); }));
    temp.write([&](WriteTx& tx) {
        auto node = *NodeTable(tx).find(id);
        node.reachable = false;
        node.public_ports = domain::PortMap::parse("443=8443").value();
        NodeTable(tx).update(node);
        NodeTable(tx).set_key(id, std::nullopt);
    });
    const auto node = temp.read([&](ReadTx& tx) { return *NodeTable(tx).find(id); });
    CHECK_FALSE(node.key);
    CHECK_FALSE(node.reachable);
    CHECK(node.public_ports.public_of(8443) == 443);
    CHECK_FALSE(temp.read([&](ReadTx& tx) { return NodeTable(tx).find_by_key(key).has_value(); }));
}

TEST_CASE("a tunnel keeps its places in order: entries, hops, exits")
{
    TempStore temp;
    const auto a = temp.add_node("a");
    const auto b = temp.add_node("b");
    const auto c = temp.add_node("c");
    const auto id = temp.write([&](WriteTx& tx) {
        domain::Tunnel tunnel;
        tunnel.uuid = make_uuid();
        tunnel.name = "t";
        tunnel.type = domain::TunnelType::chain;
        tunnel.billing = {2, 1.5};
        tunnel.preference = domain::AddressFamily::v6;
        tunnel.entry_addresses = "203.0.113.1";
        domain::HopNode exit;
        exit.node = c;
        exit.role = domain::HopRole::exit;
        exit.port = 31000;
        exit.carrier = domain::Carrier::mwss;
        domain::HopNode middle;
        middle.node = b;
        middle.role = domain::HopRole::middle;
        middle.place = 1;
        middle.strategy = domain::HopStrategy::random;
        domain::HopNode entry;
        entry.node = a;
        exit.public_host = "proxy.example";
        exit.public_port = 443;
        exit.server_name = "www.example.com";
        exit.alpn = "h2,http/1.1";
        exit.path = "/chat";
        tunnel.hops = {exit, middle, entry};
        return TunnelTable(tx).insert(tunnel);
    });
    const auto tunnel = temp.read([&](ReadTx& tx) { return *TunnelTable(tx).find(id); });
    CHECK(tunnel.billing == domain::Billing{2, 1.5});
    CHECK(tunnel.preference == domain::AddressFamily::v6);
    CHECK(tunnel.entry_addresses == "203.0.113.1");
    REQUIRE(tunnel.hops.size() == 3);
    CHECK(tunnel.hops[0].node == a);
    CHECK(tunnel.hops[1].strategy == domain::HopStrategy::random);
    CHECK(tunnel.hops[2].port == 31000);
    CHECK(tunnel.hops[2].carrier == domain::Carrier::mwss);
    CHECK(tunnel.hops[2].public_host == "proxy.example");
    CHECK(tunnel.hops[2].public_port == 443);
    CHECK(tunnel.hops[2].server_name == "www.example.com");
    CHECK(tunnel.hops[2].alpn == "h2,http/1.1");
    CHECK(tunnel.hops[2].path == "/chat");
    CHECK_FALSE(tunnel.hops[1].public_port);
    CHECK(temp.read([&](ReadTx& tx) { return TunnelTable(tx).all().front().hops.size(); }) == 3);
    CHECK(temp.read([&](ReadTx& tx) { return TunnelTable(tx).using_node(b); }) == std::vector{id});
}

TEST_CASE("a forward comes back as it was stored")
{
    TempStore temp;
    const auto owner = temp.add_user("alice");
    const auto node = temp.add_node("a");
    const auto tunnel = temp.add_tunnel("t", {node});
    domain::Forward forward;
    forward.uuid = make_uuid();
    forward.owner = owner;
    forward.owner_name = "alice";
    forward.name = "web";
    forward.tunnel = tunnel;
    forward.targets = {{"example.org", 80}, {"2001:db8::1", 443}};
    forward.pick = domain::Pick::least_connections;
    forward.options.bind_address = *IpAddress::parse("192.0.2.1");
    forward.options.udp = false;
    forward.options.allow = {*Cidr::parse("10.0.0.0/8")};
    forward.options.deny = {*Cidr::parse("10.1.0.0/16"), *Cidr::parse("2001:db8::/32")};
    forward.options.max_connections = 12;
    forward.ports = {{node, 2000}};
    forward.created = now;
    const auto id = temp.write([&](WriteTx& tx) { return ForwardTable(tx).insert(forward); });
    const auto found = temp.read([&](ReadTx& tx) { return *ForwardTable(tx).find(id); });
    CHECK(found.targets == forward.targets);
    CHECK(found.pick == forward.pick);
    CHECK(found.options == forward.options);
    CHECK(found.ports == forward.ports);
    CHECK(found.enabled);
    CHECK(found.created == now);
}

TEST_CASE("forwards are listed for everybody, a user, a tunnel and a node, each with its ports")
{
    TempStore temp;
    const auto alice = temp.add_user("alice");
    const auto bob = temp.add_user("bob");
    const auto a = temp.add_node("a");
    const auto b = temp.add_node("b");
    const auto both = temp.add_tunnel("both", {a, b});
    const auto one = temp.add_tunnel("one", {a});
    const auto first = temp.add_forward(alice, both, {{a, 1001}, {b, 1001}});
    const auto second = temp.add_forward(bob, one, {{a, 1002}});
    const auto ids = [](const std::vector<domain::Forward>& list) {
        std::vector<ForwardId> out;
        for (const auto& forward : list) out.push_back(forward.id);
        return out;
    };
    const auto all = temp.read([](ReadTx& tx) { return ForwardTable(tx).all(); });
    CHECK(ids(all) == std::vector{first, second});
    CHECK(all.front().ports == std::vector<domain::ForwardPort>{{a, 1001}, {b, 1001}});
    CHECK(ids(temp.read([&](ReadTx& tx) { return ForwardTable(tx).of_user(bob); })) == std::vector{second});
    CHECK(ids(temp.read([&](ReadTx& tx) { return ForwardTable(tx).of_tunnel(both); })) == std::vector{first});
    CHECK(ids(temp.read([&](ReadTx& tx) { return ForwardTable(tx).on_node(b); })) == std::vector{first});
    CHECK(temp.read([&](ReadTx& tx) { return ForwardTable(tx).count_of(alice); }) == 1);
    CHECK(temp.read([&](ReadTx& tx) { return ForwardTable(tx).count_of(alice, one); }) == 0);
    const auto payers = temp.read([&](ReadTx& tx) { return ForwardTable(tx).payers({first, ForwardId{99}, second}); });
    CHECK(payers.size() == 2);
    CHECK(payers.at(second).owner == bob);
    CHECK(payers.at(second).tunnel == one);
    CHECK(temp.read([&](ReadTx& tx) { return ForwardTable(tx).ports_taken(a, second); }) == std::vector<std::uint16_t>{1001});
}

TEST_CASE("two forwards cannot hold one port of one node")
{
    TempStore temp;
    const auto owner = temp.add_user("alice");
    const auto a = temp.add_node("a");
    const auto b = temp.add_node("b");
    const auto tunnel = temp.add_tunnel("t", {a, b});
    temp.add_forward(owner, tunnel, {{a, 1001}});
    temp.add_forward(owner, tunnel, {{b, 1001}});
    CHECK_THROWS(temp.add_forward(owner, tunnel, {{a, 1001}}));
}

TEST_CASE("deleting takes along what belongs to it, and nothing else")
{
    TempStore temp;
    const auto alice = temp.add_user("alice");
    const auto bob = temp.add_user("bob");
    const auto a = temp.add_node("a");
    const auto b = temp.add_node("b");
    const auto tunnel = temp.add_tunnel("t", {a, b});
    const auto of_alice = temp.add_forward(alice, tunnel, {{a, 1001}, {b, 1001}});
    const auto of_bob = temp.add_forward(bob, tunnel, {{a, 1002}, {b, 1002}});
    temp.write([&](WriteTx& tx) {
        domain::Assignment assignment;
        assignment.user = alice;
        assignment.tunnel = tunnel;
        AssignmentTable(tx).insert(assignment);
    });
    temp.write([&](WriteTx& tx) { UserTable(tx).remove(alice); });
    CHECK_FALSE(temp.read([&](ReadTx& tx) { return ForwardTable(tx).find(of_alice).has_value(); }));
    CHECK(temp.read([&](ReadTx& tx) { return AssignmentTable(tx).of_user(alice).empty(); }));
    CHECK(temp.read([&](ReadTx& tx) { return ForwardTable(tx).find(of_bob).has_value(); }));
    temp.write([&](WriteTx& tx) { NodeTable(tx).remove(b); });
    CHECK(temp.read([&](ReadTx& tx) { return ForwardTable(tx).find(of_bob)->ports; }) == std::vector<domain::ForwardPort>{{a, 1002}});
    CHECK(temp.read([&](ReadTx& tx) { return TunnelTable(tx).find(tunnel)->hops.size(); }) == 1);
    temp.write([&](WriteTx& tx) { TunnelTable(tx).remove(tunnel); });
    CHECK_FALSE(temp.read([&](ReadTx& tx) { return ForwardTable(tx).find(of_bob).has_value(); }));
}

TEST_CASE("an assignment is one per user and tunnel, and traffic finds it by the pair")
{
    TempStore temp;
    const auto user = temp.add_user("alice");
    const auto tunnel = temp.add_tunnel("t", {temp.add_node("a")});
    domain::Assignment assignment;
    assignment.user = user;
    assignment.tunnel = tunnel;
    assignment.allowance = {gibibytes(5), 2, now, 15};
    assignment.enabled = false;
    const auto id = temp.write([&](WriteTx& tx) { return AssignmentTable(tx).insert(assignment); });
    CHECK(temp.store->write([&](WriteTx& tx) -> Result<AssignmentId> { return AssignmentTable(tx).insert(assignment); }).error().code ==
          Errc::conflict);
    temp.write([&](WriteTx& tx) {
        AssignmentTable(tx).add_traffic(user, tunnel, traffic(3, 4));
        AssignmentTable(tx).add_traffic(user, TunnelId{77}, traffic(3, 4));
    });
    auto found = temp.read([&](ReadTx& tx) { return *AssignmentTable(tx).find(user, tunnel); });
    CHECK(found.id == id);
    CHECK(found.allowance == assignment.allowance);
    CHECK(found.used == traffic(3, 4));
    CHECK_FALSE(found.enabled);
    temp.write([&](WriteTx& tx) { AssignmentTable(tx).reset_traffic_of(user); });
    CHECK(temp.read([&](ReadTx& tx) { return AssignmentTable(tx).all().front().used; }) == Traffic{});
}
