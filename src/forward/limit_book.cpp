#include "forward/limit_book.hpp"

#include <utility>

namespace sluice::forward {

void LimitBook::learn(const std::vector<plan::SpeedLimit>& limits)
{
    std::map<plan::LimitId, std::shared_ptr<SpeedLimit>> now;
    for (const auto& limit : limits) {
        const auto found = known_.find(limit.id);
        if (found != known_.end()) found->second->set(limit);
        now.emplace(limit.id, found != known_.end() ? found->second : std::make_shared<SpeedLimit>(limit));
    }
    known_.swap(now);
}

SpeedLimits LimitBook::of(const plan::Forward& plan) const
{
    std::vector<std::shared_ptr<SpeedLimit>> limits;
    for (const auto id : plan.speed_limits) {
        if (const auto found = known_.find(id); found != known_.end()) limits.push_back(found->second);
    }
    return SpeedLimits{std::move(limits)};
}

} // namespace sluice::forward
