// May this user run a forward now, and must his forwards stop? (FLVX contract 4.2)
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "domain/user.hpp"

#include <cstdint>
#include <optional>

namespace sluice::domain {

// Counts that mean "unlimited" (FLVX contract 1.11 and 4.2).
bool unlimited_count(std::int64_t count);

// Before a forward starts, and while it runs: who may not, is stopped. A user stops when he has used more than his quota, an
// assignment when it has used all of it. Administrators always may. Errors, in this order: forbidden "user.disabled", quota_exceeded
// "user.expired", quota_exceeded "user.flow", forbidden "assignment.disabled", quota_exceeded "assignment.expired", quota_exceeded "assignment.flow".
Result<void> may_run(const User& owner, const std::optional<Assignment>& assignment, WallTime now);

// Before one more forward is made. `on_tunnel` and `in_total` are what exists. Errors: quota_exceeded "user.forwards", quota_exceeded
// "assignment.forwards" (args[0]: the limit).
Result<void> may_add_forward(const User& owner, const std::optional<Assignment>& assignment, std::int64_t in_total, std::int64_t on_tunnel);

// Whether the date has come. Absent is never (FLVX contract 4.2: 0 is never, also at night).
bool expired(const Allowance& allowance, WallTime now);

} // namespace sluice::domain
