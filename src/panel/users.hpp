// Users as administrators manage them. Signing in and sessions: accounts.hpp.
#pragma once

#include "base/result.hpp"
#include "base/secret.hpp"
#include "domain/user.hpp"
#include "panel/actor.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace sluice::panel {

struct Context;

inline constexpr std::size_t longest_user_name = 100; // bytes

struct UserDraft {
    std::string name;
    std::optional<Secret> password; // required when made; absent in an update keeps the old one
    bool enabled = true;
    domain::Allowance allowance;
    domain::Patch<std::uint32_t> max_connections; // caps; absent: none, or as before
    domain::Patch<std::uint32_t> max_clients;
    domain::Patch<bool> replace_clients;
    std::optional<std::vector<UserGroupId>> groups; // to be in; absent in an update: as before. Groups that do not exist are left out
};

class Users {
public:
    explicit Users(Context& context) : context_(context) {}

    Result<std::vector<domain::User>> list(const Actor& actor); // regular users, by id
    // Errors: invalid "user.credentials" (name or password empty), "user.name_length", conflict "user.name".
    Result<UserId> create(const Actor& actor, const UserDraft& draft);
    // Copies the allowance to all of the user's assignments. Disabling ends his sessions and pauses his forwards; a new password ends his
    // sessions. Errors: invalid "user.name", not_found "user", forbidden "user.admin", conflict "user.name".
    Result<void> update(const Actor& actor, UserId id, const UserDraft& draft);
    Result<void> remove(const Actor& actor, UserId id);        // with forwards and assignments; not_found "user", forbidden "user.admin"
    Result<void> reset_traffic(const Actor& actor, UserId id); // the user and all his assignments; an unknown id is fine
    Result<void> reset_assignment_traffic(const Actor& actor, AssignmentId id); // an unknown id is fine

private:
    Context& context_;
};

} // namespace sluice::panel
