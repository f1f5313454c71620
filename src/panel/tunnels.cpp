#include "panel/tunnels.hpp"

#include "base/random.hpp"
#include "domain/addresses.hpp"
#include "panel/context.hpp"
#include "panel/diagnose_jobs.hpp"
#include "panel/forward_rows.hpp"
#include "panel/node_gateway.hpp"
#include "panel/summary.hpp"
#include "store/node_table.hpp"
#include "store/tunnel_table.hpp"

#include <algorithm>
#include <cmath>
#include <set>

namespace sluice::panel {

namespace {

TunnelView view_of(const EntryNodes& nodes, domain::Tunnel tunnel)
{
    TunnelView view;
    if (tunnel.entry_addresses && !tunnel.entry_addresses->empty()) {
        view.entry_addresses = *tunnel.entry_addresses;
    } else {
        for (const auto& address : domain::entry_addresses(nodes.of(tunnel), tunnel.preference))
            view.entry_addresses += (view.entry_addresses.empty() ? "" : ",") + address;
    }
    view.tunnel = std::move(tunnel);
    return view;
}

// The nodes of a draft, in the order of the contract's checks: entries, exits, middle hops.
Result<void> check_nodes(store::ReadTx& tx, const NodeGateway& gateway, const domain::TunnelDraft& draft)
{
    using domain::HopRole;
    const auto has = [&](HopRole role) {
        return std::any_of(draft.hops.begin(), draft.hops.end(), [&](const auto& hop) { return hop.role == role; });
    };
    if (!has(HopRole::entry)) return make_error(Errc::invalid, "tunnel.entries");
    if (draft.type == domain::TunnelType::chain) {
        if (!has(HopRole::exit)) return make_error(Errc::invalid, "tunnel.exits");
        // A chain needs an encrypted transport between nodes; storing one that carries nothing would be a promise that is not kept.
        return make_error(Errc::invalid, "tunnel.type", "chains of nodes are not available in this version");
    }
    std::set<NodeId> seen;
    // A direct tunnel is its entries; hops and exits that a client sends along mean nothing (FLVX contract 4.7).
    for (const auto role :
         draft.type == domain::TunnelType::chain ? std::vector{HopRole::entry, HopRole::exit, HopRole::middle} : std::vector{HopRole::entry}) {
        for (const auto& hop : draft.hops) {
            if (hop.role != role) continue;
            if (!seen.insert(hop.node).second) return make_error(Errc::invalid, "tunnel.nodes");
            if (!store::NodeTable(tx).find(hop.node)) return make_error(Errc::not_found, "node");
            if (!gateway.online(hop.node)) return make_error(Errc::node_offline, "tunnel.nodes");
        }
    }
    return {};
}

Result<void> check_name(const std::string& name)
{
    if (name.empty()) return make_error(Errc::invalid, "tunnel.name");
    if (name.size() > 100) return make_error(Errc::invalid, "tunnel.name_length");
    return {};
}

Result<void> check_billing(const domain::Billing& billing)
{
    if (!std::isfinite(billing.ratio) || billing.ratio > 1000 || billing.factor > 2) return make_error(Errc::invalid, "tunnel.billing");
    return {};
}

// The addresses that the administrator wants shown; absent: composed from the entry nodes.
Result<std::optional<std::string>> shown_addresses(const domain::TunnelDraft& draft)
{
    auto parsed = domain::parse_entry_addresses(draft.entry_addresses.value_or(""));
    if (!parsed) return parsed.error();
    return parsed->empty() ? std::nullopt : std::optional{std::move(*parsed)};
}

void write(domain::Tunnel& tunnel, const domain::TunnelDraft& draft, const std::optional<std::string>& shown)
{
    tunnel.name = draft.name;
    tunnel.billing.factor = std::max(1, draft.billing.factor);
    tunnel.billing.ratio = draft.billing.ratio > 0 ? draft.billing.ratio : 1.0;
    tunnel.enabled = draft.enabled;
    tunnel.entry_addresses = shown;
    tunnel.preference = draft.preference;
    tunnel.hops.clear();
    for (const auto& hop : draft.hops) {
        if (draft.type == domain::TunnelType::chain || hop.role == domain::HopRole::entry) tunnel.hops.push_back(hop);
    }
}

} // namespace

Result<std::vector<TunnelView>> Tunnels::list(const Actor& actor)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed.error();
    return context_.store->read([](store::ReadTx& tx) -> Result<std::vector<TunnelView>> {
        std::vector<TunnelView> views;
        const EntryNodes nodes(tx);
        for (auto& tunnel : store::TunnelTable(tx).all()) views.push_back(view_of(nodes, std::move(tunnel)));
        return views;
    });
}

