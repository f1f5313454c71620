// Tokens for programs. The text is shown once, when it is made; what is stored is its SHA-256.
#pragma once

#include "base/result.hpp"
#include "base/secret.hpp"
#include "domain/api_token.hpp"
#include "panel/actor.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::panel {

struct Context;

class ApiTokens {
public:
    explicit ApiTokens(Context& context) : context_(context) {}

    static constexpr std::string_view prefix = "sluice_"; // so that a found token says what it is, and nothing else looks like one
    static constexpr std::size_t most = 50;               // of one user

    Result<std::vector<domain::ApiToken>> list(const Actor& actor); // his own, oldest first

    struct Made {
        TokenId id;
        Secret token;
    };
    // Errors: invalid "token.name" (empty, more than 100 bytes, not UTF-8), "token.expires" (not in the future), conflict "token.count".
    Result<Made> create(const Actor& actor, const std::string& name, domain::TokenScope scope, std::optional<WallTime> expires);
    // Errors: not_found "token" (none of his).
    Result<void> revoke(const Actor& actor, TokenId id);

    // Who asks with this token; his role comes from his row. Errors: unauthenticated "token" (unknown, expired, revoked, its user is gone or switched off),
    // forbidden "admin.address".
    Result<Actor> resolve(const std::string& token, const IpAddress& from);

private:
    Context& context_;
};

} // namespace sluice::panel
