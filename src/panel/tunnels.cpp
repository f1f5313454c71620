#include "panel/tunnels.hpp"

#include "base/random.hpp"
#include "domain/addresses.hpp"
#include "panel/chains.hpp"
#include "panel/context.hpp"
#include "panel/diagnose_jobs.hpp"
#include "panel/forward_rows.hpp"
#include "panel/node_gateway.hpp"
#include "panel/remote_roles.hpp"
#include "panel/summary.hpp"
#include "store/node_table.hpp"
#include "store/share_table.hpp"
#include "store/tunnel_table.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

namespace sluice::panel {

namespace {

TunnelView view_of(EntryNodes& nodes, domain::Tunnel tunnel)
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

// The nodes of a draft, in the order of the contract's checks: entries, exits, middle hops. Hops of a chain get their ports.
Result<void> check_nodes(store::ReadTx& tx, const NodeGateway& gateway, domain::TunnelDraft& draft, const std::optional<domain::Tunnel>& before)
{
    using domain::HopRole;
    const auto has = [&](HopRole role) {
        return std::any_of(draft.hops.begin(), draft.hops.end(), [&](const auto& hop) { return hop.role == role; });
    };
    if (!has(HopRole::entry)) return make_error(Errc::invalid, "tunnel.entries");
    if (draft.type == domain::TunnelType::chain) {
        if (!has(HopRole::exit)) return make_error(Errc::invalid, "tunnel.exits");
        if (auto given = give_ports(tx, draft.hops, before); !given) return given;
    }
    std::set<NodeId> seen;
    // A direct tunnel is its entries; hops and exits that a client sends along mean nothing (FLVX contract 4.7).
    for (const auto role :
         draft.type == domain::TunnelType::chain ? std::vector{HopRole::entry, HopRole::exit, HopRole::middle} : std::vector{HopRole::entry}) {
        for (const auto& hop : draft.hops) {
            if (hop.role != role) continue;
            if (!seen.insert(hop.node).second) return make_error(Errc::invalid, "tunnel.nodes");
            const auto node = store::NodeTable(tx).find(hop.node);
            if (!node) return make_error(Errc::not_found, "node");
            // Whether another panel's node is there says that panel, when it is asked for a port (contract 5.4).
            if (!node->remote && !gateway.online(hop.node)) return make_error(Errc::node_offline, "tunnel.nodes");
        }
    }
    return draft.type == domain::TunnelType::chain ? check_legs(tx, draft.hops, draft.preference) : Result<void>{};
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

Revisions bump_chain(store::WriteTx& tx, const domain::Tunnel& tunnel)
{
    if (tunnel.type != domain::TunnelType::chain) return {};
    std::vector<NodeId> nodes;
    for (const auto& hop : tunnel.hops) nodes.push_back(hop.node);
    return store::NodeTable(tx).bump_revision(nodes);
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
        EntryNodes nodes(tx);
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
        EntryNodes nodes(tx);
        return view_of(nodes, std::move(*tunnel));
    });
}

Result<void> Tunnels::reserve(std::optional<TunnelId> id, domain::Tunnel& tunnel, domain::TunnelDraft& draft,
                              const std::vector<domain::RemoteRole>& have, RemoteRoles& remote)
{
    const auto asks = context_.store->read([&](store::ReadTx& tx) -> Result<bool> {
        const auto remote_nodes = uses_remote_nodes(tx, draft);
        if (remote_nodes && !*remote_nodes && have.empty()) return false;
        // Nobody else is asked for what is refused here anyway.
        if (const auto other = store::TunnelTable(tx).find_by_name(draft.name); other && other != id)
            return make_error(Errc::conflict, "tunnel.name");
        if (draft.type != tunnel.type) return make_error(Errc::conflict, "tunnel.type");
        auto tried = draft;
        if (auto checked = check_nodes(tx, *context_.gateway, tried, id ? std::optional{tunnel} : std::nullopt); !checked) return checked.error();
        if (auto checked = check_billing(draft.billing); !checked) return checked.error();
        if (const auto shown = shown_addresses(draft); !shown) return shown.error();
        if (!remote_nodes) return remote_nodes.error();
        if (context_.peers == nullptr) return make_error(Errc::unavailable, "peer", "this process asks no other panels");
        return true;
    });
    if (!asks) return asks.error();
    if (!*asks) return {};
    if (draft.type == domain::TunnelType::chain && !tunnel.wire_id) tunnel.wire_id = random_wire_id();
    return remote.take(tunnel, draft, have);
}

Result<void> Tunnels::reserve_again(TunnelId id)
{
    struct Known {
        domain::Tunnel tunnel;
        std::vector<domain::RemoteRole> roles;
    };
    auto known = context_.store->read([&](store::ReadTx& tx) -> Result<Known> {
        auto tunnel = store::TunnelTable(tx).find(id);
        if (!tunnel) return make_error(Errc::not_found, "tunnel");
        return Known{std::move(*tunnel), store::RemoteRoleTable(tx).of_tunnel(id)};
    });
    if (!known) return known.error();
    if (known->roles.empty() || context_.peers == nullptr) return {};
    domain::TunnelDraft draft;
    draft.type = known->tunnel.type;
    draft.preference = known->tunnel.preference;
    draft.hops = known->tunnel.hops;
    RemoteRoles remote(context_);
    if (auto taken = remote.take(known->tunnel, draft, known->roles, true); !taken) return taken;
    const auto written = context_.store->write([&](store::WriteTx& tx) -> Result<void> {
        auto tunnel = store::TunnelTable(tx).find(id);
        if (!tunnel) return make_error(Errc::not_found, "tunnel");
        tunnel->hops = draft.hops;
        store::TunnelTable(tx).update(*tunnel);
        store::RemoteRoleTable(tx).replace(id, remote.roles());
        return {};
    });
    if (!written) {
        remote.give_back();
        return written;
    }
    remote.keep();
    return {};
}

Result<TunnelId> Tunnels::create(const Actor& actor, const domain::TunnelDraft& wanted)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed.error();
    if (auto named = check_name(wanted.name); !named) return named.error();
    struct Made {
        TunnelId id;
        domain::Tunnel tunnel;
        Revisions revisions;
    };
    domain::Tunnel fresh;
    fresh.uuid = make_uuid();
    fresh.type = wanted.type;
    auto ready = wanted;
    RemoteRoles remote(context_);
    if (auto reserved = reserve(std::nullopt, fresh, ready, {}, remote); !reserved) return reserved.error();
    auto made = context_.store->write([&](store::WriteTx& tx) -> Result<Made> {
        auto draft = ready;
        store::TunnelTable tunnels(tx);
        if (tunnels.find_by_name(draft.name)) return make_error(Errc::conflict, "tunnel.name");
        if (auto checked = check_nodes(tx, *context_.gateway, draft, std::nullopt); !checked) return checked.error();
        if (auto checked = check_billing(draft.billing); !checked) return checked.error();
        const auto shown = shown_addresses(draft);
        if (!shown) return shown.error();
        auto tunnel = fresh;
        tunnel.created = context_.clock->wall();
        write(tunnel, draft, *shown);
        const auto id = tunnels.insert(tunnel);
        store::RemoteRoleTable(tx).replace(id, remote.roles());
        audit(tx, context_, actor, "tunnel.create", id.value, {}, summary(tunnel));
        auto revisions = bump_chain(tx, tunnel);
        return Made{id, std::move(tunnel), std::move(revisions)};
    });
    if (!made) {
        remote.give_back();
        return made.error();
    }
    if (auto deployed = deploy_tunnel(context_, fresh.wire_id.value_or(made->id), made->tunnel.hops, made->revisions); !deployed) {
        // All or nothing: nothing of it stays, neither here nor on a node.
        const auto undone = context_.store->write([&](store::WriteTx& tx) -> Result<Revisions> {
            store::TunnelTable(tx).remove(made->id);
            audit(tx, context_, actor, "tunnel.create_undone", made->id.value, describe(deployed.error()));
            return bump_chain(tx, made->tunnel);
        });
        if (!undone) return undone.error();
        announce_plans(context_, *undone);
        remote.give_back();
        return deployed.error();
    }
    remote.keep();
    return made->id;
}

