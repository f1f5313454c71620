// Amounts of traffic. A plain integer never says whether it is bytes, kilobytes or gigabytes; this type does.
#pragma once

#include <compare>
#include <cstdint>

namespace sluice {

struct ByteCount {
    std::int64_t value = 0; // bytes

    friend auto operator<=>(ByteCount, ByteCount) = default;
    friend ByteCount operator+(ByteCount a, ByteCount b) { return {a.value + b.value}; }
    friend ByteCount operator-(ByteCount a, ByteCount b) { return {a.value - b.value}; }
    ByteCount& operator+=(ByteCount other)
    {
        value += other.value;
        return *this;
    }
};

inline constexpr std::int64_t bytes_per_gib = 1024LL * 1024 * 1024;
constexpr ByteCount gibibytes(std::int64_t count) { return {count * bytes_per_gib}; }

// Traffic of one object in both directions, as the client sees it: `up` from the client, `down` to the client.
struct Traffic {
    ByteCount up;
    ByteCount down;

    friend bool operator==(const Traffic&, const Traffic&) = default;
    ByteCount total() const { return up + down; }
    Traffic& operator+=(const Traffic& other)
    {
        up += other.up;
        down += other.down;
        return *this;
    }
};

} // namespace sluice
