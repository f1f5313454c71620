// Who asks. Made once per request by a dialect's gate; services decide by it.
#pragma once

#include "base/address.hpp"
#include "base/id.hpp"
#include "domain/api_token.hpp"
#include "domain/user.hpp"

#include <optional>
#include <string>

namespace sluice::panel {

struct Actor {
    UserId user;
    std::string name;
    domain::Role role = domain::Role::regular;
    IpAddress address;                            // where the request came from, after trusted proxies
    std::optional<domain::TokenScope> scope = {}; // of a token; absent: a person with a session

    bool is_admin() const { return role == domain::Role::admin; }
};

} // namespace sluice::panel
