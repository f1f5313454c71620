#include "panel/plans.hpp"

#include "panel/testing.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::panel;
using namespace sluice::panel::testing;

TEST_CASE_FIXTURE(Bench, "a plan says everything that a node must know of a forward, and nothing of other nodes")
{
    const auto a = add_node("a");
    const auto b = add_node("b");
    write([&](store::WriteTx& tx) {
        auto node = *store::NodeTable(tx).find(a);
        node.tcp_listen = "[::]";
        node.udp_listen = "192.0.2.9";
        node.egress_interface = "eth1";
        node.blocks = {true, false, true};
        store::NodeTable(tx).update(node);
    });
    const auto tunnel = add_tunnel("t", {a});
    const auto other = add_tunnel("u", {b});
    write([&](store::WriteTx& tx) {
        auto row = *store::TunnelTable(tx).find(tunnel);
        row.preference = domain::AddressFamily::v6;
        store::TunnelTable(tx).update(row);
    });
    auto wished = draft(tunnel, 2000);
    wished.targets = {{"example.org", 80}, {"10.0.0.1", 81}};
    wished.pick = domain::Pick::source_hash;
    wished.options.allow = {*Cidr::parse("10.0.0.0/8")};
    wished.options.deny = {*Cidr::parse("10.1.0.0/16")};
    wished.options.max_connections = 5;
    const auto id = value_of(panel.forwards().create(admin, wished)).id;
    make_forward(admin, other, 2000);

    const auto plan = value_of(panel.plans().compile(a));
    REQUIRE(plan.forwards.size() == 1);
    const auto& forward = plan.forwards.front();
    CHECK(forward.id == id);
    CHECK(forward.port == 2000);
    CHECK(forward.tcp_address == IpAddress::any_v6());
    CHECK(forward.udp_address.to_text() == "192.0.2.9");
    CHECK(forward.targets == wished.targets);
    CHECK(forward.pick == plan::Pick::source_hash);
    CHECK(forward.preference == plan::IpPreference::v6);
    CHECK(forward.egress_interface == "eth1");
    CHECK(forward.sources == plan::SourceList{wished.options.allow, wished.options.deny});
    CHECK(forward.max_connections == 5);
    CHECK(forward.blocks == plan::ProtocolBlocks{true, false, true});
    CHECK(verdict(panel.plans().compile(NodeId{77})) == "not_found node");
}

TEST_CASE_FIXTURE(Bench, "a forward's own address wins over the node's")
{
    const auto node = add_node("a");
    auto wished = draft(add_tunnel("t", {node}), 2000);
    wished.options.bind_address = *IpAddress::parse("192.0.2.5");
    wished.options.udp = false;
    value_of(panel.forwards().create(admin, wished));
    const auto forward = value_of(panel.plans().compile(node)).forwards.front();
    CHECK(forward.tcp_address.to_text() == "192.0.2.5");
    CHECK_FALSE(forward.udp);
}

TEST_CASE_FIXTURE(Bench, "the revision is that of the state the plan was made from")
{
    const auto node = add_node("a");
    const auto tunnel = add_tunnel("t", {node});
    const auto before = value_of(panel.plans().compile(node)).revision;
    make_forward(admin, tunnel, 2000);
    const auto after = value_of(panel.plans().compile(node));
    CHECK(after.revision > before);
    CHECK(after.forwards.size() == 1);
}

TEST_CASE_FIXTURE(Bench, "forwards come ascending by id, whatever their order in lists")
{
    const auto node = add_node("a");
    const auto tunnel = add_tunnel("t", {node});
    const auto first = make_forward(admin, tunnel, 3000);
    const auto second = make_forward(admin, tunnel, 2000);
    value_of(panel.forwards().reorder(admin, {{first, 9}, {second, 1}}));
    const auto plan = value_of(panel.plans().compile(node));
    CHECK(plan.forwards[0].id == first);
    CHECK(plan.forwards[1].id == second);
}

TEST_CASE_FIXTURE(Bench, "a tunnel that is switched off keeps its forwards running")
{
    const auto node = add_node("a");
    const auto tunnel = add_tunnel("t", {node});
    make_forward(admin, tunnel, 2000);
    write([&](store::WriteTx& tx) {
        auto row = *store::TunnelTable(tx).find(tunnel);
        row.enabled = false;
        store::TunnelTable(tx).update(row);
    });
    CHECK(value_of(panel.plans().compile(node)).forwards.size() == 1);
}
