// How many descriptors the data plane holds, and how many it may: what is left belongs to the rest of the process (database, panel).
// Shared by all workers.
#pragma once

#include <atomic>
#include <cstdint>

namespace sluice::forward {

struct DescriptorBudget {
    std::atomic<std::uint64_t> used{0};
    std::uint64_t limit = 0;

    bool exhausted(std::uint64_t more) const { return used.load(std::memory_order_relaxed) + more > limit; }
    bool near() const { return used.load(std::memory_order_relaxed) > limit / 10 * 9; }
    void add(std::uint64_t count) { used.fetch_add(count, std::memory_order_relaxed); }
    void remove(std::uint64_t count) { used.fetch_sub(count, std::memory_order_relaxed); }
};

} // namespace sluice::forward
