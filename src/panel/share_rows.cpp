#include "panel/share_rows.hpp"

#include "base/random.hpp"
#include "domain/addresses.hpp"
#include "link/plan_json.hpp"
#include "store/event_table.hpp"
#include "store/flow_table.hpp"
#include "store/node_table.hpp"

#include <algorithm>

namespace sluice::panel {

namespace {

using domain::ShareRole;
using domain::ShareRoleKind;

// What roles of one share become on one node.
class SharedPart {
public:
    SharedPart(const domain::Node& node, plan::Plan& plan) : node_(node), plan_(plan), any_(IpAddress::any_v6()) {}

    void add(const std::vector<ShareRole>& roles)
    {
        for (const auto& role : roles) {
            if (role.kind == ShareRoleKind::limiter && !role.wish.empty()) add_limiter(role);
        }
        for (const auto& role : roles) {
            if (!role.applied || role.paused || role.wish.empty() || role.kind == ShareRoleKind::limiter) continue;
            const auto wish = link::decode_plan(role.wish);
            if (!wish) continue; // written by this program: a newer one perhaps
            if (!wish->forwards.empty())
                add_forward(role, *wish);
            else if (!wish->tunnels.empty())
                add_tunnel(role, wish->tunnels.front());
        }
    }

private:
    void add_limiter(const ShareRole& role)
    {
        const auto wish = link::decode_plan(role.wish);
        if (!wish || wish->speed_limits.empty()) return;
        auto limit = wish->speed_limits.front();
        limit.id = plan::LimitId{number_of(role)};
        limiters_[role.resource_key] = limit;
    }

    // The other panel's limits are shared by its forwards; the first role that names one gives it its number here.
    void add_forward(const ShareRole& role, const plan::Plan& wish)
    {
        auto forward = wish.forwards.front();
        forward.id = ForwardId{number_of(role)};
        if (forward.tunnel) forward.path_id = ForwardId{role.peer_object};
        forward.port = role.port.value_or(0);
        if (forward.port == 0) return;
        forward.tcp_address = domain::parse_listen(node_.tcp_listen, "node.tcp_listen").value_or(any_);
        forward.udp_address = domain::parse_listen(node_.udp_listen, "node.udp_listen").value_or(any_);
        forward.egress_interface = node_.egress_interface.value_or("");
        forward.blocks = {forward.blocks.http || node_.blocks.http, forward.blocks.tls || node_.blocks.tls,
                          forward.blocks.socks || node_.blocks.socks};
        std::vector<plan::LimitId> own;
        for (const auto theirs : forward.speed_limits) {
            const auto named =
                std::find_if(wish.speed_limits.begin(), wish.speed_limits.end(), [theirs](const auto& one) { return one.id == theirs; });
            if (named == wish.speed_limits.end()) continue;
            const auto number = numbers_.try_emplace(theirs, plan::LimitId{number_of(role)}).first->second;
            use_limit({number, named->up, named->down});
            own.push_back(number);
        }
        if (const auto limiter = limiters_.find(role.speed_limit); limiter != limiters_.end()) {
            use_limit(limiter->second);
            own.push_back(limiter->second.id);
        }
        forward.speed_limits = std::move(own);
        plan_.forwards.push_back(std::move(forward));
    }

    void use_limit(const plan::SpeedLimit& limit)
    {
        const auto known = std::any_of(plan_.speed_limits.begin(), plan_.speed_limits.end(), [&](const auto& one) { return one.id == limit.id; });
        if (!known) plan_.speed_limits.push_back(limit);
    }

    void add_tunnel(const ShareRole& role, plan::Tunnel tunnel)
    {
        tunnel.id = TunnelId{role.peer_object};
        tunnel.address = domain::parse_listen(node_.tcp_listen, "node.tcp_listen").value_or(any_);
        tunnel.egress_interface = node_.egress_interface.value_or("");
        tunnel.port = tunnel.port == 0 ? 0 : role.port.value_or(0);
        for (auto& exit : tunnel.exits) exit.egress_interface = tunnel.egress_interface;
        if (role.kind != ShareRoleKind::leg) tunnel.counter = ForwardId{number_of(role)};
        const auto taken = std::any_of(plan_.tunnels.begin(), plan_.tunnels.end(), [&](const auto& one) { return one.id == tunnel.id; });
        if (!taken) plan_.tunnels.push_back(std::move(tunnel));
    }

