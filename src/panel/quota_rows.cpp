#include "panel/quota_rows.hpp"

#include "panel/forward_rows.hpp"
#include "store/event_table.hpp"
#include "store/forward_table.hpp"
#include "store/node_table.hpp"
#include "store/quota_table.hpp"
#include "store/tunnel_table.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

namespace sluice::panel {

namespace {

using domain::Quota;
using domain::QuotaAction;
using domain::QuotaKind;
using domain::QuotaSubject;

// Limits of quotas are numbered beyond those of assignments, which have the assignments' numbers.
constexpr std::int64_t first_quota_limit = std::int64_t{1} << 40;

constexpr std::chrono::hours day{24};
constexpr int first_reminder = 7; // days before expiry
constexpr int last_reminder = 1;

store::EventRow event_about(store::ReadTx& tx, const char* kind, store::Severity severity, const QuotaSubject& subject)
{
    store::QuotaTable quotas(tx);
    store::EventRow event;
    event.kind = kind;
    event.severity = severity;
    if (const auto person = quotas.person(subject)) event.user = *person;
    if (subject.kind == QuotaKind::node) event.node = NodeId{subject.id};
    if (subject.kind == QuotaKind::forward) event.forward = ForwardId{subject.id};
    event.details = {{"subject", std::string{to_text(subject.kind)}}, {"name", quotas.name(subject)}};
    return event;
}

void say_used(store::WriteTx& tx, const Context& context, const QuotaSubject& subject, int percent, ByteCount used, ByteCount amount,
              std::string_view window, std::string_view action)
{
    auto event = event_about(tx, "quota.used", percent >= 90 ? store::Severity::warning : store::Severity::info, subject);
    event.details.insert(event.details.end(), {{"percent", std::to_string(percent)},
                                               {"window", std::string{window}},
                                               {"used", std::to_string(used.value)},
                                               {"limit", std::to_string(amount.value)},
                                               {"action", std::string{percent == 100 ? action : ""}}});
    record(tx, context, std::move(event));
}

void append(Revisions& to, const Revisions& more) { to.insert(to.end(), more.begin(), more.end()); }

// Where the quota stands after what was booked. True: what is under it may run otherwise than before.
bool review(store::WriteTx& tx, const Context& context, Quota& quota, const Traffic& sums)
{
    auto& window = quota.window;
    const auto amount = domain::used(quota, sums);
    const auto level = domain::notice_level(amount, quota.rule.amount);
    const bool reached = level == 100;
    if (level == window.noticed && reached == window.reached) return false;
    if (level > window.noticed)
        say_used(tx, context, quota.subject, level, amount, quota.rule.amount, to_text(quota.rule.span), to_text(quota.rule.action));
    window.noticed = level; // a level that somebody took back is said anew when it comes again
    const bool changed = std::exchange(window.reached, reached) != reached;
    store::QuotaTable(tx).update(quota);
    return changed;
}

} // namespace

Revisions bump_nodes_under(store::WriteTx& tx, const QuotaSubject& subject)
{
    store::ForwardTable forwards(tx);
    switch (subject.kind) {
    case QuotaKind::user: return bump_nodes_of(tx, forwards.of_user(UserId{subject.id}));
    case QuotaKind::forward: {
        const auto forward = forwards.find(ForwardId{subject.id});
        return forward ? bump_nodes_of(tx, {*forward}) : Revisions{};
    }
    case QuotaKind::assignment: {
        const auto assignment = store::AssignmentTable(tx).find(AssignmentId{subject.id});
        if (!assignment) return {};
        auto under = forwards.of_user(assignment->user);
        std::erase_if(under, [&](const domain::Forward& forward) { return forward.tunnel != assignment->tunnel; });
        return bump_nodes_of(tx, under);
    }
    case QuotaKind::node: {
        // Entries of tunnels over it ask it, too.
        std::vector<NodeId> nodes{NodeId{subject.id}};
        store::TunnelTable tunnels(tx);
        for (const auto id : tunnels.using_node(NodeId{subject.id})) {
            if (const auto tunnel = tunnels.find(id)) {
                for (const auto& hop : tunnel->hops) nodes.push_back(hop.node);
            }
        }
        return store::NodeTable(tx).bump_revision(nodes);
    }
    }
    return {};
}

Revisions begin_windows(store::WriteTx& tx, const Context& context)
{
    store::QuotaTable quotas(tx);
    const auto today = domain::local_day(context.clock->wall());
    Revisions revisions;
    for (auto& quota : quotas.ended(today)) {
        const auto sums = quotas.sums(quota.subject);
        if (!sums) continue;
        const bool held = quota.window.reached;
        quota.window = domain::new_window(quota.rule, today, *sums);
        quotas.update(quota);
        if (!held) continue;
        auto event = event_about(tx, "quota.renewed", store::Severity::info, quota.subject);
        event.details.emplace_back("window", std::string{to_text(quota.rule.span)});
        record(tx, context, std::move(event));
        append(revisions, bump_nodes_under(tx, quota.subject));
    }
    return revisions;
}

Revisions review_quotas(store::WriteTx& tx, const Context& context, const std::vector<QuotaSubject>& subjects)
{
    store::QuotaTable quotas(tx);
    Revisions revisions;
    if (quotas.empty()) return revisions;
    for (auto& quota : quotas.of(subjects)) {
        const auto sums = quotas.sums(quota.subject);
        if (sums && review(tx, context, quota, *sums)) append(revisions, bump_nodes_under(tx, quota.subject));
    }
    return revisions;
}

void note_allowances(store::WriteTx& tx, const Context& context, UserId user)
{
    store::NoticeTable notices(tx);
    for (const auto& flow : notices.flows_of(user)) {
        const auto level = domain::notice_level(flow.used, flow.quota);
        if (level == flow.noticed) continue;
        if (level > flow.noticed) say_used(tx, context, flow.subject, level, flow.used, flow.quota, "allowance", to_text(QuotaAction::stop));
        notices.set_noticed(flow.subject, level);
    }
}

void note_expiry(store::WriteTx& tx, const Context& context)
{
    store::NoticeTable notices(tx);
    const auto now = context.clock->wall();
    for (const auto& one : notices.expiring(now, now + first_reminder * day)) {
        const auto days = one.expires <= now + last_reminder * day ? last_reminder : first_reminder;
        if (one.noticed != 0 && one.noticed <= days) continue;
        auto event = event_about(tx, "expiry.near", store::Severity::warning, one.subject);
        event.details.emplace_back("days", std::to_string(days));
        event.details.emplace_back("expires", std::to_string(to_epoch_ms(one.expires)));
        record(tx, context, std::move(event));
        notices.set_expiry_noticed(one.subject, days);
    }
}

Holds::Holds(store::ReadTx& tx) : tx_(tx)
{
    for (auto& quota : store::QuotaTable(tx).reached()) {
        const auto subject = quota.subject;
        on_nodes_ = on_nodes_ || subject.kind == QuotaKind::node;
        if (subject.kind == QuotaKind::assignment) {
            if (const auto assignment = store::AssignmentTable(tx).find(AssignmentId{subject.id}))
                assignments_[{assignment->user, assignment->tunnel}] = subject;
        }
        of_[subject].push_back(std::move(quota));
    }
}

const Quota* Holds::first(const QuotaSubject& subject, QuotaAction action) const
{
    const auto found = of_.find(subject);
    if (found == of_.end()) return nullptr;
    for (const auto& quota : found->second) {
        if (quota.rule.action == action) return &quota;
    }
    return nullptr;
}

bool Holds::stops_node(NodeId node) const { return first(domain::subject(node), QuotaAction::stop) != nullptr; }

const domain::Tunnel* Holds::chain(TunnelId id)
{
    const auto [place, fresh] = chains_.try_emplace(id);
    if (fresh) {
        auto tunnel = store::TunnelTable(tx_).find(id);
        if (tunnel && tunnel->type == domain::TunnelType::chain) place->second = std::move(*tunnel);
    }
    return place->second ? &*place->second : nullptr;
}

std::vector<QuotaSubject> Holds::over(const domain::Forward& forward, NodeId entry) const
{
    std::vector<QuotaSubject> subjects{domain::subject(forward.owner)};
    if (const auto assignment = assignments_.find({forward.owner, forward.tunnel}); assignment != assignments_.end())
        subjects.push_back(assignment->second);
    subjects.push_back(domain::subject(forward.id));
    subjects.push_back(domain::subject(entry));
    return subjects;
}

const Quota* Holds::stopped(const domain::Forward& forward, NodeId entry)
{
    if (empty()) return nullptr;
    for (const auto& subject : over(forward, entry)) {
        if (const auto* quota = first(subject, QuotaAction::stop)) return quota;
    }
    const auto* tunnel = on_nodes_ ? chain(forward.tunnel) : nullptr;
    if (tunnel == nullptr) return nullptr;
    // A place of which every node has stopped.
    std::map<std::pair<domain::HopRole, int>, std::pair<const Quota*, bool>> places; // who stopped, and whether somebody goes on
    for (const auto& hop : tunnel->hops) {
        if (hop.role == domain::HopRole::entry) continue;
        auto& [quota, goes_on] = places[{hop.role, hop.place}];
        if (const auto* stop = first(domain::subject(hop.node), QuotaAction::stop))
            quota = stop;
        else
            goes_on = true;
    }
    for (const auto& [place, state] : places) {
        if (!state.second) return state.first;
    }
    return nullptr;
}

std::vector<const Quota*> Holds::throttled(const domain::Forward& forward, NodeId entry)
{
    std::vector<const Quota*> quotas;
    if (empty()) return quotas;
    auto subjects = over(forward, entry);
    if (const auto* tunnel = on_nodes_ ? chain(forward.tunnel) : nullptr) {
        for (const auto& hop : tunnel->hops) {
            if (hop.role != domain::HopRole::entry) subjects.push_back(domain::subject(hop.node));
        }
    }
    for (const auto& subject : subjects) {
        const auto found = of_.find(subject);
        if (found == of_.end()) continue;
        for (const auto& quota : found->second) {
            if (quota.rule.action == QuotaAction::throttle) quotas.push_back(&quota);
        }
    }
    return quotas;
}

const Quota* Holds::stopped_everywhere(const domain::Forward& forward)
{
    const Quota* why = nullptr;
    for (const auto& port : forward.ports) {
        const auto* here = stopped(forward, port.node);
        if (here == nullptr) return nullptr;
        if (why == nullptr) why = here;
    }
    return why;
}

Result<void> Holds::may_run(const domain::Forward& forward)
{
    const auto* why = stopped_everywhere(forward);
    if (why == nullptr) return {};
    return make_error(Errc::quota_exceeded, "quota." + std::string{to_text(why->subject.kind)});
}

plan::SpeedLimit limit_of(const Quota& quota) { return {plan::LimitId{first_quota_limit + quota.id.value}, quota.rule.rate, quota.rule.rate}; }

} // namespace sluice::panel
