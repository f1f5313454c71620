// The speed limits and shared caps of a node's plan, by id. Direct forwards and those through tunnels look them up here, so that whoever has a limit in common shares one
// allowance whichever way he goes.
#pragma once

#include "forward/shared_cap.hpp"
#include "forward/speed_limit.hpp"

#include <map>
#include <memory>
#include <vector>

namespace sluice::forward {

// For the thread that applies plans.
class LimitBook {
public:
    // A limit that stays keeps what it has counted: a new rate is no new allowance.
    void learn(const plan::Plan& plan);
    // All limits that the forward names and the last plan had.
    SpeedLimits of(const plan::Forward& plan) const;
    // The cap that the forward shares with others, which counts it from now on; null: none.
    SharedCapPtr cap_of(const plan::Forward& plan, const std::shared_ptr<Runtime>& runtime) const;

private:
    std::map<plan::LimitId, std::shared_ptr<SpeedLimit>> known_;
    std::map<plan::CapId, SharedCapPtr> caps_;
};

} // namespace sluice::forward
