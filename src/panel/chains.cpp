#include "panel/chains.hpp"

#include "base/text.hpp"
#include "domain/addresses.hpp"
#include "panel/node_gateway.hpp"
#include "store/forward_table.hpp"
#include "store/node_table.hpp"
#include "store/tunnel_table.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace sluice::panel {

namespace {

using domain::HopNode;
using domain::HopRole;

constexpr Milliseconds deploy_deadline{12'000};

bool websocket(domain::Carrier carrier) { return carrier == domain::Carrier::wss || carrier == domain::Carrier::mwss; }

bool multiplexed(domain::Carrier carrier)
{
    return carrier == domain::Carrier::mtcp || carrier == domain::Carrier::mtls || carrier == domain::Carrier::mwss;
}

struct Families {
    bool v4 = false;
    bool v6 = false;
};

// FLVX contract 4.7: addresses of a family decide; without any, the primary one does, and a name counts for both.
Families families_of(const domain::Node& node)
{
    if (node.address_v4 || node.address_v6) return {node.address_v4.has_value(), node.address_v6.has_value()};
    const auto literal = IpAddress::parse(node.address);
    if (!literal) return {true, true};
    return {!literal->is_v6(), literal->is_v6()};
}

// What a hop says of how it is found goes into names, handshakes and an HTTP head.
bool is_well_formed(const HopNode& hop)
{
    constexpr std::size_t longest = 255;
    if (!hop.public_host.empty() && !IpAddress::parse(hop.public_host) && !is_host_name(hop.public_host)) return false;
    if (!hop.server_name.empty() && !is_host_name(hop.server_name)) return false;
    if (!hop.path.empty() && (!hop.path.starts_with('/') || hop.path.size() > longest)) return false;
    const auto visible = [](char c) { return c > ' ' && c < 127; };
    if (!std::all_of(hop.path.begin(), hop.path.end(), visible)) return false;
    return hop.alpn.size() <= longest && std::all_of(hop.alpn.begin(), hop.alpn.end(), [&](char c) { return visible(c) || c == ' '; });
}

// Nodes by id, read once.
class NodeCache {
public:
    explicit NodeCache(store::ReadTx& tx) : table_(tx) {}
    const std::optional<domain::Node>& of(NodeId id)
    {
        const auto [at, fresh] = known_.try_emplace(id);
        if (fresh) at->second = table_.find(id);
        return at->second;
    }

private:
    store::NodeTable table_;
    std::map<NodeId, std::optional<domain::Node>> known_;
};

bool any_unreachable(NodeCache& nodes, const std::vector<HopNode>& place)
{
    return std::any_of(place.begin(), place.end(), [&](const HopNode& hop) {
        const auto& node = nodes.of(hop.node);
        return node && !node->reachable;
    });
}

// What a node's listener speaks: its own carrier where the place before dials it, else that of the first node that dials it from behind.
bool listens_for_websockets(NodeCache& nodes, const std::vector<std::vector<HopNode>>& places, std::size_t place, const HopNode& own)
{
    const auto& node = nodes.of(own.node);
    if (place > 0 && node && node->reachable) return websocket(own.carrier);
    if (place + 1 < places.size()) {
        for (const auto& hop : places[place + 1]) {
            const auto& next = nodes.of(hop.node);
            if (next && !next->reachable) return websocket(hop.carrier);
        }
    }
    return websocket(own.carrier);
}

plan::Dial dial_to(const domain::Node& from, const domain::Node& to, const HopNode& hop, bool over_websocket, domain::AddressFamily preference)
{
    plan::Dial dial;
    dial.address = {hop.public_host.empty() ? address_between(from, to, preference) : hop.public_host, outside_port(to, hop)};
    dial.websocket = over_websocket;
    dial.server_name = hop.server_name;
    if (!hop.path.empty()) dial.path = hop.path;
    for (const auto protocol : split(hop.alpn, ',')) {
        if (!trim(protocol).empty()) dial.alpn.emplace_back(trim(protocol));
    }
    const bool imitates = hop.carrier != domain::Carrier::tcp && hop.carrier != domain::Carrier::mtcp;
    if (!imitates) {
        dial.server_name.clear();
        dial.alpn.clear();
    }
    return dial;
}

plan::Pick pick_among(domain::HopStrategy strategy)
{
    switch (strategy) {
    case domain::HopStrategy::first: return plan::Pick::first;
    case domain::HopStrategy::round_robin: return plan::Pick::round_robin;
    case domain::HopStrategy::random: return plan::Pick::random;
    }
    return plan::Pick::round_robin;
}

} // namespace

plan::Pick pick_of(domain::Pick pick)
{
    switch (pick) {
    case domain::Pick::first: return plan::Pick::first;
    case domain::Pick::round_robin: return plan::Pick::round_robin;
    case domain::Pick::random: return plan::Pick::random;
    case domain::Pick::source_hash: return plan::Pick::source_hash;
    case domain::Pick::least_connections: return plan::Pick::least_connections;
    }
    return plan::Pick::first;
}

plan::IpPreference preference_of(domain::AddressFamily family)
{
    switch (family) {
    case domain::AddressFamily::automatic: return plan::IpPreference::automatic;
    case domain::AddressFamily::v4: return plan::IpPreference::v4;
    case domain::AddressFamily::v6: return plan::IpPreference::v6;
    }
    return plan::IpPreference::automatic;
}

std::vector<std::vector<HopNode>> places_of(const std::vector<HopNode>& hops)
{
    std::map<std::pair<HopRole, int>, std::vector<HopNode>> by_place;
    for (const auto& hop : hops) by_place[{hop.role, hop.role == HopRole::middle ? hop.place : 0}].push_back(hop);
    std::vector<std::vector<HopNode>> places;
    for (auto& [key, place] : by_place) places.push_back(std::move(place)); // roles are numbered in this order
    return places;
}

Result<void> give_ports(store::ReadTx& tx, std::vector<HopNode>& hops, const std::optional<domain::Tunnel>& before)
{
    NodeCache nodes(tx);
    for (const auto& hop : hops) {
        if (!is_well_formed(hop)) return make_error(Errc::invalid, "tunnel.hop");
    }
    const auto had = [&](NodeId node) -> std::optional<std::uint16_t> {
        if (!before) return std::nullopt;
        const auto old = std::find_if(before->hops.begin(), before->hops.end(), [&](const HopNode& one) { return one.node == node; });
        return old == before->hops.end() ? std::nullopt : old->port;
    };
    const auto places = places_of(hops);
    const bool entries_listen = places.size() > 1 && any_unreachable(nodes, places[1]);
    for (auto& hop : hops) {
        if (hop.role == HopRole::entry && !entries_listen) {
            hop.port.reset();
            continue;
        }
        const auto& node = nodes.of(hop.node);
        if (!node) return make_error(Errc::not_found, "node");
        if (node->remote && !hop.port) continue; // its panel chooses
        const auto own = had(hop.node);
        const auto taken = store::ForwardTable(tx).ports_taken(hop.node, {});
        if (hop.port) {
            if (hop.port != own && std::find(taken.begin(), taken.end(), *hop.port) != taken.end())
                return make_error(Errc::conflict, "tunnel.hop_port", {}, {node->name, std::to_string(*hop.port)});
            continue;
        }
        if (own) {
            hop.port = own;
            continue;
        }
        const auto free = node->ports.minus(taken);
        const auto lowest = free.at(0);
        if (!lowest) return make_error(Errc::conflict, "tunnel.no_port", {}, {node->name});
        hop.port = *lowest;
    }
    return {};
}

Result<void> check_legs(store::ReadTx& tx, const std::vector<HopNode>& hops, domain::AddressFamily)
{
    NodeCache nodes(tx);
    const auto places = places_of(hops);
    for (std::size_t i = 0; i + 1 < places.size(); ++i) {
        for (const auto& before : places[i]) {
            for (const auto& after : places[i + 1]) {
                const auto& from = nodes.of(before.node);
                const auto& to = nodes.of(after.node);
                if (!from || !to) return make_error(Errc::not_found, "node");
                // An entry on another panel's node is not dialled: what is reserved there are forwards' ports.
                const bool dials_us = from->reachable && !(from->remote && before.role == HopRole::entry);
                if (!to->reachable && !dials_us) return make_error(Errc::invalid, "tunnel.unreachable", {}, {from->name, to->name});
                if (!(to->reachable ? after : before).public_host.empty()) continue; // somebody else's address: his word for it
                const auto ours = families_of(*from);
                const auto theirs = families_of(*to);
                if ((ours.v4 && theirs.v4) || (ours.v6 && theirs.v6)) continue;
                const auto word = [](bool yes) { return std::string{yes ? "true" : "false"}; };
                return make_error(Errc::invalid, "tunnel.families", {},
                                  {from->name, word(ours.v4), word(ours.v6), to->name, word(theirs.v4), word(theirs.v6)});
            }
        }
    }
    return {};
}

std::string address_between(const domain::Node& from, const domain::Node& to, domain::AddressFamily preference)
{
    const auto ours = families_of(from);
    const auto theirs = families_of(to);
    const bool both_v4 = ours.v4 && theirs.v4;
    const bool both_v6 = ours.v6 && theirs.v6;
    const auto& v4 = to.address_v4 ? *to.address_v4 : to.address;
    const auto& v6 = to.address_v6 ? *to.address_v6 : to.address;
    if (preference == domain::AddressFamily::v6 && both_v6) return v6;
    if (both_v4) return v4;
    if (both_v6) return v6;
    return to.address;
}

std::uint16_t outside_port(const domain::Node& node, const HopNode& hop)
{
    return hop.public_port.value_or(node.public_ports.public_of(hop.port.value_or(0)));
}

std::optional<plan::Tunnel> part_of(store::ReadTx& tx, const domain::Node& node, const domain::Tunnel& tunnel)
{
    if (tunnel.type != domain::TunnelType::chain) return std::nullopt;
    NodeCache nodes(tx);
    const auto places = places_of(tunnel.hops);
    if (places.size() < 2 || places.front().front().role != HopRole::entry || places.back().front().role != HopRole::exit) return std::nullopt;
    std::optional<std::size_t> mine;
    HopNode own;
    for (std::size_t i = 0; i < places.size(); ++i) {
        for (const auto& hop : places[i]) {
            if (hop.node != node.id) continue;
            mine = i;
            own = hop;
        }
    }
    if (!mine) return std::nullopt;

    plan::Tunnel part;
    part.id = tunnel.on_wire();
    part.address = domain::parse_listen(node.tcp_listen, "node.tcp_listen").value_or(IpAddress::any_v6());
    part.websocket = listens_for_websockets(nodes, places, *mine, own);
    part.egress_interface = node.egress_interface.value_or("");
    bool listens = false;
    if (*mine > 0) {
        for (const auto& hop : places[*mine - 1]) {
            const auto& before = nodes.of(hop.node);
            if (!before || !before->key) continue;
            plan::Neighbour neighbour{*before->key, std::nullopt, multiplexed(own.carrier)};
            if (node.reachable)
                listens = true;
            else if (hop.port)
                neighbour.dial = dial_to(node, *before, hop, listens_for_websockets(nodes, places, *mine - 1, hop), tunnel.preference);
            else
                continue;
            part.previous.push_back(std::move(neighbour));
        }
    }
    if (*mine + 1 < places.size()) {
        const auto& next = places[*mine + 1];
        part.pick = pick_among(next.front().strategy);
        for (const auto& hop : next) {
            const auto& after = nodes.of(hop.node);
            if (!after || !after->key || !hop.port) continue;
            plan::Neighbour neighbour{*after->key, std::nullopt, multiplexed(hop.carrier)};
            if (after->reachable)
                neighbour.dial = dial_to(node, *after, hop, websocket(hop.carrier), tunnel.preference);
            else
                listens = true;
            part.next.push_back(std::move(neighbour));
        }
    }
    if (listens) part.port = own.port.value_or(0);

    for (const auto& forward : store::ForwardTable(tx).of_tunnel(tunnel.id)) {
        if (!forward.enabled || forward.targets.empty()) continue;
        if (own.role == HopRole::middle) part.passes.push_back(forward.id);
        if (own.role != HopRole::exit) continue;
        plan::Forward wish;
        wish.id = forward.id;
        wish.tcp = forward.options.tcp;
        wish.udp = forward.options.udp;
        wish.targets = forward.targets;
        wish.pick = pick_of(forward.pick);
        wish.preference = preference_of(tunnel.preference);
        wish.egress_interface = node.egress_interface.value_or("");
        part.exits.push_back(std::move(wish));
    }
    std::sort(part.passes.begin(), part.passes.end());
    std::sort(part.exits.begin(), part.exits.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    return part;
}

std::vector<NodeId> neighbours_of(store::ReadTx& tx, NodeId node)
{
    std::set<NodeId> all;
    store::TunnelTable tunnels(tx);
    for (const auto id : tunnels.using_node(node)) {
        const auto tunnel = tunnels.find(id);
        if (!tunnel || tunnel->type != domain::TunnelType::chain) continue;
        for (const auto& hop : tunnel->hops) all.insert(hop.node);
    }
    return {all.begin(), all.end()};
}

Result<void> deploy_tunnel(const Context& context, TunnelId tunnel, const std::vector<HopNode>& hops, const Revisions& revisions)
{
    announce_plans(context, revisions);
    // Exits first: a hop that is up before the one behind it would only say that it is not reached.
    const auto places = places_of(hops);
    for (auto place = places.rbegin(); place != places.rend(); ++place) {
        for (const auto& hop : *place) {
            const auto revision = std::find_if(revisions.begin(), revisions.end(), [&](const auto& one) { return one.first == hop.node; });
            if (revision == revisions.end()) continue;
            const auto name = context.store->read([&](store::ReadTx& tx) -> Result<std::string> {
                const auto node = store::NodeTable(tx).find(hop.node);
                return node ? node->name : std::string{};
            });
            const std::vector<std::string> who{std::to_string(static_cast<int>(hop.role)), name.value_or("")};
            const auto applied = context.gateway->converge(hop.node, revision->second, deploy_deadline);
            if (!applied) return make_error(applied.error().code, "tunnel.deploy", applied.error().detail, who);
            const auto result = std::find_if(applied->tunnels.begin(), applied->tunnels.end(), [&](const auto& one) { return one.id == tunnel; });
            if (result == applied->tunnels.end() || result->listening) continue;
            auto args = who;
            args.emplace_back(plan::to_text(result->fault));
            args.push_back(std::to_string(hop.port.value_or(0)));
            return make_error(Errc::unavailable, "tunnel.deploy", result->detail, std::move(args));
        }
    }
    return {};
}

} // namespace sluice::panel
