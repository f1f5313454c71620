// How fast bytes may pass: one allowance that many connections on many workers share, in each direction. Lock-free; costs one
// load per read where it applies and nothing where it does not.
//
// It keeps one time per direction: when everything that passed so far would have passed at the allowed rate (the virtual
// scheduling algorithm, ITU-T I.371 annex A). A reader waits until that time has come, reads a bounded amount, and moves the time on by what it read.
// So an average is exact however uneven single reads are, and a new rate takes effect with the next read.
#pragma once

#include "base/time.hpp"
#include "plan/plan.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace sluice::forward {

enum class Direction { up, down }; // from the client, to the client

class SpeedLimit {
public:
    // What may pass at once after a silence, as time at the allowed rate.
    static constexpr std::chrono::milliseconds burst{50};

    explicit SpeedLimit(const plan::SpeedLimit& plan) { set(plan); }

    // Takes effect at once, for every worker. 0 is no limit in that direction.
    void set(const plan::SpeedLimit& plan)
    {
        rates_[0].store(plan.up, std::memory_order_relaxed);
        rates_[1].store(plan.down, std::memory_order_relaxed);
    }

    // Whether `direction` has a limit now, and when its next byte may pass: not before `now` means at once.
    bool limits(Direction direction) const { return rate(direction) != 0; }
    SteadyTime ready_at(Direction direction) const { return SteadyTime{std::chrono::nanoseconds{due(direction).load(std::memory_order_relaxed)}}; }

    // How much may be read in one go, so that a slow limit is not overdrawn for long: 20 ms at its rate, at least 2 KiB.
    std::size_t portion(Direction direction) const { return static_cast<std::size_t>(std::max<std::uint64_t>(rate(direction) / 50, 2048)); }

    // So many bytes passed. Thread-safe.
    void passed(Direction direction, std::uint64_t bytes, SteadyTime now)
    {
        const auto per_second = rate(direction);
        if (per_second == 0) return;
        constexpr double nanoseconds_in_a_second = 1e9;
        const auto cost = static_cast<std::int64_t>(static_cast<double>(bytes) * nanoseconds_in_a_second / static_cast<double>(per_second));
        const auto oldest = std::chrono::duration_cast<std::chrono::nanoseconds>((now - burst).time_since_epoch()).count();
        auto& due_at = due(direction);
        auto seen = due_at.load(std::memory_order_relaxed);
        while (!due_at.compare_exchange_weak(seen, std::max(seen, oldest) + cost, std::memory_order_relaxed)) {}
    }

private:
    std::uint64_t rate(Direction direction) const { return rates_[static_cast<std::size_t>(direction)].load(std::memory_order_relaxed); }
    std::atomic<std::int64_t>& due(Direction direction) { return due_[static_cast<std::size_t>(direction)]; }
    const std::atomic<std::int64_t>& due(Direction direction) const { return due_[static_cast<std::size_t>(direction)]; }

    std::array<std::atomic<std::uint64_t>, 2> rates_{}; // bytes per second
    std::array<std::atomic<std::int64_t>, 2> due_{};    // nanoseconds of the steady clock
};

// The limits of one forward, all of which hold. A worker's copy is replaced on its own thread.
class SpeedLimits {
public:
    SpeedLimits() = default;
    explicit SpeedLimits(std::vector<std::shared_ptr<SpeedLimit>> limits) : limits_(std::move(limits)) {}

    bool empty() const { return limits_.empty(); }

    // The latest of their times; in the past when nothing holds back.
    SteadyTime ready_at(Direction direction) const
    {
        SteadyTime latest = SteadyTime::min();
        for (const auto& limit : limits_) {
            if (limit->limits(direction)) latest = std::max(latest, limit->ready_at(direction));
        }
        return latest;
    }
    // At most `most`.
    std::size_t portion(Direction direction, std::size_t most) const
    {
        for (const auto& limit : limits_) {
            if (limit->limits(direction)) most = std::min(most, limit->portion(direction));
        }
        return most;
    }
    void passed(Direction direction, std::uint64_t bytes, SteadyTime now) const
    {
        for (const auto& limit : limits_) limit->passed(direction, bytes, now);
    }

private:
    std::vector<std::shared_ptr<SpeedLimit>> limits_;
};

} // namespace sluice::forward