Result<void> Tunnels::update(const Actor& actor, TunnelId id, const domain::TunnelDraft& wanted)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed;
    struct Before {
        domain::Tunnel tunnel;
        std::vector<domain::RemoteRole> roles;
    };
    const auto before_update = context_.store->read([&](store::ReadTx& tx) -> Result<Before> {
        auto tunnel = store::TunnelTable(tx).find(id);
        if (!tunnel) return make_error(Errc::not_found, "tunnel");
        return Before{std::move(*tunnel), store::RemoteRoleTable(tx).of_tunnel(id)};
    });
    if (!before_update) return before_update.error();
    auto known = before_update->tunnel;
    auto ready = wanted;
    RemoteRoles remote(context_);
    if (auto reserved = reserve(id, known, ready, before_update->roles, remote); !reserved) return reserved;
    std::vector<domain::HopNode> hops;
    auto revisions = context_.store->write([&](store::WriteTx& tx) -> Result<Revisions> {
        auto draft = ready;
        store::TunnelTable tunnels(tx);
        auto tunnel = tunnels.find(id);
        if (!tunnel) return make_error(Errc::not_found, "tunnel");
        if (auto named = check_name(draft.name); !named) return named.error();
        if (const auto other = tunnels.find_by_name(draft.name); other && *other != id) return make_error(Errc::conflict, "tunnel.name");
        if (draft.type != tunnel->type) return make_error(Errc::conflict, "tunnel.type");
        if (auto checked = check_nodes(tx, *context_.gateway, draft, *tunnel); !checked) return checked.error();
        if (auto checked = check_billing(draft.billing); !checked) return checked.error();
        const auto shown = shown_addresses(draft);
        if (!shown) return shown.error();
        const auto before = summary(*tunnel);
        const auto chain_before = *tunnel;
        write(*tunnel, draft, *shown);
        tunnel->wire_id = known.wire_id;
        tunnel->updated = context_.clock->wall();
        store::RemoteRoleTable(tx).replace(id, remote.roles());

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
        hops = tunnel->hops;
        // The last word of each node counts: those that left the chain are told as well.
        auto changed = bump_nodes_of(tx, affected);
        for (const auto* one : {&chain_before, &std::as_const(*tunnel)}) {
            for (const auto& revision : bump_chain(tx, *one)) {
                std::erase_if(changed, [&](const auto& earlier) { return earlier.first == revision.first; });
                changed.push_back(revision);
            }
        }
        return changed;
    });
    if (!revisions) {
        remote.give_back();
        return revisions.error();
    }
    announce_plans(context_, *revisions);
    remote.keep();
    if (wanted.type != domain::TunnelType::chain) return {};
    // The change stays. A node that is away follows when it returns; what it refuses is said (FLVX contract 4.7).
    auto deployed = deploy_tunnel(context_, known.on_wire(), hops, *revisions);
    if (!deployed && deployed.error().code == Errc::unavailable) return deployed;
    return {};
}

