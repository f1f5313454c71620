// How much may pass by day, month or in total, of what belongs to a user, an assignment, a forward or a node; and what happens when it has. Beside the
// allowances of the FLVX contract (domain/allowance.hpp), which stay as they are.
#pragma once

#include "base/bytes.hpp"
#include "base/id.hpp"
#include "domain/calendar.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::domain {

enum class QuotaKind { user, assignment, forward, node };
enum class QuotaSpan { day, month, total };
enum class QuotaCount { both, up, down, larger }; // what of the two directions is used; larger: the one that moved more, as some providers bill
enum class QuotaAction { stop, throttle };

std::string_view to_text(QuotaKind kind); // "user", "assignment", "forward", "node"
std::string_view to_text(QuotaSpan span); // "day", "month", "total"
std::string_view to_text(QuotaCount count);
std::string_view to_text(QuotaAction action);

// Whose it is. `id` is that of the kind.
struct QuotaSubject {
    QuotaKind kind = QuotaKind::user;
    std::int64_t id = 0;
    friend auto operator<=>(const QuotaSubject&, const QuotaSubject&) = default;
};

inline QuotaSubject subject(UserId id) { return {QuotaKind::user, id.value}; }
inline QuotaSubject subject(AssignmentId id) { return {QuotaKind::assignment, id.value}; }
inline QuotaSubject subject(ForwardId id) { return {QuotaKind::forward, id.value}; }
inline QuotaSubject subject(NodeId id) { return {QuotaKind::node, id.value}; }

struct QuotaRule {
    QuotaSpan span = QuotaSpan::month;
    int reset_day = 1; // of a month; a day that the month does not have is its last one
    ByteCount amount;  // above 0
    QuotaCount count = QuotaCount::both;
    double ratio = 1.0; // used bytes of a counted byte
    QuotaAction action = QuotaAction::stop;
    std::uint64_t rate = 0; // bytes per second in each direction, when throttled
};

// Bytes per second.
inline constexpr std::uint64_t least_rate = 1'000;
inline constexpr std::uint64_t most_rate = 125'000'000'000;
inline constexpr std::int64_t most_amount = std::int64_t{1} << 53; // what a client's numbers hold exactly
inline constexpr double most_ratio = 100;

// Where the window that runs stands. What is used follows from the subject's sums, which grow with every booking and are never reset.
struct QuotaWindow {
    Day begun{};
    std::optional<Day> ends; // the next window begins on it; absent: never
    Traffic base;            // the sums when the window began
    ByteCount correction;    // used beside that: somebody said how much it is
    bool reached = false;
    int noticed = 0; // percentage that was said last: 0, 80, 90 or 100
};

struct Quota {
    QuotaId id;
    QuotaSubject subject;
    QuotaRule rule;
    QuotaWindow window;
};

// The window that `today` is in begins on the first and ends before the second. In total: today, and never.
Day window_start(const QuotaRule& rule, Day today);
std::optional<Day> window_end(const QuotaRule& rule, Day start);

// A new window from `today` on; `sums` is where the subject stands.
QuotaWindow new_window(const QuotaRule& rule, Day today, const Traffic& sums);

ByteCount used(const Quota& quota, const Traffic& sums);

// The highest of 80, 90 and 100 percent that is reached, or 0.
int notice_level(ByteCount used, ByteCount amount);

} // namespace sluice::domain
