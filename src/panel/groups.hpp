// Groups of users and of tunnels. A permission between the two gives every member of the one an assignment to every member of the other; what a
// permission gave goes with it, with membership, and with the groups (FLVX contract 4.8). Administrators only.
#pragma once

#include "base/result.hpp"
#include "domain/group.hpp"
#include "panel/actor.hpp"
#include "panel/context.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::panel {

// Makes assignments and grants what memberships and permissions say, inside the transaction that changed those: gives what is missing, from the
// user's own allowance, and takes away what was given by a permission that stands no more, with the forwards under it. What was assigned by hand stays.
Revisions reconcile_grants(store::WriteTx& tx, const Context& context, const Actor& actor);

class Groups {
public:
    explicit Groups(Context& context) : context_(context) {}

    Result<std::vector<domain::UserGroup>> user_groups(const Actor& actor);
    Result<std::vector<domain::TunnelGroup>> tunnel_groups(const Actor& actor);
    Result<std::vector<domain::GroupPermission>> permissions(const Actor& actor);
    // A user may ask for himself. An unknown user is in no group.
    Result<std::vector<UserGroupId>> groups_of(const Actor& actor, UserId user);

    // Errors: invalid "group.name" (empty), "group.name_length", conflict "group.name".
    Result<UserGroupId> create_user_group(const Actor& actor, const std::string& name, bool enabled);
    Result<TunnelGroupId> create_tunnel_group(const Actor& actor, const std::string& name, bool enabled);
    Result<void> update(const Actor& actor, UserGroupId id, const std::string& name, bool enabled); // an unknown id is fine
    Result<void> update(const Actor& actor, TunnelGroupId id, const std::string& name, bool enabled);
    Result<void> remove(const Actor& actor, UserGroupId id); // an unknown id is fine
    Result<void> remove(const Actor& actor, TunnelGroupId id);
    // Replaces the members; those that do not exist are left out. Errors: not_found "group".
    Result<void> set_members(const Actor& actor, UserGroupId id, const std::vector<UserId>& users);
    Result<void> set_members(const Actor& actor, TunnelGroupId id, const std::vector<TunnelId>& tunnels);

    Result<void> permit(const Actor& actor, UserGroupId users, TunnelGroupId tunnels); // twice is fine. Errors: not_found "group"
    Result<void> revoke(const Actor& actor, std::int64_t permission);                  // an unknown id is fine

private:
    Context& context_;
};

} // namespace sluice::panel
