#include "forward/shared_cap.hpp"

#include "forward/runtime.hpp"

#include <algorithm>

namespace sluice::forward {

void SharedCap::join(const std::shared_ptr<Runtime>& member)
{
    const std::lock_guard lock(mutex_);
    std::erase_if(members_, [](const auto& one) { return one.expired(); });
    const bool known = std::any_of(members_.begin(), members_.end(), [&](const auto& one) { return one.lock() == member; });
    if (!known) members_.push_back(member);
}

bool SharedCap::exceeded()
{
    const auto most = most_.load(std::memory_order_relaxed);
    std::uint64_t open = 0;
    const std::lock_guard lock(mutex_);
    for (const auto& one : members_) {
        if (const auto member = one.lock()) open += member->open.load(std::memory_order_seq_cst);
    }
    return open > most;
}

} // namespace sluice::forward
