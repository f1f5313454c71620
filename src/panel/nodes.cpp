#include "panel/nodes.hpp"

#include "base/random.hpp"
#include "domain/addresses.hpp"
#include "panel/chains.hpp"
#include "panel/context.hpp"
#include "panel/forward_rows.hpp"
#include "panel/node_gateway.hpp"
#include "panel/remote_roles.hpp"
#include "panel/summary.hpp"
#include "panel/vault.hpp"
#include "store/event_table.hpp"
#include "store/node_table.hpp"
#include "store/share_table.hpp"

namespace sluice::panel {

namespace {

domain::Node from_draft(const domain::NodeDraft& draft)
{
    domain::Node node;
    node.name = draft.name;
    node.address = draft.address;
    node.address_v4 = draft.address_v4;
    node.address_v6 = draft.address_v6;
    node.ports = draft.ports;
    node.egress_interface = draft.egress_interface;
    node.tcp_listen = draft.tcp_listen;
    node.udp_listen = draft.udp_listen;
    node.blocks = draft.blocks;
    node.reachable = draft.reachable;
    node.public_ports = draft.public_ports;
    return node;
}

// A panel that does not speak our tunnels says itself whether its node is there.
bool is_online(const Context& context, const NodeView& view)
{
    if (view.remote && !view.remote->key) return view.remote->online;
    return context.gateway->online(view.node.id) && (!view.remote || view.remote->problem.empty());
}

NodeId insert(store::WriteTx& tx, const Context& context, domain::Node& node, const std::string& secret)
{
    node.uuid = make_uuid();
    node.created = context.clock->wall();
    return store::NodeTable(tx).insert(node, seal(context.key, Nodes::secret_purpose, secret), sha256(secret));
}

} // namespace

Result<std::vector<NodeView>> Nodes::list(const Actor& actor)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed.error();
    auto views = context_.store->read([](store::ReadTx& tx) -> Result<std::vector<NodeView>> {
        std::vector<NodeView> rows;
        store::RemoteNodeTable remotes(tx);
        for (auto& node : store::NodeTable(tx).all()) {
            auto remote = node.remote ? remotes.find(node.id) : std::nullopt;
            rows.push_back({std::move(node), false, std::move(remote)});
        }
        return rows;
    });
    if (!views) return views.error();
    for (auto& view : *views) view.online = is_online(context_, view);
    return views;
}

Result<NodeView> Nodes::get(const Actor& actor, NodeId id)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed.error();
    auto view = context_.store->read([&](store::ReadTx& tx) -> Result<NodeView> {
        auto found = store::NodeTable(tx).find(id);
        if (!found) return make_error(Errc::not_found, "node");
        return NodeView{std::move(*found), false, store::RemoteNodeTable(tx).find(id)};
    });
    if (!view) return view;
    view->online = is_online(context_, *view);
    return view;
}

Result<Nodes::Created> Nodes::create(const Actor& actor, const domain::NodeDraft& draft)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed.error();
    auto node = from_draft(draft);
    if (const auto checked = domain::check_node(node); !checked) return checked.error();
    const auto secret = random_hex(16);
    auto id = context_.store->write([&](store::WriteTx& tx) -> Result<NodeId> {
        const auto made = insert(tx, context_, node, secret);
        audit(tx, context_, actor, "node.create", made.value, {}, summary(node));
        return made;
    });
    if (!id) return id.error();
    return Created{*id, Secret{secret}};
}

Result<void> Nodes::update(const Actor& actor, NodeId id, const domain::NodePatch& patch)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed;
    auto revisions = context_.store->write([&](store::WriteTx& tx) -> Result<Revisions> {
        store::NodeTable nodes(tx);
        auto node = nodes.find(id);
        if (!node) return make_error(Errc::not_found, "node");
        const auto before = summary(*node);
        domain::apply(patch.name, node->name);
        domain::apply(patch.address, node->address);
        domain::apply(patch.address_v4, node->address_v4);
        domain::apply(patch.address_v6, node->address_v6);
        if (!node->remote) domain::apply(patch.ports, node->ports); // those are what the share gives
        domain::apply(patch.egress_interface, node->egress_interface);
        domain::apply(patch.tcp_listen, node->tcp_listen);
        domain::apply(patch.udp_listen, node->udp_listen);
        domain::apply(patch.block_http, node->blocks.http);
        domain::apply(patch.block_tls, node->blocks.tls);
        domain::apply(patch.block_socks, node->blocks.socks);
        domain::apply(patch.reachable, node->reachable);
        domain::apply(patch.public_ports, node->public_ports);
        node->updated = context_.clock->wall();
        if (auto checked = domain::check_node(*node); !checked) return checked.error();
        nodes.update(*node);
        audit(tx, context_, actor, "node.update", id.value, before, summary(*node));
        // Its neighbours in tunnels know its address and ports.
        auto affected = neighbours_of(tx, id);
        affected.push_back(id);
        return nodes.bump_revision(affected);
    });
    if (!revisions) return revisions.error();
    announce_plans(context_, *revisions);
    return {};
}

