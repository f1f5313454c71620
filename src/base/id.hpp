// Strong identifiers: a UserId does not compile where a NodeId is meant.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace sluice {

// A database row id. Zero means "none"; stored ids are positive.
template <class Tag>
struct Id {
    std::int64_t value = 0;
    explicit operator bool() const { return value > 0; }
    friend auto operator<=>(Id, Id) = default;
};

using UserId = Id<struct UserTag>;
using NodeId = Id<struct NodeTag>;
using TunnelId = Id<struct TunnelTag>;
using ForwardId = Id<struct ForwardTag>;
using AssignmentId = Id<struct AssignmentTag>;
using SpeedLimitId = Id<struct SpeedLimitTag>;
using UserGroupId = Id<struct UserGroupTag>;
using TunnelGroupId = Id<struct TunnelGroupTag>;
using SessionId = Id<struct SessionTag>;
using TokenId = Id<struct TokenTag>;
using QuotaId = Id<struct QuotaTag>;

} // namespace sluice

template <class Tag>
struct std::hash<sluice::Id<Tag>> {
    std::size_t operator()(sluice::Id<Tag> id) const noexcept { return std::hash<std::int64_t>{}(id.value); }
};
