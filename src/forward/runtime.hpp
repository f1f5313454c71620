// What the workers share about one forward: its wish, its targets, its open connections. The wish is replaced as a whole; a relay keeps
// the one it began with.
#pragma once

#include "forward/counters.hpp"
#include "forward/speed_limit.hpp"
#include "forward/targets.hpp"
#include "plan/plan.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

namespace sluice::forward {

class Keeper;

struct Wish {
    plan::Forward plan;
    std::shared_ptr<const TargetSet> targets;
};
using WishPtr = std::shared_ptr<const Wish>;

struct Runtime {
    ForwardId id;
    std::atomic<std::uint32_t> open{0};               // TCP connections and UDP sessions, all workers
    std::atomic<std::uint32_t>* open_total = nullptr; // of the engine
    Keeper* keeper = nullptr;
    std::vector<Slot*> slots;              // by worker; set before the first listener, never changed
    std::vector<SpeedLimits> speed_limits; // by worker, each touched on its loop only

    // Counts one more if the cap allows it.
    bool enter(std::uint32_t cap)
    {
        const auto before = open.fetch_add(1, std::memory_order_relaxed);
        if (cap != 0 && before >= cap) {
            open.fetch_sub(1, std::memory_order_relaxed);
            return false;
        }
        open_total->fetch_add(1, std::memory_order_relaxed);
        return true;
    }
    void leave()
    {
        open.fetch_sub(1, std::memory_order_relaxed);
        open_total->fetch_sub(1, std::memory_order_relaxed);
    }
};

// Deny wins; an empty allow list admits everybody.
inline bool admits(const plan::SourceList& sources, const IpAddress& client)
{
    for (const auto& network : sources.deny) {
        if (network.contains(client)) return false;
    }
    if (sources.allow.empty()) return true;
    for (const auto& network : sources.allow) {
        if (network.contains(client)) return true;
    }
    return false;
}

} // namespace sluice::forward
