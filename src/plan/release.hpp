// A program that a panel offers to its nodes, and what a node says while it becomes that program. Part of the panel-node contract.
#pragma once

#include "base/result.hpp"

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::plan {

// What the panel signs. A node takes the program only if everything here is true of it, and if it was issued after what it took last: so an old one
// cannot be sold as new.
struct Release {
    std::string version;
    std::string architecture; // "amd64"
    std::uint64_t size = 0;
    std::string sha256;      // 64 lower-case hex digits
    std::int64_t issued = 0; // milliseconds since 1970
    friend bool operator==(const Release&, const Release&) = default;
};

inline constexpr std::uint64_t largest_program = std::uint64_t{256} * 1024 * 1024;
inline constexpr std::size_t longest_release = 1024;

// The text that is signed: one fact a line, always in the same order. What was read is written in the same bytes.
std::string to_text(const Release& release);
Result<Release> parse_release(std::string_view text); // invalid "release"

// "0.1.0", "v2.1.4", "1.0.0-beta.2": letters, digits and . - + _, at most 64, with a digit.
bool is_version(std::string_view text);
// By numbers; a suffix ("-beta") is older than none. Equal: neither is newer, though their texts may differ ("1.0" and "v1.0.0").
std::strong_ordering compare_versions(std::string_view a, std::string_view b);
// Digits and dots with at least one dot (FLVX contract 5.3); everything else is for those who try things.
bool is_stable(std::string_view version);

enum class UpgradeStage {
    downloading,
    verifying,
    installing, // the successor is tried, and takes over
    done,
    failed,
    other, // from a newer version
};
std::string_view to_text(UpgradeStage stage);

struct UpgradeState {
    std::uint64_t id = 0; // of the order
    UpgradeStage stage = UpgradeStage::other;
    std::uint32_t percent = 0;
    std::string version; // what runs when it is done
    std::string detail;  // why it failed, in words for a log
    friend bool operator==(const UpgradeState&, const UpgradeState&) = default;
};

} // namespace sluice::plan
