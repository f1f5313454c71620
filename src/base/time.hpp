// Two kinds of time that never mix: wall time (dates people see, stored as milliseconds since the Unix epoch) and steady time
// (deadlines). Code that decides by time takes a Clock, so tests can hold it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace sluice {

using Milliseconds = std::chrono::milliseconds;
using Seconds = std::chrono::seconds;
using WallTime = std::chrono::sys_time<Milliseconds>;
using SteadyTime = std::chrono::steady_clock::time_point;

inline std::int64_t to_epoch_ms(WallTime time) { return time.time_since_epoch().count(); }
inline WallTime from_epoch_ms(std::int64_t ms) { return WallTime{Milliseconds{ms}}; }

// Source of both times. The real one asks the system; HeldClock moves only when a test says so. Thread-safe.
class Clock {
public:
    virtual ~Clock() = default;
    virtual WallTime wall() const = 0;
    virtual SteadyTime steady() const = 0;
};

class SystemClock final : public Clock {
public:
    WallTime wall() const override { return std::chrono::time_point_cast<Milliseconds>(std::chrono::system_clock::now()); }
    SteadyTime steady() const override { return std::chrono::steady_clock::now(); }
};

class HeldClock final : public Clock {
public:
    explicit HeldClock(WallTime start = from_epoch_ms(1'700'000'000'000)) : wall_ms_(to_epoch_ms(start)) {}
    WallTime wall() const override { return from_epoch_ms(wall_ms_.load()); }
    SteadyTime steady() const override { return SteadyTime{} + Milliseconds{steady_ms_.load()}; }
    void advance(Milliseconds by)
    {
        wall_ms_ += by.count();
        steady_ms_ += by.count();
    }
    // The wall clock jumps (an administrator or NTP sets it); steady time does not.
    void set_wall(WallTime time) { wall_ms_ = to_epoch_ms(time); }

private:
    std::atomic<std::int64_t> wall_ms_;
    std::atomic<std::int64_t> steady_ms_{1'000'000};
};

} // namespace sluice
