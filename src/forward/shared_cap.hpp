// A cap on the connections of several forwards together. It keeps no count of its own: what is open is the sum of what its members have open.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace sluice::forward {

struct Runtime;

class SharedCap {
public:
    void set(std::uint32_t most) { most_.store(most, std::memory_order_relaxed); }
    void join(const std::shared_ptr<Runtime>& member); // twice is once
    // More than allowed are open. Whoever asks has counted himself already, so that two at a time never both slip in.
    bool exceeded();

private:
    std::atomic<std::uint32_t> most_{0};
    std::mutex mutex_; // guards members_
    std::vector<std::weak_ptr<Runtime>> members_;
};
using SharedCapPtr = std::shared_ptr<SharedCap>;

} // namespace sluice::forward
