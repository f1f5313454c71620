// How fast an owner's forwards on a tunnel may be.
#pragma once

#include "base/id.hpp"
#include "base/time.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace sluice::domain {

struct SpeedLimit {
    SpeedLimitId id;
    std::string name;
    std::int64_t megabits = 100;    // 10^6 bits per second, in each direction
    std::optional<TunnelId> tunnel; // absent: for any tunnel
    bool enabled = true;            // shown only: the contract keeps it and does not evaluate it (FLVX contract 5.7)
    WallTime created;
    std::optional<WallTime> updated;
};

struct SpeedLimitDraft {
    std::string name;
    std::int64_t megabits = 100;
    std::optional<TunnelId> tunnel;
    bool enabled = true;
};

// Bytes per second of so many megabits.
inline std::uint64_t bytes_per_second(std::int64_t megabits) { return static_cast<std::uint64_t>(megabits) * 1'000'000 / 8; }

inline constexpr std::int64_t most_megabits = 1'000'000; // 1 Tbit/s

} // namespace sluice::domain
