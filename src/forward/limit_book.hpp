// The speed limits of a node's plan, by id. Direct forwards and those through tunnels look them up here, so that whoever has a limit in common shares one
// allowance whichever way he goes.
#pragma once

#include "forward/speed_limit.hpp"

#include <map>
#include <memory>
#include <vector>

namespace sluice::forward {

// For the thread that applies plans.
class LimitBook {
public:
    // A limit that stays keeps what it has counted: a new rate is no new allowance.
    void learn(const std::vector<plan::SpeedLimit>& limits);
    // All limits that the forward names and the last plan had.
    SpeedLimits of(const plan::Forward& plan) const;

private:
    std::map<plan::LimitId, std::shared_ptr<SpeedLimit>> known_;
};

} // namespace sluice::forward