Result<void> Nodes::remove(const Actor& actor, NodeId id)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed;
    RemoteLeavings leavings;
    const auto revisions = context_.store->write([&](store::WriteTx& tx) -> Result<Revisions> {
        store::NodeTable nodes(tx);
        const auto node = nodes.find(id);
        if (!node) return Revisions{};
        leavings = leavings_of(tx, context_, store::RemoteRoleTable(tx).of_node(id));
        if (node->local) return make_error(Errc::conflict, "node.local");
        const auto affected = neighbours_of(tx, id); // before its hops go with it
        nodes.remove(id);
        audit(tx, context_, actor, "node.delete", id.value, summary(*node));
        return nodes.bump_revision(affected);
    });
    if (!revisions) return revisions.error();
    context_.gateway->removed(id);
    announce_plans(context_, *revisions);
    release(context_, leavings);
    return {};
}

Result<void> Nodes::reorder(const Actor& actor, const std::vector<std::pair<NodeId, std::int64_t>>& order)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed;
    return context_.store->write([&](store::WriteTx& tx) -> Result<void> {
        store::NodeTable nodes(tx);
        for (const auto& [id, position] : order) nodes.set_position(id, position);
        audit(tx, context_, actor, "node.reorder", 0, {}, std::to_string(order.size()) + " nodes");
        return {};
    });
}

Result<void> Nodes::note_connection(NodeId id, bool online)
{
    return context_.store->write([&](store::WriteTx& tx) -> Result<void> {
        const auto node = store::NodeTable(tx).find(id);
        if (!node) return {}; // deleted meanwhile: that was an event of its own
        store::EventRow event;
        event.severity = online ? store::Severity::info : store::Severity::warning;
        event.kind = online ? "node.online" : "node.offline";
        event.node = id;
        event.details = {{"node", node->name}};
        record(tx, context_, std::move(event));
        return {};
    });
}

Result<void> Nodes::note_key(NodeId id, const Fingerprint& key)
{
    const auto revisions = context_.store->write([&](store::WriteTx& tx) -> Result<Revisions> {
        store::NodeTable nodes(tx);
        const auto node = nodes.find(id);
        if (!node) return make_error(Errc::not_found, "node");
        if (node->key == key) return Revisions{};
        if (const auto other = nodes.find_by_key(key); other && *other != id) return make_error(Errc::conflict, "node.key");
        nodes.set_key(id, key);
        auto affected = neighbours_of(tx, id);
        affected.push_back(id);
        return nodes.bump_revision(affected);
    });
    if (!revisions) return revisions.error();
    announce_plans(context_, *revisions);
    return {};
}

Result<void> Nodes::note_result(NodeId id, const plan::ForwardResult& result)
{
    return context_.store->write([&](store::WriteTx& tx) -> Result<void> {
        const bool fine = result.fault == plan::Fault::none;
        store::EventRow event;
        event.severity = fine ? store::Severity::info : store::Severity::error;
        event.kind = fine ? "forward.works" : "forward.failed";
        event.node = id;
        event.forward = result.id;
        if (!fine) event.details = {{"fault", std::string{plan::to_text(result.fault)}}, {"detail", result.detail}};
        record(tx, context_, std::move(event));
        return {};
    });
}

Result<NodeId> Nodes::ensure_local(const std::string& name, const std::string& address, const std::string& version)
{
    return context_.store->write([&](store::WriteTx& tx) -> Result<NodeId> {
        store::NodeTable nodes(tx);
        if (const auto known = nodes.local()) {
            nodes.set_version(*known, version);
            return *known;
        }
        domain::Node node;
        node.name = name;
        node.address = address;
        if (const auto parsed = IpAddress::parse(address)) (parsed->is_v6() ? node.address_v6 : node.address_v4) = address;
        node.local = true;
        node.version = version;
        if (auto checked = domain::check_node(node); !checked) return checked.error();
        return insert(tx, context_, node, random_hex(16));
    });
}

} // namespace sluice::panel
