#include "domain/allowance.hpp"

namespace sluice::domain {

bool expired(const Allowance& allowance, WallTime now) { return allowance.expires && *allowance.expires <= now; }

bool unlimited_count(std::int64_t count) { return count <= 0 || count == 99999; }

Result<void> may_run(const User& owner, const std::optional<Assignment>& assignment, WallTime now)
{
    if (owner.role == Role::admin) return {};
    if (!owner.enabled) return make_error(Errc::forbidden, "user.disabled");
    if (expired(owner.allowance, now)) return make_error(Errc::quota_exceeded, "user.expired");
    if (owner.used.total() > owner.allowance.quota) return make_error(Errc::quota_exceeded, "user.flow");
    if (!assignment) return {};
    if (!assignment->enabled) return make_error(Errc::forbidden, "assignment.disabled");
    if (expired(assignment->allowance, now)) return make_error(Errc::quota_exceeded, "assignment.expired");
    if (assignment->used.total() >= assignment->allowance.quota) return make_error(Errc::quota_exceeded, "assignment.flow");
    return {};
}

Result<void> may_add_forward(const User& owner, const std::optional<Assignment>& assignment, std::int64_t in_total, std::int64_t on_tunnel)
{
    if (owner.role == Role::admin) return {};
    const auto limit = owner.allowance.max_forwards;
    if (!unlimited_count(limit) && in_total >= limit) return make_error(Errc::quota_exceeded, "user.forwards", {}, {std::to_string(limit)});
    if (!assignment) return {};
    const auto here = assignment->allowance.max_forwards;
    if (!unlimited_count(here) && on_tunnel >= here) return make_error(Errc::quota_exceeded, "assignment.forwards", {}, {std::to_string(here)});
    return {};
}

} // namespace sluice::domain
