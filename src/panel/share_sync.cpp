// SharePeers, for panels of our kind: their whole wish for a shared node at once. Each object becomes a role, or says why not; what is not wished any longer
// goes. So the other panel converges like every node does, and nothing drifts when one of the two is away.
#include "panel/context.hpp"
#include "panel/node_gateway.hpp"
#include "panel/share_peers.hpp"
#include "panel/share_roles.hpp"
#include "panel/share_rows.hpp"
#include "store/node_table.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace sluice::panel {

namespace {

using domain::Share;
using domain::ShareRole;
using domain::ShareRoleKind;

constexpr std::size_t most_targets = 64;
constexpr Milliseconds node_deadline{8'000};

// Takes a wish over in one transaction.
class Takeover {
public:
    Takeover(store::WriteTx& tx, const Clock& clock, const Share& share) : tx_(tx), clock_(clock), share_(share), roles_(tx)
    {
        for (auto& role : roles_.of_share(share.id)) {
            if (!role.active && (role.kind == ShareRoleKind::entry || role.kind == ShareRoleKind::leg)) {
                roles_.remove(role.id); // the share's range became smaller once
                continue;
            }
            const auto key = role.resource_key;
            before_.emplace(key, std::move(role));
        }
    }

    // Results for what cannot be had are added to `refused`.
    bool take(const plan::Plan& wish, plan::Applied& refused)
    {
        // What is not wished any longer goes first: a port may move from one to another.
        std::set<std::string> wished;
        for (const auto& forward : wish.forwards) wished.insert(entry_key(forward.id));
        for (const auto& tunnel : wish.tunnels) {
            if (tunnel.previous.empty()) wished.insert(leg_key(tunnel.id));
        }
        for (const auto& [key, role] : before_) {
            if ((role.kind == ShareRoleKind::entry || role.kind == ShareRoleKind::leg) && !wished.contains(key)) drop(role);
        }
        for (const auto& tunnel : wish.tunnels) take_tunnel(tunnel, refused);
        clear_roles_without_a_wish(wish);
        for (const auto& forward : wish.forwards) take_forward(forward, wish, refused);
        return changed_;
    }

private:
    void drop(const ShareRole& role)
    {
        roles_.remove(role.id);
        changed_ = true;
    }

    void wish(ShareRole role, std::string wish)
    {
        if (role.wish == wish && role.applied) return;
        role.wish = std::move(wish);
        role.applied = true;
        role.updated = clock_.wall();
        roles_.update(role);
        remember_share(tx_, share_, role);
        changed_ = true;
    }

    void take_tunnel(const plan::Tunnel& tunnel, plan::Applied& refused)
    {
        const auto refuse = [&](const char* why) { refused.tunnels.push_back({tunnel.id, false, plan::Fault::other, why}); };
        if (!check_tunnel_number(tx_, share_, tunnel.id)) return refuse("its number is another tunnel's");
        if (tunnel.previous.empty()) {
            if (tunnel.port != 0) return refuse("an entry of another panel cannot be dialled: the place behind it has to be reachable");
            legs_.insert(tunnel.id);
            auto known = before_.find(leg_key(tunnel.id));
            return wish(known != before_.end() ? known->second : fresh(leg_key(tunnel.id), ShareRoleKind::leg, std::nullopt, tunnel.id.value),
                        wish_of(tunnel));
        }
        const auto role = std::find_if(before_.begin(), before_.end(), [&](const auto& one) {
            const auto kind = one.second.kind;
            return one.second.active && one.second.applied && one.second.peer_object == tunnel.id.value &&
                   (kind == ShareRoleKind::middle || kind == ShareRoleKind::exit);
        });
        if (role == before_.end()) return refuse("nothing is reserved for it");
        if ((role->second.kind == ShareRoleKind::exit) != tunnel.next.empty()) return refuse("it has another role");
        if (tunnel.port != 0 && tunnel.port != role->second.port) return refuse("another port is reserved for it");
        const auto too_many = [](const plan::Forward& exit) { return exit.targets.size() > most_targets; };
        if (std::any_of(tunnel.exits.begin(), tunnel.exits.end(), too_many)) return refuse("too many targets");
        wish(role->second, wish_of(tunnel));
    }

    // Reserved and applied, but the other panel does not want anything there now.
    void clear_roles_without_a_wish(const plan::Plan& plan)
    {
        for (const auto& [key, role] : before_) {
            if ((role.kind != ShareRoleKind::middle && role.kind != ShareRoleKind::exit) || role.wish.empty()) continue;
            const auto wished =
                std::any_of(plan.tunnels.begin(), plan.tunnels.end(), [&](const auto& one) { return one.id.value == role.peer_object; });
            if (wished) continue;
            auto cleared = role;
            cleared.wish.clear();
            cleared.updated = clock_.wall();
            roles_.update(cleared);
            changed_ = true;
        }
    }

    void take_forward(const plan::Forward& forward, const plan::Plan& plan, plan::Applied& refused)
    {
        const auto refuse = [&](plan::Fault fault, const char* why) { refused.forwards.push_back({forward.id, false, fault, why}); };
        if (forward.tunnel && !legs_.contains(*forward.tunnel)) return refuse(plan::Fault::other, "its tunnel is not there");
        if (forward.targets.size() > most_targets) return refuse(plan::Fault::other, "too many targets");
        if (!check_port(share_, forward.port)) return refuse(plan::Fault::permission_denied, "the port is outside the share's range");
        const auto key = entry_key(forward.id);
        auto known = before_.find(key);
        if (known != before_.end() && known->second.port != forward.port) {
            drop(known->second);
            before_.erase(known);
            known = before_.end();
        }
        if (known != before_.end()) return wish(known->second, wish_of(forward, plan.speed_limits));
        if (!check_room(tx_, share_)) return refuse(plan::Fault::other, "the share has too many roles");
        if (!is_free(tx_, share_, forward.port)) return refuse(plan::Fault::address_in_use, "the port is taken on the shared node");
        wish(fresh(key, ShareRoleKind::entry, forward.port, forward.id.value), wish_of(forward, plan.speed_limits));
    }

    ShareRole fresh(const std::string& key, ShareRoleKind kind, std::optional<std::uint16_t> port, std::int64_t peer_object)
    {
        ShareRole role;
        role.resource_key = key;
        role.kind = kind;
        role.port = port;
        role.peer_object = peer_object;
        return make_role(tx_, clock_, share_, std::move(role));
    }

    store::WriteTx& tx_;
    const Clock& clock_;
    const Share& share_;
    store::ShareRoleTable roles_;
    std::map<std::string, ShareRole> before_;
    std::set<TunnelId> legs_;
    bool changed_ = false;
};

// What the node says of a share's roles, under the numbers that the other panel gave them.
plan::Applied in_their_numbers(const plan::Applied& applied, const std::vector<ShareRole>& roles)
{
    plan::Applied theirs;
    for (const auto& role : roles) {
        if (!role.active || role.wish.empty()) continue;
        if (role.kind == ShareRoleKind::entry) {
            const auto found =
                std::find_if(applied.forwards.begin(), applied.forwards.end(), [&](const auto& one) { return one.id.value == number_of(role); });
            if (found == applied.forwards.end()) continue;
            theirs.forwards.push_back(*found);
            theirs.forwards.back().id = ForwardId{role.peer_object};
        } else if (role.kind != ShareRoleKind::service && role.kind != ShareRoleKind::limiter) {
            const auto found =
                std::find_if(applied.tunnels.begin(), applied.tunnels.end(), [&](const auto& one) { return one.id.value == role.peer_object; });
            if (found != applied.tunnels.end()) theirs.tunnels.push_back(*found);
        }
    }
    return theirs;
}

template <class Result>
void add_missing(std::vector<Result>& to, const std::vector<Result>& more)
{
    for (const auto& one : more) {
        const auto known = std::any_of(to.begin(), to.end(), [&](const auto& other) { return other.id == one.id; });
        if (!known) to.push_back(one);
    }
    std::sort(to.begin(), to.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
}

} // namespace

Result<PeerState> SharePeers::sync(const domain::Share& admitted, const PeerWish& wish)
{
    if (wish.consumer.empty() || wish.consumer.size() > 64) return make_error(Errc::invalid, "share.wish");
    struct Taken {
        domain::ShareStop stop = domain::ShareStop::none;
        std::uint64_t revision = 0; // of the node; 0: nothing changed
        plan::Applied refused;
    };
    const bool says_something = wish.plan || !wish.forgotten.empty() || admitted.consumer.empty();
    const auto work = [&](store::WriteTx& tx) -> Result<Taken> {
        store::ShareTable shares(tx);
        auto share = shares.find(admitted.id);
        if (!share) return make_error(Errc::unauthenticated, "share.token");
        if (!share->consumer.empty() && share->consumer != wish.consumer) return make_error(Errc::conflict, "share.consumer");
        Taken taken;
        taken.stop = stop_of(*share, context_.clock->wall());
        std::set<ForwardId> wanted;
        if (wish.plan) {
            for (const auto& forward : wish.plan->forwards) wanted.insert(forward.id);
        }
        for (const auto forward : wish.forgotten) {
            if (!wanted.contains(forward)) store::ShareCounterTable(tx).remove(share->id, forward);
        }
        const bool leaves = wish.plan && wish.plan->forwards.empty() && wish.plan->tunnels.empty() && wish.revision == 0;
        share->consumer = leaves ? "" : wish.consumer;
        bool changed = false;
        // A stopped share takes nothing new, but it lets go.
        if (wish.plan && (taken.stop == domain::ShareStop::none || leaves)) {
            changed = Takeover(tx, *context_.clock, *share).take(*wish.plan, taken.refused);
            share->wish_revision = wish.revision;
        }
        shares.update(*share);
        if (changed) taken.revision = store::NodeTable(tx).bump_revision({share->node}).front().second;
        return taken;
    };
    Taken taken;
    if (says_something) {
        auto done = context_.store->write(work);
        if (!done) return done.error();
        taken = std::move(*done);
    } else {
        if (admitted.consumer != wish.consumer) return make_error(Errc::conflict, "share.consumer");
        taken.stop = stop_of(admitted, context_.clock->wall());
    }
    plan::Applied applied;
    if (taken.revision != 0) announce_plans(context_, {{admitted.node, taken.revision}});
    if (auto answer = context_.gateway->converge(admitted.node, taken.revision, taken.revision != 0 ? node_deadline : Milliseconds{0}))
        applied = std::move(*answer);

    PeerState state;
    state.stop = taken.stop;
    auto rows = context_.store->read([&](store::ReadTx& tx) -> Result<std::optional<Share>> {
        auto share = store::ShareTable(tx).find(admitted.id);
        if (!share) return share;
        state.revision = share->wish_revision;
        state.applied = in_their_numbers(applied, store::ShareRoleTable(tx).of_share(share->id));
        state.counters = store::ShareCounterTable(tx).of_share(share->id);
        return share;
    });
    if (!rows) return rows.error();
    if (!*rows) return make_error(Errc::unauthenticated, "share.token");
    auto offer = connect(**rows);
    if (!offer) return offer.error();
    state.offer = std::move(*offer);
    state.applied.revision = state.revision;
    add_missing(state.applied.forwards, taken.refused.forwards);
    add_missing(state.applied.tunnels, taken.refused.tunnels);
    return state;
}

} // namespace sluice::panel
