// Groups of users and of tunnels, and which group of users may use which group of tunnels.
#pragma once

#include "base/id.hpp"
#include "base/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::domain {

// `MemberId` is a UserId or a TunnelId.
template <class GroupId, class MemberId>
struct MemberGroup {
    struct Member {
        MemberId id;
        std::string name;
    };
    GroupId id;
    std::string name;            // unique among its kind
    bool enabled = true;         // stored for clients; it decides nothing (FLVX contract 4.8)
    std::vector<Member> members; // by id
    WallTime created;
    std::optional<WallTime> updated;
};

using UserGroup = MemberGroup<UserGroupId, UserId>;
using TunnelGroup = MemberGroup<TunnelGroupId, TunnelId>;

// Every member of the one may use every member of the other.
struct GroupPermission {
    std::int64_t id = 0;
    UserGroupId users;
    TunnelGroupId tunnels;
    std::string users_name;
    std::string tunnels_name;
    WallTime created;
};

} // namespace sluice::domain
