#include "panel/quotas.hpp"

#include "panel/context.hpp"
#include "panel/quota_rows.hpp"
#include "panel/summary.hpp"
#include "store/quota_table.hpp"

#include <cmath>

namespace sluice::panel {

namespace {

using domain::QuotaAction;
using domain::QuotaSubject;

Result<void> check(const domain::QuotaRule& rule)
{
    if (rule.amount.value < 1 || rule.amount.value > domain::most_amount) return make_error(Errc::invalid, "quota.amount");
    if (rule.reset_day < 1 || rule.reset_day > 31) return make_error(Errc::invalid, "quota.reset_day");
    if (!std::isfinite(rule.ratio) || rule.ratio <= 0 || rule.ratio > domain::most_ratio) return make_error(Errc::invalid, "quota.ratio");
    if (rule.action == QuotaAction::throttle && (rule.rate < domain::least_rate || rule.rate > domain::most_rate))
        return make_error(Errc::invalid, "quota.rate");
    return {};
}

} // namespace

Result<std::vector<QuotaView>> Quotas::list(const Actor& actor, const std::optional<QuotaSubject>& subject)
{
    return context_.store->read([&](store::ReadTx& tx) -> Result<std::vector<QuotaView>> {
        store::QuotaTable table(tx);
        std::vector<domain::Quota> quotas;
        if (!subject)
            quotas = actor.is_admin() ? table.all() : table.around_user(actor.user);
        else if (actor.is_admin() || table.person(*subject) == actor.user)
            quotas = table.of(*subject);
        std::vector<QuotaView> views;
        const auto today = domain::local_day(context_.clock->wall());
        for (auto& quota : quotas) {
            const auto sums = table.sums(quota.subject).value_or(Traffic{});
            // The next booking would begin the new window; who looks before it sees the same.
            if (quota.window.ends && *quota.window.ends <= today) quota.window = domain::new_window(quota.rule, today, sums);
            QuotaView view;
            view.name = table.name(quota.subject);
            view.person = table.person(quota.subject).value_or(UserId{});
            view.used = domain::used(quota, sums);
            view.quota = std::move(quota);
            views.push_back(std::move(view));
        }
        return views;
    });
}

Result<QuotaId> Quotas::set(const Actor& actor, const QuotaSubject& subject, const domain::QuotaRule& rule)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed.error();
    if (const auto checked = check(rule); !checked) return checked.error();
    struct Set {
        QuotaId id;
        Revisions revisions;
    };
    auto set = context_.store->write([&](store::WriteTx& tx) -> Result<Set> {
        store::QuotaTable table(tx);
        const auto sums = table.sums(subject);
        if (!sums) return make_error(Errc::not_found, std::string{to_text(subject.kind)});
        const auto today = domain::local_day(context_.clock->wall());
        auto revisions = begin_windows(tx, context_);
        auto quota = table.find(subject, rule.span);
        std::string before;
        if (quota) {
            before = summary(*quota);
            quota->rule = rule;
            // What was used stays used; only the day of the next window follows.
            if (rule.span == domain::QuotaSpan::month) quota->window.ends = domain::window_end(rule, domain::window_start(rule, today));
            table.update(*quota);
        } else {
            quota.emplace();
            quota->subject = subject;
            quota->rule = rule;
            quota->window = domain::new_window(rule, today, *sums);
            quota->id = table.insert(*quota);
        }
        audit(tx, context_, actor, "quota.set", quota->id.value, before, summary(*quota));
        const auto reviewed = review_quotas(tx, context_, {subject});
        const auto bumped = bump_nodes_under(tx, subject); // the rate may be another one
        revisions.insert(revisions.end(), reviewed.begin(), reviewed.end());
        revisions.insert(revisions.end(), bumped.begin(), bumped.end());
        return Set{quota->id, std::move(revisions)};
    });
    if (!set) return set.error();
    announce_plans(context_, set->revisions);
    return set->id;
}

Result<void> Quotas::set_used(const Actor& actor, QuotaId id, ByteCount used)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed;
    if (used.value < 0 || used.value > domain::most_amount) return make_error(Errc::invalid, "quota.used");
    auto revisions = context_.store->write([&](store::WriteTx& tx) -> Result<Revisions> {
        store::QuotaTable table(tx);
        auto quota = table.find(id);
        if (!quota) return make_error(Errc::not_found, "quota");
        const auto sums = table.sums(quota->subject).value_or(Traffic{});
        const auto before = domain::used(*quota, sums);
        const auto old = quota->window;
        quota->window = domain::new_window(quota->rule, domain::local_day(context_.clock->wall()), sums);
        quota->window.correction = used;
        quota->window.reached = old.reached; // the review sees what changes
        quota->window.noticed = std::min(old.noticed, domain::notice_level(used, quota->rule.amount));
        if (quota->rule.span == domain::QuotaSpan::total) quota->window.begun = old.begun;
        table.update(*quota);
        audit(tx, context_, actor, "quota.set_used", id.value, summary(*quota) + ", used " + std::to_string(before.value),
              "used " + std::to_string(used.value));
        return review_quotas(tx, context_, {quota->subject});
    });
    if (!revisions) return revisions.error();
    announce_plans(context_, *revisions);
    return {};
}

Result<void> Quotas::remove(const Actor& actor, QuotaId id)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed;
    auto revisions = context_.store->write([&](store::WriteTx& tx) -> Result<Revisions> {
        store::QuotaTable table(tx);
        const auto quota = table.find(id);
        if (!quota) return make_error(Errc::not_found, "quota");
        table.remove(id);
        audit(tx, context_, actor, "quota.delete", id.value, summary(*quota));
        return quota->window.reached ? bump_nodes_under(tx, quota->subject) : Revisions{};
    });
    if (!revisions) return revisions.error();
    announce_plans(context_, *revisions);
    return {};
}

Result<void> Quotas::keep_up()
{
    auto revisions = context_.store->write([&](store::WriteTx& tx) -> Result<Revisions> {
        note_expiry(tx, context_);
        return begin_windows(tx, context_);
    });
    if (!revisions) return revisions.error();
    announce_plans(context_, *revisions);
    return {};
}

} // namespace sluice::panel
