#include "panel/plans.hpp"

#include "domain/addresses.hpp"
#include "panel/chains.hpp"
#include "panel/context.hpp"
#include "panel/quota_rows.hpp"
#include "panel/share_rows.hpp"
#include "store/forward_table.hpp"
#include "store/node_table.hpp"
#include "store/speed_limit_table.hpp"
#include "store/tunnel_table.hpp"
#include "store/user_table.hpp"

#include <algorithm>
#include <map>
#include <unordered_map>

namespace sluice::panel {

namespace {

// The speed limit of each assignment that has one. Its forwards on a node share the allowance.
std::map<std::pair<UserId, TunnelId>, plan::SpeedLimit> limits_of_assignments(store::ReadTx& tx)
{
    std::map<std::pair<UserId, TunnelId>, plan::SpeedLimit> limits;
    const auto limited = store::AssignmentTable(tx).limited();
    if (limited.empty()) return limits;
    std::unordered_map<SpeedLimitId, std::uint64_t> rates;
    for (const auto& limit : store::SpeedLimitTable(tx).all()) rates.emplace(limit.id, domain::bytes_per_second(limit.megabits));
    for (const auto& assignment : limited) {
        const auto rate = rates.find(*assignment.speed_limit);
        if (rate == rates.end()) continue;
        limits[{assignment.user, assignment.tunnel}] = {plan::LimitId{assignment.id.value}, rate->second, rate->second};
    }
    return limits;
}

// What administrators cap of a forward's owner; each of them is read once.
class UserCapsOf {
public:
    explicit UserCapsOf(store::ReadTx& tx) : tx_(tx) {}
    const domain::UserCaps& of(UserId id)
    {
        const auto [place, fresh] = known_.try_emplace(id);
        if (fresh) {
            if (const auto user = store::UserTable(tx_).find(id)) place->second = user->caps;
        }
        return place->second;
    }

private:
    store::ReadTx& tx_;
    std::unordered_map<UserId, domain::UserCaps> known_;
};

} // namespace

Result<plan::Plan> Plans::compile(NodeId id)
{
    return context_.store->read([&](store::ReadTx& tx) -> Result<plan::Plan> {
        const auto node = store::NodeTable(tx).find(id);
        if (!node) return make_error(Errc::not_found, "node");
        const auto any = IpAddress::any_v6();
        const auto tcp_listen = domain::parse_listen(node->tcp_listen, "node.tcp_listen").value_or(any);
        const auto udp_listen = domain::parse_listen(node->udp_listen, "node.udp_listen").value_or(any);
        // Only tunnels that this node has to do with: what happens elsewhere costs nothing here.
        std::unordered_map<TunnelId, std::optional<domain::Tunnel>> tunnels;
        const auto tunnel_of = [&](TunnelId wanted) -> const std::optional<domain::Tunnel>& {
            const auto [place, fresh] = tunnels.try_emplace(wanted);
            if (fresh) place->second = store::TunnelTable(tx).find(wanted);
            return place->second;
        };

        const auto limits = limits_of_assignments(tx);
        Holds holds(tx);
        UserCapsOf caps(tx);
        std::map<plan::LimitId, plan::SpeedLimit> used_limits;
        std::map<plan::CapId, std::uint32_t> plan_caps;

        plan::Plan plan;
        plan.revision = node->revision;
        for (const auto& forward : store::ForwardTable(tx).on_node(id)) {
            const auto& tunnel = tunnel_of(forward.tunnel);
            const auto port = std::find_if(forward.ports.begin(), forward.ports.end(), [&](const auto& one) { return one.node == id; });
            if (!forward.enabled || !tunnel || port == forward.ports.end() || forward.targets.empty()) continue;
            if (holds.stopped(forward, id) != nullptr) continue;
            plan::Forward wish;
            wish.id = forward.id;
            wish.port = port->port;
            wish.tcp_address = forward.options.bind_address.value_or(tcp_listen);
            wish.udp_address = forward.options.bind_address.value_or(udp_listen);
            wish.tcp = forward.options.tcp;
            wish.udp = forward.options.udp;
            // Through a chain only its exits know where to: an entry has no other way, whatever happens.
            if (tunnel->type == domain::TunnelType::chain)
                wish.tunnel = tunnel->on_wire();
            else
                wish.targets = forward.targets;
            wish.pick = pick_of(forward.pick);
            wish.preference = preference_of(tunnel->preference);
            wish.egress_interface = node->egress_interface.value_or("");
            wish.sources = {forward.options.allow, forward.options.deny};
            wish.max_connections = forward.options.max_connections;
            const auto& caps_of_owner = caps.of(forward.owner);
            const auto clients = domain::smaller(forward.options.clients, caps_of_owner.clients);
            wish.max_clients = clients.most;
            wish.replace_clients = clients.replace;
            if (caps_of_owner.max_connections != 0) {
                wish.connection_cap = plan::CapId{forward.owner.value};
                plan_caps.emplace(*wish.connection_cap, caps_of_owner.max_connections);
            }
            wish.blocks = {node->blocks.http, node->blocks.tls, node->blocks.socks};
            if (const auto limit = limits.find({forward.owner, forward.tunnel}); limit != limits.end()) {
                wish.speed_limits.push_back(limit->second.id);
                used_limits.emplace(limit->second.id, limit->second);
            }
            for (const auto* quota : holds.throttled(forward, id)) {
                const auto limit = limit_of(*quota);
                wish.speed_limits.push_back(limit.id);
                used_limits.emplace(limit.id, limit);
            }
            plan.forwards.push_back(std::move(wish));
        }
        for (const auto& [limit_id, limit] : used_limits) plan.speed_limits.push_back(limit);
        for (const auto& [cap, most] : plan_caps) plan.connection_caps.push_back({cap, most});
        // A node that has to stop carries nothing for others, either.
        if (holds.stops_node(id)) return plan;
        for (const auto over : store::TunnelTable(tx).using_node(id)) {
            const auto& tunnel = tunnel_of(over);
            if (!tunnel) continue;
            if (auto part = part_of(tx, *node, *tunnel)) plan.tunnels.push_back(std::move(*part));
        }
        add_shared_roles(tx, *node, context_.clock->wall(), plan);
        std::sort(plan.tunnels.begin(), plan.tunnels.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
        return plan;
    });
}

} // namespace sluice::panel
