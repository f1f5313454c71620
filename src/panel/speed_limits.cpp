#include "panel/speed_limits.hpp"

#include "panel/context.hpp"
#include "panel/forward_rows.hpp"
#include "panel/summary.hpp"
#include "store/speed_limit_table.hpp"
#include "store/tunnel_table.hpp"

namespace sluice::panel {

namespace {

constexpr std::size_t longest_name = 100;

Result<void> check(store::ReadTx& tx, const domain::SpeedLimitDraft& draft)
{
    if (draft.name.empty()) return make_error(Errc::invalid, "speed_limit.name");
    if (draft.name.size() > longest_name) return make_error(Errc::invalid, "speed_limit.name_length");
    if (draft.megabits < 1 || draft.megabits > domain::most_megabits) return make_error(Errc::invalid, "speed_limit.speed");
    if (draft.tunnel && !store::TunnelTable(tx).find(*draft.tunnel)) return make_error(Errc::not_found, "tunnel");
    return {};
}

void draft_into(const domain::SpeedLimitDraft& draft, domain::SpeedLimit& limit)
{
    limit.name = draft.name;
    limit.megabits = draft.megabits;
    limit.tunnel = draft.tunnel;
    limit.enabled = draft.enabled;
}

// Nodes of all forwards that the limit slows down.
Revisions bump_nodes_under(store::WriteTx& tx, SpeedLimitId id)
{
    std::vector<domain::Forward> forwards;
    for (const auto& [user, tunnel] : store::SpeedLimitTable(tx).used_by(id)) {
        for (auto& forward : store::ForwardTable(tx).of_user(user)) {
            if (forward.tunnel == tunnel) forwards.push_back(std::move(forward));
        }
    }
    return bump_nodes_of(tx, forwards);
}

} // namespace

Result<std::vector<SpeedLimitView>> SpeedLimits::list(const Actor& actor)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed.error();
    return context_.store->read([&](store::ReadTx& tx) -> Result<std::vector<SpeedLimitView>> {
        std::vector<SpeedLimitView> views;
        store::TunnelTable tunnels(tx);
        for (auto& limit : store::SpeedLimitTable(tx).all()) {
            SpeedLimitView view;
            if (limit.tunnel) {
                if (const auto tunnel = tunnels.find(*limit.tunnel)) view.tunnel_name = tunnel->name;
            }
            view.limit = std::move(limit);
            views.push_back(std::move(view));
        }
        return views;
    });
}

Result<SpeedLimitId> SpeedLimits::create(const Actor& actor, const domain::SpeedLimitDraft& draft)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed.error();
    return context_.store->write([&](store::WriteTx& tx) -> Result<SpeedLimitId> {
        if (const auto checked = check(tx, draft); !checked) return checked.error();
        domain::SpeedLimit limit;
        draft_into(draft, limit);
        limit.created = context_.clock->wall();
        const auto id = store::SpeedLimitTable(tx).insert(limit);
        audit(tx, context_, actor, "speed_limit.create", id.value, {}, summary(limit));
        return id;
    });
}

Result<void> SpeedLimits::update(const Actor& actor, SpeedLimitId id, const domain::SpeedLimitDraft& draft)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed;
    auto revisions = context_.store->write([&](store::WriteTx& tx) -> Result<Revisions> {
        if (const auto checked = check(tx, draft); !checked) return checked.error();
        store::SpeedLimitTable limits(tx);
        auto limit = limits.find(id);
        if (!limit) return Revisions{};
        const auto before = summary(*limit);
        draft_into(draft, *limit);
        limit->updated = context_.clock->wall();
        limits.update(*limit);
        audit(tx, context_, actor, "speed_limit.update", id.value, before, summary(*limit));
        return bump_nodes_under(tx, id);
    });
    if (!revisions) return revisions.error();
    announce_plans(context_, *revisions);
    return {};
}

Result<void> SpeedLimits::remove(const Actor& actor, SpeedLimitId id)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed;
    auto revisions = context_.store->write([&](store::WriteTx& tx) -> Result<Revisions> {
        store::SpeedLimitTable limits(tx);
        const auto limit = limits.find(id);
        if (!limit) return Revisions{};
        auto touched = bump_nodes_under(tx, id);
        limits.remove(id);
        audit(tx, context_, actor, "speed_limit.delete", id.value, summary(*limit), {});
        return touched;
    });
    if (!revisions) return revisions.error();
    announce_plans(context_, *revisions);
    return {};
}

} // namespace sluice::panel
