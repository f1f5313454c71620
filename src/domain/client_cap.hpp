// How many client addresses may use a forward at a time.
#pragma once

#include <cstdint>

namespace sluice::domain {

struct ClientCap {
    std::uint32_t most = 0; // distinct addresses on a node; 0 is no cap
    bool replace = false;   // one more: the oldest one is cut; else it is refused
    friend bool operator==(const ClientCap&, const ClientCap&) = default;
};

inline constexpr std::uint32_t most_clients = 100'000;

// Both hold: the smaller one.
inline ClientCap smaller(const ClientCap& a, const ClientCap& b)
{
    if (a.most == 0) return b;
    return b.most == 0 || a.most <= b.most ? a : b;
}

} // namespace sluice::domain
