// Speed limits: administrators make them and give them to assignments. A changed one takes effect on running connections without cutting any.
#pragma once

#include "base/result.hpp"
#include "domain/speed_limit.hpp"
#include "panel/actor.hpp"

#include <string>
#include <vector>

namespace sluice::panel {

struct Context;

struct SpeedLimitView {
    domain::SpeedLimit limit;
    std::string tunnel_name; // empty: for any tunnel
};

class SpeedLimits {
public:
    explicit SpeedLimits(Context& context) : context_(context) {}

    Result<std::vector<SpeedLimitView>> list(const Actor& actor); // by id
    // Errors: invalid "speed_limit.name" (empty), "speed_limit.name_length", "speed_limit.speed"; not_found "tunnel".
    Result<SpeedLimitId> create(const Actor& actor, const domain::SpeedLimitDraft& draft);
    Result<void> update(const Actor& actor, SpeedLimitId id, const domain::SpeedLimitDraft& draft); // an unknown id is fine
    // Assignments that had it have no limit afterwards. An unknown id is fine.
    Result<void> remove(const Actor& actor, SpeedLimitId id);

private:
    Context& context_;
};

} // namespace sluice::panel
