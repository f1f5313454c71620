// Quotas by day, month or in total, and events, beyond the contract: administrators set quotas and see everything, everybody else sees his own.
#include "api/flvx/route.hpp"

#include <array>
#include <cmath>

namespace sluice::flvx {

namespace {

using domain::QuotaAction;
using domain::QuotaCount;
using domain::QuotaKind;
using domain::QuotaSpan;

constexpr std::array kinds{QuotaKind::user, QuotaKind::assignment, QuotaKind::forward, QuotaKind::node};
constexpr std::array spans{QuotaSpan::day, QuotaSpan::month, QuotaSpan::total};
constexpr std::array counts{QuotaCount::both, QuotaCount::up, QuotaCount::down, QuotaCount::larger};
constexpr std::array actions{QuotaAction::stop, QuotaAction::throttle};
constexpr std::int64_t bytes_per_kilobyte = 1'000;

template <class Enum, std::size_t N>
std::optional<Enum> among(const std::array<Enum, N>& values, const std::string& name)
{
    for (const auto value : values) {
        if (to_text(value) == name) return value;
    }
    return std::nullopt;
}

// Errors: invalid "quota.subject".
Result<domain::QuotaSubject> read_subject(const Body& body)
{
    const auto kind = among(kinds, body.text("subject"));
    const auto id = body.id("subjectId");
    if (!kind || !id) return make_error(Errc::invalid, "quota.subject");
    return domain::QuotaSubject{*kind, *id};
}

// Errors: invalid "quota.window", "quota.counts", "quota.action", and those of panel::Quotas::set.
Result<domain::QuotaRule> read_rule(const Body& body)
{
    domain::QuotaRule rule;
    const auto span = among(spans, body.text("window"));
    if (!span) return make_error(Errc::invalid, "quota.window");
    rule.span = *span;
    const auto count = body.has("counts") ? among(counts, body.text("counts")) : QuotaCount::both;
    if (!count) return make_error(Errc::invalid, "quota.counts");
    rule.count = *count;
    const auto action = body.has("action") ? among(actions, body.text("action")) : QuotaAction::stop;
    if (!action) return make_error(Errc::invalid, "quota.action");
    rule.action = *action;
    rule.amount = {body.integer("limit", 0)};
    const auto day = body.integer("resetDay", 1);
    if (day < 1 || day > 31) return make_error(Errc::invalid, "quota.reset_day");
    rule.reset_day = static_cast<int>(day);
    rule.ratio = body.number("ratio", 1.0);
    const auto rate = body.integer("rate", 0);
    if (rate < 0 || rate > static_cast<std::int64_t>(domain::most_rate) / bytes_per_kilobyte) return make_error(Errc::invalid, "quota.rate");
    rule.rate = static_cast<std::uint64_t>(rate * bytes_per_kilobyte);
    return rule;
}

Json quota_json(const panel::QuotaView& view)
{
    const auto& [id, subject, rule, window] = view.quota;
    return {{"id", id.value},
            {"subject", to_text(subject.kind)},
            {"subjectId", subject.id},
            {"subjectName", view.name},
            {"userId", view.person.value},
            {"window", to_text(rule.span)},
            {"limit", rule.amount.value},
            {"used", view.used.value},
            {"resetDay", rule.reset_day},
            {"counts", to_text(rule.count)},
            {"ratio", rule.ratio},
            {"action", to_text(rule.action)},
            {"rate", static_cast<std::int64_t>(rule.rate) / bytes_per_kilobyte},
            {"begins", domain::to_text(window.begun)},
            {"ends", window.ends ? domain::to_text(*window.ends) : ""},
            {"reached", window.reached}};
}

Reply list_quotas(Call& call)
{
    std::optional<domain::QuotaSubject> subject;
    if (call.body.has("subject") || call.body.has("subjectId")) {
        const auto read = read_subject(call.body);
        if (!read) return fail(read.error());
        subject = *read;
    }
    const auto quotas = call.panel.quotas().list(call.who(), subject);
    return quotas ? ok(listing(call, *quotas, quota_json)) : fail(quotas.error());
}

Reply set_quota(Call& call)
{
    const auto subject = read_subject(call.body);
    if (!subject) return fail(subject.error());
    const auto rule = read_rule(call.body);
    if (!rule) return fail(rule.error());
    const auto set = call.panel.quotas().set(call.who(), *subject, *rule);
    return set ? ok(Json{{"id", set->value}}) : fail(set.error());
}

Reply set_used(Call& call)
{
    const auto id = id_of(call);
    if (!id) return fail(-1, "参数错误");
    const auto done = call.panel.quotas().set_used(call.who(), QuotaId{*id}, {call.body.integer("used", -1)});
    return done ? ok() : fail(done.error());
}

Reply remove_quota(Call& call)
{
    const auto id = id_of(call);
    if (!id) return fail(-1, "参数错误");
    const auto done = call.panel.quotas().remove(call.who(), QuotaId{*id});
    return done ? ok() : fail(done.error());
}

Reply list_events(Call& call)
{
    const auto part = part_of(call).value_or(std::pair<std::size_t, std::size_t>{0, 100});
    const auto events = call.panel.events().list(call.who(), part.first, part.second);
    if (!events) return fail(events.error());
    Json items = Json::array();
    for (const auto& one : events->events)
        items.push_back({{"id", one.id},
                         {"time", to_epoch_ms(one.happened)},
                         {"severity", one.severity},
                         {"kind", one.kind},
                         {"nodeId", one.node.value},
                         {"forwardId", one.forward.value},
                         {"userId", one.user.value},
                         {"details", Json::parse(one.details, nullptr, false)}});
    return ok({{"list", std::move(items)}, {"total", events->total}});
}

// clang-format off: a row of the table is a line
constexpr Route routes[] = {
    described({"/api/v1/quota/list", Access::signed_in, Needs::anything, list_quotas}, "Quotas with what is used of them: one's own, or everybody's for administrators; with a subject only its own.", &shapes::quota_wish, gives_list(shapes::quota), Reach::reading),
    described({"/api/v1/quota/set", Access::admin, Needs::object, set_quota}, "The quota of a subject in one kind of window. A new one counts from now on, a known one keeps what is used.", &shapes::quota_draft, gives(shapes::made)),
    described({"/api/v1/quota/set-used", Access::admin, Needs::object, set_used}, "From now on so much is used of the window; traffic adds to it.", &shapes::quota_used),
    described({"/api/v1/quota/delete", Access::admin, Needs::object, remove_quota}, "Deletes a quota; what it stopped or slowed down goes on.", &shapes::id),
    described({"/api/v1/event/list", Access::signed_in, Needs::anything, list_events}, "What the program saw or did by itself, newest first: what is about oneself, or everything for administrators.", &shapes::page, gives(shapes::events), Reach::reading),
};
// clang-format on

} // namespace

std::span<const Route> quota_routes() { return routes; }

} // namespace sluice::flvx
