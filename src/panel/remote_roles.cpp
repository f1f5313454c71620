#include "panel/remote_roles.hpp"

#include "base/log.hpp"
#include "base/random.hpp"
#include "panel/chains.hpp"
#include "panel/remote_nodes.hpp"
#include "store/names.hpp"
#include "store/node_table.hpp"
#include "store/share_table.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace sluice::panel {

namespace {

using domain::HopNode;
using domain::HopRole;
using domain::RemoteRole;

std::string key_of(const domain::Tunnel& tunnel, const HopNode& hop)
{
    // The contract's form with the tunnel's uuid instead of its number, which two panels may both have.
    return "tunnel:" + tunnel.uuid + ":node:" + std::to_string(hop.node.value) + ":type:" + std::to_string(static_cast<int>(hop.role)) +
           ":hop:" + std::to_string(hop.role == HopRole::middle ? hop.place : 0);
}

const char* strategy_word(domain::HopStrategy strategy)
{
    switch (strategy) {
    case domain::HopStrategy::first: return "fifo";
    case domain::HopStrategy::round_robin: return "round";
    case domain::HopStrategy::random: return "rand";
    }
    return "round";
}

std::string said(const Error& error) { return error.args.empty() ? std::string{to_text(error.code)} : error.args.front(); }

bool same_place(const RemoteRole& role, const HopNode& hop) { return role.node == hop.node && role.role == hop.role && role.place == hop.place; }

bool counts(const domain::TunnelDraft& draft, const HopNode& hop) { return draft.type == domain::TunnelType::chain || hop.role == HopRole::entry; }

} // namespace

TunnelId random_wire_id() { return TunnelId{static_cast<std::int64_t>(random_below(std::uint64_t{1} << 62U)) + domain::shared_ids}; }

Result<bool> uses_remote_nodes(store::ReadTx& tx, const domain::TunnelDraft& draft)
{
    bool uses = false;
    for (const auto& hop : draft.hops) {
        if (!counts(draft, hop)) continue;
        const auto node = store::NodeTable(tx).find(hop.node);
        if (!node || !node->remote) continue;
        const auto remote = store::RemoteNodeTable(tx).find(hop.node);
        if (!remote || !remote->key) return make_error(Errc::invalid, "tunnel.remote_kind", {}, {node->name});
        uses = true;
    }
    return uses;
}

Result<void> RemoteRoles::take(const domain::Tunnel& tunnel, domain::TunnelDraft& draft, const std::vector<RemoteRole>& have, bool again)
{
    struct Known {
        std::map<NodeId, domain::Node> nodes;
        std::map<NodeId, PeerAddress> peers;
        std::map<NodeId, domain::RemoteNode> remotes;
        std::vector<HopNode> hops; // with the ports that our own nodes would get
    };
    auto known = context_.store->read([&](store::ReadTx& tx) -> Result<Known> {
        Known all;
        std::set<NodeId> asked;
        for (const auto& hop : draft.hops) asked.insert(hop.node);
        for (const auto& role : have) asked.insert(role.node);
        for (const auto id : asked) {
            const auto node = store::NodeTable(tx).find(id);
            if (!node) continue;
            all.nodes.emplace(id, *node);
            const auto remote = store::RemoteNodeTable(tx).find(id);
            if (!remote) continue;
            auto peer = peer_address(tx, context_, id);
            if (!peer) return peer.error();
            all.peers.emplace(id, std::move(*peer));
            all.remotes.emplace(id, *remote);
        }
        all.hops = draft.hops;
        if (draft.type == domain::TunnelType::chain) {
            if (auto given = give_ports(tx, all.hops, tunnel); !given) return given.error();
        }
        return all;
    });
    if (!known) return known.error();
    roles_.clear();
    std::vector<const RemoteRole*> kept;
    if (draft.type == domain::TunnelType::chain) {
        auto places = places_of(known->hops);
        for (auto i = places.size(); i-- > 1;) {
            for (auto& hop : places[i]) {
                const auto remote = known->remotes.find(hop.node);
                if (remote == known->remotes.end()) continue;
                const auto wanted = std::find_if(draft.hops.begin(), draft.hops.end(), [&](const auto& one) { return one.node == hop.node; });
                const auto old = std::find_if(have.begin(), have.end(), [&](const auto& role) { return same_place(role, hop); });
                const bool stays = old != have.end() && (!wanted->port || *wanted->port == old->port);
                if (stays) kept.push_back(&*old);
                if (stays && !again) {
                    roles_.push_back(*old);
                } else {
                    const auto& range = remote->second;
                    if (wanted->port && (*wanted->port < range.port_first || *wanted->port > range.port_last)) {
                        give_back();
                        return make_error(Errc::invalid, "tunnel.remote_port", {},
                                          {std::to_string(*wanted->port), std::to_string(range.port_first), std::to_string(range.port_last)});
                    }
                    hop.port = stays ? std::optional{old->port} : wanted->port;
                    std::vector<RoleTarget> targets;
                    for (std::size_t next = i + 1; next < std::min(i + 2, places.size()); ++next) {
                        for (const auto& after : places[next]) {
                            const auto& from = known->nodes.at(hop.node);
                            const auto& to = known->nodes.at(after.node);
                            const auto host = after.public_host.empty() ? address_between(from, to, draft.preference) : after.public_host;
                            targets.push_back({host, outside_port(to, after), std::string{store::carriers.name(after.carrier)}});
                        }
                    }
                    const auto& peer = known->peers.at(hop.node);
                    auto role = take_one(peer, known->nodes.at(hop.node), tunnel, hop, std::move(targets));
                    if (!role) {
                        give_back();
                        return role.error();
                    }
                    if (!stays) taken_.push_back({peer, *role});
                    roles_.push_back(std::move(*role));
                }
                hop.port = wanted->port = roles_.back().port;
            }
        }
    }
    for (const auto& role : have) {
        if (std::find(kept.begin(), kept.end(), &role) != kept.end()) continue;
        if (const auto peer = known->peers.find(role.node); peer != known->peers.end()) left_.push_back({peer->second, role});
    }
    return {};
}

