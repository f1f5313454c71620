#include "panel/assignments.hpp"

#include "panel/context.hpp"
#include "panel/forward_rows.hpp"
#include "panel/summary.hpp"
#include "store/speed_limit_table.hpp"
#include "store/tunnel_table.hpp"
#include "store/user_table.hpp"

namespace sluice::panel {

namespace {

Result<void> check(store::ReadTx& tx, const domain::Assignment& assignment)
{
    if (assignment.allowance.quota.value < 0) return make_error(Errc::invalid, "assignment.quota");
    if (assignment.allowance.max_forwards < 0) return make_error(Errc::invalid, "assignment.max_forwards");
    if (assignment.allowance.reset_day < 0 || assignment.allowance.reset_day > 31) return make_error(Errc::invalid, "assignment.reset_day");
    if (assignment.speed_limit && !store::SpeedLimitTable(tx).find(*assignment.speed_limit)) return make_error(Errc::not_found, "speed_limit");
    return {};
}

void patch_into(const domain::AssignmentPatch& patch, domain::Assignment& assignment)
{
    domain::apply(patch.allowance.quota, assignment.allowance.quota);
    domain::apply(patch.allowance.max_forwards, assignment.allowance.max_forwards);
    domain::apply(patch.allowance.expires, assignment.allowance.expires);
    domain::apply(patch.allowance.reset_day, assignment.allowance.reset_day);
    domain::apply(patch.speed_limit, assignment.speed_limit);
    domain::apply(patch.enabled, assignment.enabled);
}

std::vector<domain::Forward> forwards_under(store::ReadTx& tx, const domain::Assignment& assignment)
{
    auto forwards = store::ForwardTable(tx).of_user(assignment.user);
    std::erase_if(forwards, [&](const domain::Forward& forward) { return forward.tunnel != assignment.tunnel; });
    return forwards;
}

// A change of rights: what may no longer run stops, the rest is planned anew.
Revisions redeploy(store::WriteTx& tx, const Context& context, const domain::Assignment& assignment)
{
    auto revisions = stop_what_may_not_run(tx, context, assignment.user);
    const auto more = bump_nodes_of(tx, forwards_under(tx, assignment));
    revisions.insert(revisions.end(), more.begin(), more.end());
    return revisions;
}

Revisions remove_row(store::WriteTx& tx, const Context& context, const Actor& actor, const domain::Assignment& assignment)
{
    const auto forwards = forwards_under(tx, assignment);
    auto revisions = bump_nodes_of(tx, forwards);
    for (const auto& forward : forwards) store::ForwardTable(tx).remove(forward.id);
    store::AssignmentTable(tx).remove(assignment.id);
    audit(tx, context, actor, "assignment.delete", assignment.id.value, summary(assignment), std::to_string(forwards.size()) + " forwards removed");
    return revisions;
}

} // namespace

Result<std::vector<AssignmentView>> Assignments::list(const Actor& actor, UserId user)
{
    // A user may see his own rights; anybody else's are the administrator's business.
    if (actor.user != user) {
        if (const auto allowed = require_admin(actor); !allowed) return allowed.error();
    }
    return context_.store->read([&](store::ReadTx& tx) -> Result<std::vector<AssignmentView>> {
        std::vector<AssignmentView> views;
        store::TunnelTable tunnels(tx); // asked for the few that the user has, however many there are
        store::SpeedLimitTable limits(tx);
        for (auto& assignment : store::AssignmentTable(tx).of_user(user)) {
            AssignmentView view;
            if (const auto tunnel = tunnels.find(assignment.tunnel)) {
                view.tunnel_name = tunnel->name;
                view.tunnel_factor = tunnel->billing.factor;
            }
            if (assignment.speed_limit) {
                if (const auto limit = limits.find(*assignment.speed_limit)) {
                    view.speed_limit_name = limit->name;
                    view.speed_mbit = limit->megabits;
                }
            }
            view.assignment = assignment;
            views.push_back(std::move(view));
        }
        return views;
    });
}

Result<AssignmentId> Assignments::assign(const Actor& actor, UserId user, TunnelId tunnel, const domain::AssignmentPatch& patch)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed.error();
    struct Made {
        AssignmentId id;
        Revisions revisions;
    };
    auto made = context_.store->write([&](store::WriteTx& tx) -> Result<Made> {
        const auto owner = store::UserTable(tx).find(user);
        if (!owner) return make_error(Errc::not_found, "user");
        if (!store::TunnelTable(tx).find(tunnel)) return make_error(Errc::not_found, "tunnel");
        store::AssignmentTable assignments(tx);
        auto existing = assignments.find(user, tunnel);
        domain::Assignment assignment;
        if (existing) {
            assignment = *existing;
        } else {
            assignment.user = user;
            assignment.tunnel = tunnel;
            assignment.allowance = owner->allowance;
        }
        patch_into(patch, assignment);
        if (auto checked = check(tx, assignment); !checked) return checked.error();
        if (!existing) {
            assignment.id = assignments.insert(assignment);
            audit(tx, context_, actor, "assignment.create", assignment.id.value, {}, summary(assignment));
            return Made{assignment.id, {}};
        }
        audit(tx, context_, actor, "assignment.update", assignment.id.value, summary(*existing), summary(assignment));
        assignments.update(assignment);
        return Made{assignment.id, redeploy(tx, context_, assignment)};
    });
    if (!made) return made.error();
    announce_plans(context_, made->revisions);
    return made->id;
}

Result<void> Assignments::update(const Actor& actor, AssignmentId id, const domain::AssignmentPatch& patch)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed;
    auto revisions = context_.store->write([&](store::WriteTx& tx) -> Result<Revisions> {
        store::AssignmentTable assignments(tx);
        auto assignment = assignments.find(id);
        if (!assignment) return Revisions{};
        const auto before = summary(*assignment);
        patch_into(patch, *assignment);
        if (auto checked = check(tx, *assignment); !checked) return checked.error();
        assignments.update(*assignment);
        audit(tx, context_, actor, "assignment.update", id.value, before, summary(*assignment));
        return redeploy(tx, context_, *assignment);
    });
    if (!revisions) return revisions.error();
    announce_plans(context_, *revisions);
    return {};
}

Result<void> Assignments::remove(const Actor& actor, AssignmentId id)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed;
    auto revisions = context_.store->write([&](store::WriteTx& tx) -> Result<Revisions> {
        const auto assignment = store::AssignmentTable(tx).find(id);
        if (!assignment) return Revisions{};
        return remove_row(tx, context_, actor, *assignment);
    });
    if (!revisions) return revisions.error();
    announce_plans(context_, *revisions);
    return {};
}

Result<void> Assignments::remove(const Actor& actor, UserId user, TunnelId tunnel)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed;
    auto revisions = context_.store->write([&](store::WriteTx& tx) -> Result<Revisions> {
        const auto assignment = store::AssignmentTable(tx).find(user, tunnel);
        if (!assignment) return Revisions{};
        return remove_row(tx, context_, actor, *assignment);
    });
    if (!revisions) return revisions.error();
    announce_plans(context_, *revisions);
    return {};
}

} // namespace sluice::panel