Result<TunnelView> Tunnels::get(const Actor& actor, TunnelId id)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed.error();
    return context_.store->read([&](store::ReadTx& tx) -> Result<TunnelView> {
        auto tunnel = store::TunnelTable(tx).find(id);
        if (!tunnel) return make_error(Errc::not_found, "tunnel");
        return view_of(EntryNodes(tx), std::move(*tunnel));
    });
}

Result<TunnelId> Tunnels::create(const Actor& actor, const domain::TunnelDraft& draft)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed.error();
    if (auto named = check_name(draft.name); !named) return named.error();
    return context_.store->write([&](store::WriteTx& tx) -> Result<TunnelId> {
        store::TunnelTable tunnels(tx);
        if (tunnels.find_by_name(draft.name)) return make_error(Errc::conflict, "tunnel.name");
        if (auto checked = check_nodes(tx, *context_.gateway, draft); !checked) return checked.error();
        if (auto checked = check_billing(draft.billing); !checked) return checked.error();
        const auto shown = shown_addresses(draft);
        if (!shown) return shown.error();
        domain::Tunnel tunnel;
        tunnel.uuid = make_uuid();
        tunnel.type = draft.type;
        tunnel.created = context_.clock->wall();
        write(tunnel, draft, *shown);
        const auto id = tunnels.insert(tunnel);
        audit(tx, context_, actor, "tunnel.create", id.value, {}, summary(tunnel));
        return id;
    });
}

Result<void> Tunnels::update(const Actor& actor, TunnelId id, const domain::TunnelDraft& draft)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed;
    auto revisions = context_.store->write([&](store::WriteTx& tx) -> Result<Revisions> {
        store::TunnelTable tunnels(tx);
        auto tunnel = tunnels.find(id);
        if (!tunnel) return make_error(Errc::not_found, "tunnel");
        if (auto named = check_name(draft.name); !named) return named.error();
        if (const auto other = tunnels.find_by_name(draft.name); other && *other != id) return make_error(Errc::conflict, "tunnel.name");
        if (draft.type != tunnel->type) return make_error(Errc::conflict, "tunnel.type");
        if (auto checked = check_nodes(tx, *context_.gateway, draft); !checked) return checked.error();
        if (auto checked = check_billing(draft.billing); !checked) return checked.error();
        const auto shown = shown_addresses(draft);
        if (!shown) return shown.error();
        const auto before = summary(*tunnel);
        write(*tunnel, draft, *shown);
        tunnel->updated = context_.clock->wall();

        // Forwards follow the entries: kept where they were, opened on new nodes, closed on those that left.
        store::ForwardTable forwards(tx);
        auto moved = forwards.of_tunnel(id);
        auto affected = moved;
        tunnels.update(*tunnel);
        const auto entries = entry_nodes(tx, *tunnel);
        for (auto& forward : moved) {
            std::vector<domain::ForwardPort> ports;
            const auto smallest = std::min_element(forward.ports.begin(), forward.ports.end(), [](auto& a, auto& b) { return a.port < b.port; });
            std::uint16_t old = 0;
            if (smallest != forward.ports.end()) {
                old = smallest->port;
            } else {
                // Its last entry node was removed; with the new ones it listens again.
                const auto fresh = choose_port(tx, entries, std::nullopt, forward.id);
                if (!fresh) return fresh.error();
                old = *fresh;
            }
            for (const auto& node : entries) {
                const auto kept = std::find_if(forward.ports.begin(), forward.ports.end(), [&](const auto& port) { return port.node == node.id; });
                if (kept != forward.ports.end()) {
                    ports.push_back(*kept);
                    continue;
                }
                const auto free = choose_port(tx, {node}, old, forward.id);
                if (!free) return free.error();
                ports.push_back({node.id, old});
            }
            if (ports == forward.ports) continue;
            forward.ports = std::move(ports);
            forwards.update(forward);
            remember_payer(tx, forward);
            affected.push_back(forward);
        }
        audit(tx, context_, actor, "tunnel.update", id.value, before, summary(*tunnel));
        return bump_nodes_of(tx, affected);
    });
    if (!revisions) return revisions.error();
    announce_plans(context_, *revisions);
    return {};
}

