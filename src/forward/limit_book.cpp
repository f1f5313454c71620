#include "forward/limit_book.hpp"

#include <utility>

namespace sluice::forward {

void LimitBook::learn(const plan::Plan& plan)
{
    std::map<plan::LimitId, std::shared_ptr<SpeedLimit>> now;
    for (const auto& limit : plan.speed_limits) {
        const auto found = known_.find(limit.id);
        if (found != known_.end()) found->second->set(limit);
        now.emplace(limit.id, found != known_.end() ? found->second : std::make_shared<SpeedLimit>(limit));
    }
    known_.swap(now);
    std::map<plan::CapId, SharedCapPtr> caps;
    for (const auto& cap : plan.connection_caps) {
        const auto found = caps_.find(cap.id);
        auto& kept = caps[cap.id];
        kept = found != caps_.end() ? found->second : std::make_shared<SharedCap>();
        kept->set(cap.most);
    }
    caps_.swap(caps);
}

SpeedLimits LimitBook::of(const plan::Forward& plan) const
{
    std::vector<std::shared_ptr<SpeedLimit>> limits;
    for (const auto id : plan.speed_limits) {
        if (const auto found = known_.find(id); found != known_.end()) limits.push_back(found->second);
    }
    return SpeedLimits{std::move(limits)};
}

SharedCapPtr LimitBook::cap_of(const plan::Forward& plan, const std::shared_ptr<Runtime>& runtime) const
{
    const auto found = plan.connection_cap ? caps_.find(*plan.connection_cap) : caps_.end();
    if (found == caps_.end()) return nullptr;
    found->second->join(runtime);
    return found->second;
}

} // namespace sluice::forward