    const domain::Node& node_;
    plan::Plan& plan_;
    const IpAddress any_;
    std::map<std::string, plan::SpeedLimit> limiters_;
    std::map<plan::LimitId, plan::LimitId> numbers_;
};

const char* words_of(domain::ShareStop stop)
{
    switch (stop) {
    case domain::ShareStop::none: return "none";
    case domain::ShareStop::disabled: return "disabled";
    case domain::ShareStop::expired: return "expired";
    case domain::ShareStop::used_up: return "used_up";
    }
    return "none";
}

} // namespace

void add_shared_roles(store::ReadTx& tx, const domain::Node& node, WallTime now, plan::Plan& plan)
{
    const auto shares = store::ShareTable(tx).of_node(node.id);
    if (shares.empty()) return;
    std::map<ShareId, std::vector<ShareRole>> roles;
    for (auto& role : store::ShareRoleTable(tx).of_node(node.id)) roles[role.share].push_back(std::move(role));
    for (const auto& share : shares) {
        if (stop_of(share, now) == domain::ShareStop::none) SharedPart(node, plan).add(roles[share.id]);
    }
    const auto by_id = [](const auto& a, const auto& b) { return a.id < b.id; };
    std::sort(plan.forwards.begin(), plan.forwards.end(), by_id);
    std::sort(plan.speed_limits.begin(), plan.speed_limits.end(), by_id);
}

void remember_share(store::WriteTx& tx, const domain::Share& share, const domain::ShareRole& role)
{
    store::BookedCounterTable booked(tx);
    auto counter = booked.find(share.node, ForwardId{number_of(role)}).value_or(store::BookedCounter{});
    counter.forward = ForwardId{number_of(role)};
    counter.share = share.id;
    counter.peer_forward = role.kind == ShareRoleKind::entry ? ForwardId{role.peer_object} : ForwardId{};
    booked.put(share.node, counter);
}

Revisions settle_share(store::WriteTx& tx, const Context& context, ShareId id, bool changed)
{
    store::ShareTable shares(tx);
    auto share = shares.find(id);
    if (!share) return {};
    const auto stop = stop_of(*share, context.clock->wall());
    const bool runs = stop == domain::ShareStop::none;
    if (runs != share->running) {
        share->running = runs;
        shares.update(*share);
        store::EventRow event;
        event.severity = runs ? store::Severity::info : store::Severity::warning;
        event.kind = runs ? "share.started" : "share.stopped";
        event.node = share->node;
        event.details = {{"share", share->name}, {"reason", words_of(stop)}};
        record(tx, context, std::move(event));
        changed = true;
    }
    return changed ? store::NodeTable(tx).bump_revision({share->node}) : Revisions{};
}

ShareBook::ShareBook(store::WriteTx& tx, NodeId node) : tx_(tx)
{
    for (auto& role : store::ShareRoleTable(tx).of_node(node)) {
        const ForwardId number{number_of(role)};
        roles_.emplace(number, std::move(role));
    }
}

const domain::ShareRole* ShareBook::role_of(ForwardId counter) const
{
    const auto found = roles_.find(counter);
    return found == roles_.end() ? nullptr : &found->second;
}

void ShareBook::add(ShareId share, ForwardId peer_forward, const Traffic& traffic, std::uint64_t connections)
{
    if (!store::ShareTable(tx_).find(share)) return; // deleted meanwhile
    sums_[share] += traffic.total();
    if (peer_forward) store::ShareCounterTable(tx_).add(share, peer_forward, traffic, connections, random_below(std::uint64_t{1} << 62U) + 1);
}

Revisions ShareBook::write(const Context& context)
{
    Revisions revisions;
    for (const auto& [share, used] : sums_) {
        if (used.value == 0) continue;
        store::ShareTable(tx_).add_used(share, used);
        const auto stopped = settle_share(tx_, context, share);
        revisions.insert(revisions.end(), stopped.begin(), stopped.end());
    }
    return revisions;
}

} // namespace sluice::panel
