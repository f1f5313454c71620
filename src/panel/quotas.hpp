// Quotas by day, month or in total on users, assignments, forwards and nodes: administrators set them, everybody sees his own.
#pragma once

#include "base/result.hpp"
#include "domain/quota.hpp"
#include "panel/actor.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::panel {

struct Context;

struct QuotaView {
    domain::Quota quota;
    std::string name; // of the subject
    UserId person;    // none: a node's
    ByteCount used;
};

class Quotas {
public:
    explicit Quotas(Context& context) : context_(context) {}

    // By id. Regular users see those on themselves, their assignments and their forwards. `subject`: only its own; somebody else's has none.
    Result<std::vector<QuotaView>> list(const Actor& actor, const std::optional<domain::QuotaSubject>& subject);

    // One per subject and window: a new one counts from now on, a known one keeps what was used. Errors: forbidden "role", invalid "quota.amount",
    // "quota.reset_day", "quota.ratio", "quota.rate", not_found "user", "assignment", "forward" or "node".
    Result<QuotaId> set(const Actor& actor, const domain::QuotaSubject& subject, const domain::QuotaRule& rule);
    // From now on so much is used of the window that today is in. Errors: forbidden "role", not_found "quota", invalid "quota.used".
    Result<void> set_used(const Actor& actor, QuotaId id, ByteCount used);
    Result<void> remove(const Actor& actor, QuotaId id); // forbidden "role", not_found "quota"

    // Windows that are over, and reminders of what expires; whenever it is called.
    Result<void> keep_up();

private:
    Context& context_;
};

} // namespace sluice::panel
