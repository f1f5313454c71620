// Slows down guessing: after a few failures every further one doubles the wait. Memory is bounded. Thread-safe.
#pragma once

#include "base/address.hpp"
#include "base/time.hpp"

#include <cstddef>
#include <mutex>
#include <string>
#include <unordered_map>

namespace sluice::panel {

class Throttle {
public:
    struct Policy {
        int free_failures = 5;
        Seconds longest{300};
        Seconds forgotten_after{900}; // without a failure
        std::size_t entries = 10'000;
    };
    explicit Throttle(Policy policy) : policy_(policy) {}

    // Zero: go on. Else how long this key has to wait.
    Seconds wait_of(const std::string& key, SteadyTime now) const;
    void failed(const std::string& key, SteadyTime now);
    void succeeded(const std::string& key);
    std::size_t size() const;

private:
    struct Entry {
        int failures = 0;
        SteadyTime blocked_until{};
        SteadyTime last{};
    };
    const Policy policy_;
    mutable std::mutex mutex_; // guards entries_
    std::unordered_map<std::string, Entry> entries_;
};

// One visitor may hold a whole IPv6 /64, so that is what is throttled.
std::string throttle_key(const IpAddress& address);

} // namespace sluice::panel