Result<void> Tunnels::remove(const Actor& actor, TunnelId id)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed;
    RemoteLeavings leavings;
    auto revisions = context_.store->write([&](store::WriteTx& tx) -> Result<Revisions> {
        store::TunnelTable tunnels(tx);
        const auto tunnel = tunnels.find(id);
        if (!tunnel) return Revisions{};
        leavings = leavings_of(tx, context_, store::RemoteRoleTable(tx).of_tunnel(id));
        auto changed = tunnel->type == domain::TunnelType::chain ? bump_chain(tx, *tunnel) : bump_nodes_of(tx, store::ForwardTable(tx).of_tunnel(id));
        tunnels.remove(id);
        audit(tx, context_, actor, "tunnel.delete", id.value, summary(*tunnel));
        return changed;
    });
    if (!revisions) return revisions.error();
    announce_plans(context_, *revisions);
    release(context_, leavings);
    return {};
}

Result<void> Tunnels::redeploy(const Actor& actor, TunnelId id)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed;
    if (auto reserved = reserve_again(id); !reserved) return reserved;
    struct Planned {
        TunnelId on_wire;
        std::vector<domain::HopNode> hops; // of a chain
        Revisions revisions;
        std::vector<std::pair<ForwardId, std::vector<DeployTarget>>> forwards;
    };
    const auto planned = context_.store->write([&](store::WriteTx& tx) -> Result<Planned> {
        const auto tunnel = store::TunnelTable(tx).find(id);
        if (!tunnel) return make_error(Errc::not_found, "tunnel");
        auto forwards = store::ForwardTable(tx).of_tunnel(id);
        std::erase_if(forwards, [](const domain::Forward& forward) { return !forward.enabled; });
        const bool chain = tunnel->type == domain::TunnelType::chain;
        Planned made{tunnel->on_wire(),
                     chain ? tunnel->hops : std::vector<domain::HopNode>{},
                     chain ? bump_chain(tx, *tunnel) : bump_nodes_of(tx, forwards),
                     {}};
        audit(tx, context_, actor, "tunnel.redeploy", id.value);
        for (const auto& forward : forwards) made.forwards.emplace_back(forward.id, deploy_targets(tx, forward, made.revisions));
        return made;
    });
    if (!planned) return planned.error();
    announce_plans(context_, planned->revisions);
    if (auto deployed = deploy_tunnel(context_, planned->on_wire, planned->hops, planned->revisions); !deployed) return deployed;
    for (const auto& [forward, targets] : planned->forwards) {
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
        EntryNodes nodes(tx);
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
        if (tunnel->type == domain::TunnelType::chain) {
            add_chain_steps(tx, *tunnel, diagnosis.steps);
            for (const auto& node : exit_nodes(tx, *tunnel)) diagnosis.steps.push_back(from_exit(step_to_internet(node)));
        } else {
            for (const auto& node : entries) diagnosis.steps.push_back(step_to_internet(node));
        }
        return diagnosis;
    });
    if (!planned) return planned.error();
    run_steps(context_, planned->steps);
    return std::move(*planned);
}

} // namespace sluice::panel
