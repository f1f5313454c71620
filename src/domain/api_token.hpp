// Keys that programs use instead of a password: made by a user for himself, with his rights or fewer.
#pragma once

#include "base/id.hpp"
#include "base/time.hpp"

#include <optional>
#include <string>

namespace sluice::domain {

enum class TokenScope {
    read,     // look at everything that its owner may look at
    forwards, // and change forwards
    nodes,    // and change nodes and tunnels, instead of forwards
    all,      // whatever its owner may do, but for what guards his account: sessions, tokens, password, second factor
};

struct ApiToken {
    TokenId id;
    UserId user;
    std::string name;
    TokenScope scope = TokenScope::read;
    WallTime created;
    std::optional<WallTime> expires; // absent: never
    std::optional<WallTime> last_used;
    std::string address; // that used it last; empty: none
};

} // namespace sluice::domain
