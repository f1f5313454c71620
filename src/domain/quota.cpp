#include "domain/quota.hpp"

#include <algorithm>
#include <cmath>

namespace sluice::domain {

namespace {

Day day_before(Day day) { return Day{std::chrono::sys_days{day} - std::chrono::days{1}}; }

std::int64_t counted(QuotaCount count, const Traffic& passed)
{
    switch (count) {
    case QuotaCount::both: return passed.up.value + passed.down.value;
    case QuotaCount::up: return passed.up.value;
    case QuotaCount::down: return passed.down.value;
    case QuotaCount::larger: return std::max(passed.up.value, passed.down.value);
    }
    return 0;
}

} // namespace

std::string_view to_text(QuotaKind kind)
{
    switch (kind) {
    case QuotaKind::user: return "user";
    case QuotaKind::assignment: return "assignment";
    case QuotaKind::forward: return "forward";
    case QuotaKind::node: return "node";
    }
    return "user";
}

std::string_view to_text(QuotaSpan span)
{
    switch (span) {
    case QuotaSpan::day: return "day";
    case QuotaSpan::month: return "month";
    case QuotaSpan::total: return "total";
    }
    return "day";
}

std::string_view to_text(QuotaCount count)
{
    switch (count) {
    case QuotaCount::both: return "both";
    case QuotaCount::up: return "up";
    case QuotaCount::down: return "down";
    case QuotaCount::larger: return "larger";
    }
    return "both";
}

std::string_view to_text(QuotaAction action) { return action == QuotaAction::stop ? "stop" : "throttle"; }

Day window_start(const QuotaRule& rule, Day today)
{
    if (rule.span != QuotaSpan::month) return today;
    auto start = today;
    while (!resets_on(rule.reset_day, start)) start = day_before(start); // a month has one such day
    return start;
}

std::optional<Day> window_end(const QuotaRule& rule, Day start)
{
    if (rule.span == QuotaSpan::total) return std::nullopt;
    auto end = day_after(start);
    while (rule.span == QuotaSpan::month && !resets_on(rule.reset_day, end)) end = day_after(end);
    return end;
}

QuotaWindow new_window(const QuotaRule& rule, Day today, const Traffic& sums)
{
    const auto start = window_start(rule, today);
    return {start, window_end(rule, start), sums, {}, false, 0};
}

ByteCount used(const Quota& quota, const Traffic& sums)
{
    const auto passed = counted(quota.rule.count, {sums.up - quota.window.base.up, sums.down - quota.window.base.down});
    // Whole numbers stay exact; a ratio rounds down, as bills do.
    const auto weighed = quota.rule.ratio == 1.0
                             ? passed
                             : static_cast<std::int64_t>(std::trunc(static_cast<long double>(passed) * static_cast<long double>(quota.rule.ratio)));
    return {quota.window.correction.value + std::max<std::int64_t>(0, weighed)};
}

int notice_level(ByteCount used, ByteCount amount)
{
    if (amount.value <= 0) return 0;
    if (used.value >= amount.value) return 100;
    const auto share = static_cast<long double>(used.value) / static_cast<long double>(amount.value);
    return share >= 0.9L ? 90 : share >= 0.8L ? 80 : 0;
}

} // namespace sluice::domain
