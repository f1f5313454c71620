// The token of this dialect: a JWT exactly as FLVX contract 1.6 has it, with one more claim (jti) so that two sign-ins in one second
// differ. Whether it still counts is decided by the session that is registered for its hash.
#pragma once

#include "base/secret.hpp"
#include "base/time.hpp"
#include "domain/user.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::flvx {

inline constexpr std::chrono::hours token_lifetime{24 * 90};

// base64url(header).base64url(payload).base64url(HMAC-SHA256). The payload is ASCII without <>&~?, so that a plain base64 decoder reads it too.
std::string make_token(const Secret& key, const domain::User& user, WallTime now);

// The hash under which a session is registered (32 bytes), when form, signature and expiry are right; else absent.
std::optional<std::string> check_token(const Secret& key, std::string_view token, WallTime now);

std::string token_hash(std::string_view token);

} // namespace sluice::flvx
