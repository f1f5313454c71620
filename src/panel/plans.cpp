#include "panel/plans.hpp"

#include "domain/addresses.hpp"
#include "panel/context.hpp"
#include "store/forward_table.hpp"
#include "store/node_table.hpp"
#include "store/speed_limit_table.hpp"
#include "store/tunnel_table.hpp"

#include <algorithm>
#include <map>
#include <unordered_map>

namespace sluice::panel {

namespace {

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

// The speed limit of each assignment that has one. Its forwards on a node share the allowance.
std::map<std::pair<UserId, TunnelId>, plan::SpeedLimit> limits_of_assignments(store::ReadTx& tx)
{
    std::unordered_map<SpeedLimitId, std::uint64_t> rates;
    for (const auto& limit : store::SpeedLimitTable(tx).all()) rates.emplace(limit.id, domain::bytes_per_second(limit.megabits));
    std::map<std::pair<UserId, TunnelId>, plan::SpeedLimit> limits;
    for (const auto& assignment : store::AssignmentTable(tx).all()) {
        if (!assignment.speed_limit) continue;
        const auto rate = rates.find(*assignment.speed_limit);
        if (rate == rates.end()) continue;
        limits[{assignment.user, assignment.tunnel}] = {plan::LimitId{assignment.id.value}, rate->second, rate->second};
    }
    return limits;
}

} // namespace

Result<plan::Plan> Plans::compile(NodeId id)
{
    return context_.store->read([&](store::ReadTx& tx) -> Result<plan::Plan> {
        const auto node = store::NodeTable(tx).find(id);
        if (!node) return make_error(Errc::not_found, "node");
        const auto any = IpAddress::any_v6();
        const auto tcp_listen = domain::parse_listen(node->tcp_listen, "node.tcp_listen").value_or(any);
        const auto udp_listen = domain::parse_listen(node->udp_listen, "node.udp_listen").value_or(any);
        std::unordered_map<TunnelId, domain::Tunnel> tunnels;
        for (auto& tunnel : store::TunnelTable(tx).all()) tunnels.emplace(tunnel.id, std::move(tunnel));

        const auto limits = limits_of_assignments(tx);
        std::map<plan::LimitId, plan::SpeedLimit> used_limits;

        plan::Plan plan;
        plan.revision = node->revision;
        for (const auto& forward : store::ForwardTable(tx).on_node(id)) {
            const auto tunnel = tunnels.find(forward.tunnel);
            const auto port = std::find_if(forward.ports.begin(), forward.ports.end(), [&](const auto& one) { return one.node == id; });
            if (!forward.enabled || tunnel == tunnels.end() || port == forward.ports.end() || forward.targets.empty()) continue;
            // An imported chain: this program cannot carry its traffic over its hops, so it does not carry it at all. Never straight to the target.
            if (tunnel->second.type == domain::TunnelType::chain) continue;
            plan::Forward wish;
            wish.id = forward.id;
            wish.port = port->port;
            wish.tcp_address = forward.options.bind_address.value_or(tcp_listen);
            wish.udp_address = forward.options.bind_address.value_or(udp_listen);
            wish.tcp = forward.options.tcp;
            wish.udp = forward.options.udp;
            wish.targets = forward.targets;
            wish.pick = pick_of(forward.pick);
            wish.preference = preference_of(tunnel->second.preference);
            wish.egress_interface = node->egress_interface.value_or("");
            wish.sources = {forward.options.allow, forward.options.deny};
            wish.max_connections = forward.options.max_connections;
            wish.blocks = {node->blocks.http, node->blocks.tls, node->blocks.socks};
            if (const auto limit = limits.find({forward.owner, forward.tunnel}); limit != limits.end()) {
                wish.speed_limits.push_back(limit->second.id);
                used_limits.emplace(limit->second.id, limit->second);
            }
            plan.forwards.push_back(std::move(wish));
        }
        for (const auto& [limit_id, limit] : used_limits) plan.speed_limits.push_back(limit);
        return plan;
    });
}

} // namespace sluice::panel