Result<void> Tunnels::remove(const Actor& actor, TunnelId id)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed;
    auto revisions = context_.store->write([&](store::WriteTx& tx) -> Result<Revisions> {
        store::TunnelTable tunnels(tx);
        const auto tunnel = tunnels.find(id);
        if (!tunnel) return Revisions{};
        auto changed = bump_nodes_of(tx, store::ForwardTable(tx).of_tunnel(id));
        tunnels.remove(id);
        audit(tx, context_, actor, "tunnel.delete", id.value, summary(*tunnel));
        return changed;
    });
    if (!revisions) return revisions.error();
    announce_plans(context_, *revisions);
    return {};
}

Result<void> Tunnels::redeploy(const Actor& actor, TunnelId id)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed;
    using Deployment = std::pair<ForwardId, std::vector<DeployTarget>>;
    const auto planned = context_.store->write([&](store::WriteTx& tx) -> Result<std::vector<Deployment>> {
        if (!store::TunnelTable(tx).find(id)) return make_error(Errc::not_found, "tunnel");
        auto forwards = store::ForwardTable(tx).of_tunnel(id);
        std::erase_if(forwards, [](const domain::Forward& forward) { return !forward.enabled; });
        const auto revisions = bump_nodes_of(tx, forwards);
        audit(tx, context_, actor, "tunnel.redeploy", id.value);
        std::vector<Deployment> deployments;
        for (const auto& forward : forwards) deployments.emplace_back(forward.id, deploy_targets(tx, forward, revisions));
        return deployments;
    });
    if (!planned) return planned.error();
    for (const auto& [forward, targets] : *planned) {
        if (auto deployed = deploy(context_, targets, forward); !deployed) return deployed;
    }
    return {};
}

Result<void> Tunnels::reorder(const Actor& actor, const std::vector<std::pair<TunnelId, std::int64_t>>& order)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed;
    return context_.store->write([&](store::WriteTx& tx) -> Result<void> {
        store::TunnelTable tunnels(tx);
        for (const auto& [id, position] : order) tunnels.set_position(id, position);
        audit(tx, context_, actor, "tunnel.reorder", 0, {}, std::to_string(order.size()) + " tunnels");
        return {};
    });
}

Result<std::vector<Tunnels::Usable>> Tunnels::usable(const Actor& actor)
{
    return context_.store->read([&](store::ReadTx& tx) -> Result<std::vector<Usable>> {
        std::set<TunnelId> assigned;
        for (const auto& assignment : store::AssignmentTable(tx).of_user(actor.user)) assigned.insert(assignment.tunnel);
        const EntryNodes nodes(tx);
        std::vector<Usable> usable;
        for (const auto& tunnel : store::TunnelTable(tx).all()) {
            if (!tunnel.enabled || (!actor.is_admin() && !assigned.contains(tunnel.id))) continue;
            Usable one{tunnel.id, tunnel.name, tunnel.type, 0, 0};
            const auto entries = nodes.of(tunnel);
            if (!entries.empty()) {
                auto common = entries.front().ports;
                for (const auto& node : entries) common = common.intersect(node.ports);
                if (!common.empty()) {
                    one.port_min = common.ranges().front().first;
                    one.port_max = common.ranges().back().last;
                }
            }
            usable.push_back(std::move(one));
        }
        return usable;
    });
}

Result<TunnelDiagnosis> Tunnels::diagnose(const Actor& actor, TunnelId id)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed.error();
    auto planned = context_.store->read([&](store::ReadTx& tx) -> Result<TunnelDiagnosis> {
        const auto tunnel = store::TunnelTable(tx).find(id);
        if (!tunnel) return make_error(Errc::not_found, "tunnel");
        const auto entries = entry_nodes(tx, *tunnel);
        if (entries.empty()) return make_error(Errc::invalid, "tunnel.incomplete");
        TunnelDiagnosis diagnosis{tunnel->name, tunnel->type, {}};
        for (const auto& node : entries) diagnosis.steps.push_back(step_to_internet(node));
        return diagnosis;
    });
    if (!planned) return planned.error();
    run_steps(context_, planned->steps);
    return std::move(*planned);
}

} // namespace sluice::panel
