// Which user may use which tunnel, and how much. Administrators only.
#pragma once

#include "base/result.hpp"
#include "domain/user.hpp"
#include "panel/actor.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::panel {

struct Context;

struct AssignmentView {
    domain::Assignment assignment;
    std::string tunnel_name;
    int tunnel_factor = 1;
    std::optional<std::string> speed_limit_name;
    std::optional<std::int64_t> speed_mbit;
};

class Assignments {
public:
    explicit Assignments(Context& context) : context_(context) {}

    Result<std::vector<AssignmentView>> list(const Actor& actor, UserId user); // by id
    // Makes the pair or updates it in place (same id). For a new row absent fields come from the user; for an existing row they are
    // kept. Errors: not_found "user", not_found "tunnel", invalid "assignment.*". The user's forwards on the tunnel are redeployed.
    Result<AssignmentId> assign(const Actor& actor, UserId user, TunnelId tunnel, const domain::AssignmentPatch& patch);
    Result<void> update(const Actor& actor, AssignmentId id, const domain::AssignmentPatch& patch); // an unknown id is fine
    // Removes the row and pauses nothing half: the user's forwards on that tunnel are removed from nodes and from the database.
    Result<void> remove(const Actor& actor, AssignmentId id); // an unknown id is fine
    Result<void> remove(const Actor& actor, UserId user, TunnelId tunnel);

private:
    Context& context_;
};

} // namespace sluice::panel