Result<RemoteRole> RemoteRoles::take_one(const PeerAddress& peer, const domain::Node& node, const domain::Tunnel& tunnel, const HopNode& hop,
                                         std::vector<RoleTarget> targets)
{
    RemoteRole role;
    role.tunnel = tunnel.id;
    role.node = hop.node;
    role.role = hop.role;
    role.place = hop.place;
    role.resource_key = key_of(tunnel, hop);
    role.updated = context_.clock->wall();
    const std::string protocol{store::carriers.name(hop.carrier)};
    auto reserved = context_.peers->reserve_port(peer, role.resource_key, protocol, hop.port.value_or(0));
    // Refused, not unanswered: another port does as well (contract 4.9).
    if (!reserved && hop.port && reserved.error().code == Errc::conflict)
        reserved = context_.peers->reserve_port(peer, role.resource_key, protocol, 0);
    if (!reserved) return make_error(Errc::conflict, "tunnel.remote_reserve", reserved.error().detail, {node.name, said(reserved.error())});
    role.reservation = reserved->id;
    role.port = reserved->port;
    RoleWish wish;
    wish.reservation = reserved->id;
    wish.resource_key = role.resource_key;
    wish.role = hop.role == HopRole::middle ? "middle" : "exit";
    wish.protocol = protocol;
    wish.strategy = strategy_word(hop.strategy);
    wish.targets = std::move(targets);
    wish.tunnel = tunnel.on_wire();
    const auto applied = context_.peers->apply_role(peer, wish);
    if (!applied) {
        release({{peer, role}});
        return make_error(Errc::conflict, "tunnel.remote_apply", applied.error().detail, {node.name, said(applied.error())});
    }
    role.binding = applied->binding;
    if (applied->port != 0) role.port = applied->port;
    return role;
}

void RemoteRoles::release(const std::vector<Held>& held)
{
    RemoteLeavings leavings;
    for (const auto& one : held) leavings.roles.emplace_back(one.peer, one.role);
    panel::release(context_, leavings);
}

void RemoteRoles::keep()
{
    release(left_);
    left_.clear();
    taken_.clear();
}

void RemoteRoles::give_back()
{
    release(taken_);
    taken_.clear();
    left_.clear();
}

RemoteLeavings leavings_of(store::ReadTx& tx, const Context& context, const std::vector<RemoteRole>& roles)
{
    RemoteLeavings leavings;
    for (const auto& role : roles) {
        if (auto peer = peer_address(tx, context, role.node)) leavings.roles.emplace_back(std::move(*peer), role);
    }
    return leavings;
}

void release(const Context& context, const RemoteLeavings& leavings)
{
    std::set<NodeId> away; // asked once, and not there: nobody waits for it again
    for (const auto& [peer, role] : leavings.roles) {
        if (!context.peers || away.contains(role.node)) continue;
        const auto released = context.peers->release_role(peer, role);
        if (released) continue;
        if (released.error().code == Errc::timeout || released.error().code == Errc::unavailable) away.insert(role.node);
        log::warning("role on another panel's node not released",
                     {{"node", role.node.value}, {"port", role.port}, {"problem", describe(released.error())}});
    }
}

} // namespace sluice::panel
