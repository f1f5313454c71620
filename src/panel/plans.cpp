#include "panel/plans.hpp"

#include "domain/addresses.hpp"
#include "panel/chains.hpp"
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
            plan::Forward wish;
            wish.id = forward.id;
            wish.port = port->port;
            wish.tcp_address = forward.options.bind_address.value_or(tcp_listen);
            wish.udp_address = forward.options.bind_address.value_or(udp_listen);
            wish.tcp = forward.options.tcp;
            wish.udp = forward.options.udp;
            // Through a chain only its exits know where to: an entry has no other way, whatever happens.
            if (tunnel->second.type == domain::TunnelType::chain)
                wish.tunnel = tunnel->first;
            else
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
        for (const auto& [tunnel_id, tunnel] : tunnels) {
            if (auto part = part_of(tx, *node, tunnel)) plan.tunnels.push_back(std::move(*part));
        }
        std::sort(plan.tunnels.begin(), plan.tunnels.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
        return plan;
    });
}

} // namespace sluice::panel
