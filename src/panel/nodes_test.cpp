#include "panel/nodes.hpp"

#include "panel/testing.hpp"
#include "panel/vault.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::panel;
using namespace sluice::panel::testing;

namespace {

domain::NodeDraft node_draft(const std::string& name)
{
    domain::NodeDraft made;
    made.name = name;
    made.address = "192.0.2.1";
    return made;
}

} // namespace

TEST_CASE_FIXTURE(Bench, "only administrators manage nodes")
{
    const auto alice = add_person("alice");
    auto& service = panel.nodes();
    CHECK(verdict(service.list(alice)) == "forbidden role");
    CHECK(verdict(service.get(alice, NodeId{1})) == "forbidden role");
    CHECK(verdict(service.create(alice, node_draft("a"))) == "forbidden role");
    CHECK(verdict(service.update(alice, NodeId{1}, {})) == "forbidden role");
    CHECK(verdict(service.remove(alice, NodeId{1})) == "forbidden role");
    CHECK(verdict(service.reorder(alice, {})) == "forbidden role");
}

TEST_CASE_FIXTURE(Bench, "a new node's secret is told once and stored sealed")
{
    const auto made = value_of(panel.nodes().create(admin, node_draft("a")));
    CHECK(made.secret.reveal().size() == 32);
    const auto stored = read([&](store::ReadTx& tx) { return store::NodeTable(tx).secret_of(made.id); });
    CHECK(stored.find(made.secret.reveal()) == std::string::npos);
    CHECK(unseal(Secret{std::string(32, 'k')}, "node secret", stored)->reveal() == made.secret.reveal());
    for (const auto& row : audits()) CHECK((row.before + row.after).find(made.secret.reveal()) == std::string::npos);
}

TEST_CASE_FIXTURE(Bench, "an update keeps what it does not name, and the node is told a new revision")
{
    const auto id = value_of(panel.nodes().create(admin, node_draft("a"))).id;
    const auto before = value_of(panel.nodes().get(admin, id)).node.revision;
    domain::NodePatch patch;
    patch.block_http = true;
    CHECK(verdict(panel.nodes().update(admin, id, patch)) == "ok");
    const auto after = value_of(panel.nodes().get(admin, id)).node;
    CHECK(after.name == "a");
    CHECK(after.blocks == domain::Blocks{true, false, false});
    CHECK(after.revision > before);
    CHECK(nodes.told == std::vector{id});
    patch.tcp_listen = "nonsense";
    CHECK(verdict(panel.nodes().update(admin, id, patch)) == "invalid node.tcp_listen");
    CHECK(verdict(panel.nodes().update(admin, NodeId{77}, {})) == "not_found node");
}

TEST_CASE_FIXTURE(Bench, "the local node is made once and stays")
{
    const auto id = value_of(panel.nodes().ensure_local("here", "2001:db8::1", "1.0"));
    CHECK(value_of(panel.nodes().ensure_local("renamed", "192.0.2.7", "1.1")) == id);
    const auto node = value_of(panel.nodes().get(admin, id)).node;
    CHECK(node.name == "here");
    CHECK(node.address_v6 == "2001:db8::1");
    CHECK(node.version == "1.1");
    CHECK(verdict(panel.nodes().remove(admin, id)) == "conflict node.local");
    CHECK(verdict(panel.nodes().remove(admin, NodeId{77})) == "ok");
}

TEST_CASE_FIXTURE(Bench, "nodes are listed in the order that was given, with whether they are there")
{
    const auto a = value_of(panel.nodes().create(admin, node_draft("a"))).id;
    const auto b = value_of(panel.nodes().create(admin, node_draft("b"))).id;
    value_of(panel.nodes().reorder(admin, {{a, 5}, {NodeId{77}, 1}}));
    nodes.offline = {a};
    const auto list = value_of(panel.nodes().list(admin));
    REQUIRE(list.size() == 2);
    CHECK(list[0].node.id == b);
    CHECK(list[0].online);
    CHECK_FALSE(list[1].online);
}

TEST_CASE_FIXTURE(Bench, "coming, going and failing are kept as events")
{
    const auto id = value_of(panel.nodes().create(admin, node_draft("a"))).id;
    value_of(panel.nodes().note_connection(id, true));
    value_of(panel.nodes().note_result(id, {ForwardId{3}, false, plan::Fault::address_in_use, "tcp [::]:80: Address already in use"}));
    value_of(panel.nodes().note_result(id, {ForwardId{3}, true, plan::Fault::none, {}}));
    value_of(panel.nodes().note_connection(id, false));
    CHECK(event_kinds() == std::vector<std::string>{"node.offline", "forward.works", "forward.failed", "node.online"});
}
