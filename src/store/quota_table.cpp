#include "store/quota_table.hpp"

#include "store/names.hpp"
#include "store/statement.hpp"

#include <algorithm>

namespace sluice::store {

namespace {

using domain::QuotaAction;
using domain::QuotaCount;
using domain::QuotaKind;
using domain::QuotaSpan;
using domain::QuotaSubject;

constexpr Names<QuotaSpan, 3> spans{{{{QuotaSpan::day, "day"}, {QuotaSpan::month, "month"}, {QuotaSpan::total, "total"}}}};
constexpr Names<QuotaCount, 4> counts{
    {{{QuotaCount::both, "both"}, {QuotaCount::up, "up"}, {QuotaCount::down, "down"}, {QuotaCount::larger, "larger"}}}};
constexpr Names<QuotaAction, 2> actions{{{{QuotaAction::stop, "stop"}, {QuotaAction::throttle, "throttle"}}}};

constexpr const char* columns =
    "SELECT q.id, q.user_id, q.assignment_id, q.forward_id, q.node_id, q.span, q.reset_day, q.amount, q.counts, q.ratio, q.action, q.rate, q.begun, "
    "q.ends, q.base_up, q.base_down, q.correction, q.reached, q.noticed FROM quotas q ";

// The column that names a subject of the kind, and the table that the subject is in.
const char* column_of(QuotaKind kind)
{
    switch (kind) {
    case QuotaKind::user: return "user_id";
    case QuotaKind::assignment: return "assignment_id";
    case QuotaKind::forward: return "forward_id";
    case QuotaKind::node: return "node_id";
    }
    return "user_id";
}

const char* table_of(QuotaKind kind)
{
    switch (kind) {
    case QuotaKind::user: return "users";
    case QuotaKind::assignment: return "assignments";
    case QuotaKind::forward: return "forwards";
    case QuotaKind::node: return "nodes";
    }
    return "users";
}

domain::Day day_of(const std::string& text) { return domain::parse_day(text).value_or(domain::Day{}); }

domain::Quota quota_row(Statement& from)
{
    domain::Quota quota;
    quota.id = from.id<QuotaId>();
    for (const auto kind : {QuotaKind::user, QuotaKind::assignment, QuotaKind::forward, QuotaKind::node}) {
        if (const auto id = from.optional_integer()) quota.subject = {kind, *id};
    }
    auto& rule = quota.rule;
    rule.span = spans.value(from.text(), QuotaSpan::month);
    rule.reset_day = static_cast<int>(from.integer());
    rule.amount = {from.integer()};
    rule.count = counts.value(from.text(), QuotaCount::both);
    rule.ratio = from.real();
    rule.action = actions.value(from.text(), QuotaAction::stop);
    rule.rate = static_cast<std::uint64_t>(from.integer());
    auto& window = quota.window;
    window.begun = day_of(from.text());
    if (const auto ends = from.optional_text()) window.ends = day_of(*ends);
    window.base.up = {from.integer()};
    window.base.down = {from.integer()};
    window.correction = {from.integer()};
    window.reached = from.flag();
    window.noticed = static_cast<int>(from.integer());
    return quota;
}

std::optional<std::string> text_of(const std::optional<domain::Day>& day)
{
    if (!day) return std::nullopt;
    return domain::to_text(*day);
}

} // namespace

template <class... Values>
std::vector<domain::Quota> QuotaTable::select(const std::string& where, const Values&... values)
{
    std::vector<domain::Quota> quotas;
    Statement query(tx_, columns + where, values...);
    while (query.next()) quotas.push_back(quota_row(query));
    return quotas;
}

std::optional<domain::Quota> QuotaTable::find(QuotaId id)
{
    Statement query(tx_, (std::string{columns} + "WHERE q.id = ?").c_str(), id);
    if (!query.next()) return std::nullopt;
    return quota_row(query);
}

std::optional<domain::Quota> QuotaTable::find(const QuotaSubject& subject, QuotaSpan span)
{
    for (auto& quota : of(subject)) {
        if (quota.rule.span == span) return std::move(quota);
    }
    return std::nullopt;
}

std::vector<domain::Quota> QuotaTable::all() { return select("ORDER BY q.id"); }

std::vector<domain::Quota> QuotaTable::around_user(UserId user)
{
    return select("WHERE q.user_id = ?1 OR q.assignment_id IN (SELECT id FROM assignments WHERE user_id = ?1) "
                  "OR q.forward_id IN (SELECT id FROM forwards WHERE user_id = ?1) ORDER BY q.id",
                  user);
}

std::vector<domain::Quota> QuotaTable::of(const QuotaSubject& subject) { return of(std::vector{subject}); }

std::vector<domain::Quota> QuotaTable::of(const std::vector<QuotaSubject>& subjects)
{
    std::vector<domain::Quota> quotas;
    for (const auto kind : {QuotaKind::user, QuotaKind::assignment, QuotaKind::forward, QuotaKind::node}) {
        std::optional<Statement> query;
        for (const auto& subject : subjects) {
            if (subject.kind != kind) continue;
            if (query)
                query->again(subject.id);
            else
                query.emplace(tx_, (columns + std::string{"WHERE q."} + column_of(kind) + " = ? ORDER BY q.id").c_str(), subject.id);
            while (query->next()) quotas.push_back(quota_row(*query));
        }
    }
    return quotas;
}

std::vector<domain::Quota> QuotaTable::reached() { return select("WHERE q.reached = 1 ORDER BY q.id"); }

std::vector<domain::Quota> QuotaTable::ended(domain::Day today)
{
    return select("WHERE q.ends IS NOT NULL AND q.ends <= ? ORDER BY q.id", domain::to_text(today));
}

bool QuotaTable::empty()
{
    Statement query(tx_, "SELECT 1 FROM quotas LIMIT 1");
    return !query.next();
}

QuotaId QuotaTable::insert(const domain::Quota& quota)
{
    const auto& rule = quota.rule;
    const auto& window = quota.window;
    Statement(tx_,
              (std::string{"INSERT INTO quotas ("} + column_of(quota.subject.kind) +
               ", span, reset_day, amount, counts, ratio, action, rate, begun, ends, base_up, base_down, correction, reached, noticed) "
               "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
                  .c_str(),
              quota.subject.id, spans.name(rule.span), rule.reset_day, rule.amount.value, counts.name(rule.count), rule.ratio,
              actions.name(rule.action), static_cast<std::int64_t>(rule.rate), domain::to_text(window.begun), text_of(window.ends),
              window.base.up.value, window.base.down.value, window.correction.value, window.reached, window.noticed)
        .run();
    return QuotaId{last_id(tx_)};
}

void QuotaTable::update(const domain::Quota& quota)
{
    const auto& rule = quota.rule;
    const auto& window = quota.window;
    Statement(tx_,
              "UPDATE quotas SET reset_day = ?, amount = ?, counts = ?, ratio = ?, action = ?, rate = ?, begun = ?, ends = ?, base_up = ?, "
              "base_down = ?, correction = ?, reached = ?, noticed = ? WHERE id = ?",
              rule.reset_day, rule.amount.value, counts.name(rule.count), rule.ratio, actions.name(rule.action), static_cast<std::int64_t>(rule.rate),
              domain::to_text(window.begun), text_of(window.ends), window.base.up.value, window.base.down.value, window.correction.value,
              window.reached, window.noticed, quota.id)
        .run();
}

void QuotaTable::remove(QuotaId id) { Statement(tx_, "DELETE FROM quotas WHERE id = ?", id).run(); }

std::optional<Traffic> QuotaTable::sums(const QuotaSubject& subject)
{
    Statement query(tx_, (std::string{"SELECT total_up, total_down FROM "} + table_of(subject.kind) + " WHERE id = ?").c_str(), subject.id);
    if (!query.next()) return std::nullopt;
    Traffic sums;
    sums.up = {query.integer()};
    sums.down = {query.integer()};
    return sums;
}

std::optional<UserId> QuotaTable::person(const QuotaSubject& subject)
{
    if (subject.kind == QuotaKind::node) return std::nullopt;
    if (subject.kind == QuotaKind::user) return UserId{subject.id};
    Statement query(tx_, (std::string{"SELECT user_id FROM "} + table_of(subject.kind) + " WHERE id = ?").c_str(), subject.id);
    if (!query.next()) return std::nullopt;
    return query.id<UserId>();
}

std::string QuotaTable::name(const QuotaSubject& subject)
{
    const bool assigned = subject.kind == QuotaKind::assignment;
    Statement query(tx_,
                    (assigned ? std::string{"SELECT u.name || ', ' || t.name FROM assignments a JOIN users u ON u.id = a.user_id "
                                            "JOIN tunnels t ON t.id = a.tunnel_id WHERE a.id = ?"}
                              : std::string{"SELECT name FROM "} + table_of(subject.kind) + " WHERE id = ?")
                        .c_str(),
                    subject.id);
    return query.next() ? query.text() : std::string{};
}

std::vector<NoticeTable::Flow> NoticeTable::flows_of(UserId user)
{
    std::vector<Flow> flows;
    Statement query(tx_,
                    "SELECT 0, id, used_up + used_down, quota, noticed FROM users WHERE id = ?1 AND role = 1 UNION ALL "
                    "SELECT 1, a.id, a.used_up + a.used_down, a.quota, a.noticed FROM assignments a JOIN users u ON u.id = a.user_id "
                    "WHERE a.user_id = ?1 AND u.role = 1",
                    user);
    while (query.next()) {
        Flow flow;
        flow.subject.kind = query.integer() == 0 ? QuotaKind::user : QuotaKind::assignment;
        flow.subject.id = query.integer();
        flow.used = {query.integer()};
        flow.quota = {query.integer()};
        flow.noticed = static_cast<int>(query.integer());
        flows.push_back(flow);
    }
    return flows;
}

void NoticeTable::set_noticed(const QuotaSubject& subject, int percent)
{
    Statement(tx_, (std::string{"UPDATE "} + table_of(subject.kind) + " SET noticed = ? WHERE id = ?").c_str(), percent, subject.id).run();
}

std::vector<NoticeTable::Expiry> NoticeTable::expiring(WallTime now, WallTime until)
{
    std::vector<Expiry> found;
    Statement query(tx_,
                    "SELECT 0, id, expires, expiry_noticed FROM users WHERE role = 1 AND enabled = 1 AND expires > ?1 AND expires <= ?2 UNION ALL "
                    "SELECT 1, a.id, a.expires, a.expiry_noticed FROM assignments a JOIN users u ON u.id = a.user_id WHERE u.role = 1 "
                    "AND a.enabled = 1 AND a.expires > ?1 AND a.expires <= ?2 AND a.expires IS NOT u.expires",
                    now, until);
    while (query.next()) {
        Expiry expiry;
        expiry.subject.kind = query.integer() == 0 ? QuotaKind::user : QuotaKind::assignment;
        expiry.subject.id = query.integer();
        expiry.expires = query.time();
        expiry.noticed = static_cast<int>(query.integer());
        found.push_back(expiry);
    }
    return found;
}

void NoticeTable::set_expiry_noticed(const QuotaSubject& subject, int days)
{
    Statement(tx_, (std::string{"UPDATE "} + table_of(subject.kind) + " SET expiry_noticed = ? WHERE id = ?").c_str(), days, subject.id).run();
}

} // namespace sluice::store
