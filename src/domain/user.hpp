// People who sign in, and what they may use.
#pragma once

#include "base/bytes.hpp"
#include "base/id.hpp"
#include "base/time.hpp"
#include "domain/client_cap.hpp"
#include "domain/patch.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace sluice::domain {

enum class Role { admin, regular };

// What somebody may use, in total (a user) or on one tunnel (an assignment).
struct Allowance {
    ByteCount quota;                 // billed bytes; 0 is nothing, not unlimited
    std::int64_t max_forwards = 0;   // 0 and 99999 are unlimited (FLVX contract 4.2)
    std::optional<WallTime> expires; // absent: never
    int reset_day = 0;               // day of month on which `used` returns to zero, 1..31; 0 is never
    friend bool operator==(const Allowance&, const Allowance&) = default;
};

// What an administrator caps of all of a user's forwards, whatever they say themselves. Each node counts by itself.
struct UserCaps {
    std::uint32_t max_connections = 0; // over all of them together; 0 is no cap
    ClientCap clients;                 // of each of them
    friend bool operator==(const UserCaps&, const UserCaps&) = default;
};

struct User {
    UserId id;
    std::string uuid;
    std::string name; // login name, unique
    Role role = Role::regular;
    bool enabled = true;
    Allowance allowance;
    Traffic used; // billed, since the last reset
    bool must_change_password = false;
    UserCaps caps;
    WallTime created;
    std::optional<WallTime> updated;
};

// The right of one user to one tunnel. The pair is unique; assigning again keeps the id.
struct Assignment {
    AssignmentId id;
    UserId user;
    TunnelId tunnel;
    std::optional<SpeedLimitId> speed_limit;
    Allowance allowance;
    Traffic used;
    bool enabled = true;
};

struct AllowancePatch {
    Patch<ByteCount> quota;
    Patch<std::int64_t> max_forwards;
    Patch<std::optional<WallTime>> expires;
    Patch<int> reset_day;
};

struct AssignmentPatch {
    AllowancePatch allowance;
    Patch<std::optional<SpeedLimitId>> speed_limit;
    Patch<bool> enabled;
};

// One hour of a user's billed traffic.
struct HourlyFlow {
    std::int64_t id = 0;
    UserId user;
    ByteCount flow;  // since the row before
    ByteCount total; // the user's counter then
    WallTime hour;   // the full hour at which it was taken, so the end of the hour that it tells about
};

} // namespace sluice::domain
