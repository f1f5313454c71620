#include "panel/forward_rows.hpp"

#include "base/log.hpp"
#include "base/random.hpp"
#include "domain/allowance.hpp"
#include "panel/node_gateway.hpp"
#include "store/event_table.hpp"
#include "store/flow_table.hpp"
#include "store/node_table.hpp"
#include "store/tunnel_table.hpp"
#include "store/user_table.hpp"

#include <algorithm>
#include <set>
#include <unordered_map>

namespace sluice::panel {

namespace {

// Longer than an agent needs to open sockets and to resolve a target's name, shorter than a client's patience.
constexpr Milliseconds deploy_deadline{12'000};
constexpr Milliseconds settle_deadline{2'000};

} // namespace

Revisions bump_nodes_of(store::WriteTx& tx, const std::vector<domain::Forward>& forwards)
{
    std::vector<NodeId> nodes;
    store::TunnelTable tunnels(tx);
    std::set<TunnelId> seen;
    for (const auto& forward : forwards) {
        for (const auto& port : forward.ports) nodes.push_back(port.node);
        // What a chain carries is in the plan of every node of it.
        if (!seen.insert(forward.tunnel).second) continue;
        const auto tunnel = tunnels.find(forward.tunnel);
        if (!tunnel || tunnel->type != domain::TunnelType::chain) continue;
        for (const auto& hop : tunnel->hops) {
            if (hop.role != domain::HopRole::entry) nodes.push_back(hop.node);
        }
    }
    return store::NodeTable(tx).bump_revision(nodes);
}

Revisions stop_what_may_not_run(store::WriteTx& tx, const Context& context, UserId user_id)
{
    const auto user = store::UserTable(tx).find(user_id);
    if (!user || user->role == domain::Role::admin) return {};
    const auto now = context.clock->wall();
    store::ForwardTable forwards(tx);
    std::unordered_map<TunnelId, domain::Assignment> assignments;
    for (auto& assignment : store::AssignmentTable(tx).of_user(user_id)) assignments.emplace(assignment.tunnel, std::move(assignment));
    std::vector<domain::Forward> stopped;
    for (auto& forward : forwards.of_user(user_id)) {
        if (!forward.enabled) continue;
        const auto found = assignments.find(forward.tunnel);
        const auto allowed = domain::may_run(*user, found == assignments.end() ? std::nullopt : std::optional{found->second}, now);
        if (allowed) continue;
        forwards.set_enabled(forward.id, false, now);
        store::EventRow event;
        event.severity = store::Severity::warning;
        event.kind = "forward.stopped";
        event.forward = forward.id;
        event.user = user_id;
        event.details = {{"user", user->name}, {"forward", forward.name}, {"reason", allowed.error().field}};
        record(tx, context, std::move(event));
        stopped.push_back(std::move(forward));
    }
    return bump_nodes_of(tx, stopped);
}

std::vector<domain::Node> entry_nodes(store::ReadTx& tx, const domain::Tunnel& tunnel)
{
    std::vector<domain::Node> nodes;
    store::NodeTable table(tx);
    for (const auto& hop : tunnel.hops) {
        if (hop.role != domain::HopRole::entry) continue;
        if (auto node = table.find(hop.node)) nodes.push_back(std::move(*node));
    }
    return nodes;
}

std::vector<domain::Node> EntryNodes::of(const domain::Tunnel& tunnel)
{
    std::vector<domain::Node> entries;
    for (const auto& hop : tunnel.hops) {
        if (hop.role != domain::HopRole::entry) continue;
        const auto [node, fresh] = nodes_.try_emplace(hop.node);
        if (fresh) node->second = store::NodeTable(tx_).find(hop.node);
        if (node->second) entries.push_back(*node->second);
    }
    return entries;
}

Result<std::uint16_t> choose_port(store::ReadTx& tx, const std::vector<domain::Node>& entries, std::optional<std::uint16_t> wanted, ForwardId except,
                                  const std::vector<std::uint16_t>& tried)
{
    if (entries.empty()) return make_error(Errc::conflict, "forward.entries");
    store::ForwardTable forwards(tx);
    if (wanted) {
        const auto port = std::to_string(*wanted);
        const auto own = except ? forwards.find(except) : std::nullopt;
        const auto holds = [&](NodeId node) {
            return own && std::find(own->ports.begin(), own->ports.end(), domain::ForwardPort{node, *wanted}) != own->ports.end();
        };
        for (const auto& node : entries) {
            // A port that the forward has stays its own, also when the node's range was made smaller since.
            if (holds(node.id)) continue;
            if (node.remote && !node.ports.contains(*wanted)) {
                const auto& ranges = node.ports.ranges();
                return make_error(
                    Errc::invalid, "forward.remote_port", {},
                    {port, std::to_string(ranges.empty() ? 0 : ranges.front().first), std::to_string(ranges.empty() ? 0 : ranges.back().last)});
            }
            if (!node.ports.contains(*wanted)) return make_error(Errc::invalid, "forward.port", {}, {node.name, port});
            const auto taken = forwards.ports_taken(node.id, except);
            if (std::find(taken.begin(), taken.end(), *wanted) != taken.end())
                return make_error(Errc::conflict, "forward.port", {}, {node.name, port});
        }
        return *wanted;
    }
    auto common = entries.front().ports.minus(tried);
    for (const auto& node : entries) common = common.intersect(node.ports.minus(forwards.ports_taken(node.id, except)));
    if (common.empty()) return make_error(Errc::conflict, "forward.no_port");
    return *common.at(random_below(common.size()));
}

void remember_payer(store::WriteTx& tx, const domain::Forward& forward)
{
    store::BookedCounterTable booked(tx);
    for (const auto& port : forward.ports) {
        auto counter = booked.find(port.node, forward.id).value_or(store::BookedCounter{});
        counter.forward = forward.id;
        counter.user = forward.owner;
        counter.tunnel = forward.tunnel;
        booked.put(port.node, counter);
    }
}

std::vector<DeployTarget> deploy_targets(store::ReadTx& tx, const domain::Forward& forward, const Revisions& revisions)
{
    std::vector<DeployTarget> targets;
    store::NodeTable nodes(tx);
    for (const auto& port : forward.ports) {
        const auto node = nodes.find(port.node);
        const auto revision = std::find_if(revisions.begin(), revisions.end(), [&](const auto& one) { return one.first == port.node; });
        if (node && revision != revisions.end()) targets.push_back({port.node, node->name, revision->second, port.port});
    }
    // Nodes of a chain behind its entries: nobody listens there, but without them nothing arrives.
    for (const auto& [id, revision] : revisions) {
        const auto listens = [node = id](const DeployTarget& one) { return one.node == node; };
        if (std::any_of(targets.begin(), targets.end(), listens)) continue;
        if (const auto node = nodes.find(id)) targets.push_back({id, node->name, revision, 0});
    }
    return targets;
}

void settle(const Context& context, const Revisions& revisions)
{
    announce_plans(context, revisions);
    for (const auto& [node, revision] : revisions) {
        if (!context.gateway->online(node)) continue;
        if (const auto applied = context.gateway->converge(node, revision, settle_deadline); !applied)
            log::warning("node not back yet after an undo", {{"node", node.value}, {"problem", describe(applied.error())}});
    }
}

Result<void> deploy(const Context& context, const std::vector<DeployTarget>& targets, ForwardId forward)
{
    std::vector<NodeId> nodes;
    for (const auto& target : targets) nodes.push_back(target.node);
    context.gateway->plan_changed(nodes);
    // Those behind first: an entry that listens before them would take connections that cannot arrive. One that is away follows when it returns.
    for (const auto& target : targets) {
        if (target.port != 0 || !context.gateway->online(target.node)) continue;
        const auto behind = context.gateway->converge(target.node, target.revision, deploy_deadline);
        if (!behind)
            log::warning("a node of the path has not followed",
                         {{"forward", forward.value}, {"node", target.name}, {"problem", describe(behind.error())}});
    }
    for (const auto& target : targets) {
        if (target.port == 0) continue;
        const auto applied = context.gateway->converge(target.node, target.revision, deploy_deadline);
        if (!applied) return make_error(applied.error().code, "forward.deploy", applied.error().detail, {target.name});
        const auto result = std::find_if(applied->forwards.begin(), applied->forwards.end(), [&](const auto& one) { return one.id == forward; });
        if (result == applied->forwards.end() || (result->listening && result->fault == plan::Fault::none)) continue;
        return make_error(Errc::unavailable, "forward.deploy", result->detail,
                          {target.name, std::string{plan::to_text(result->fault)}, std::to_string(target.port)});
    }
    return {};
}

} // namespace sluice::panel
