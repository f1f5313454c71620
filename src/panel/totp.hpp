// Codes that change every thirty seconds (RFC 6238 over RFC 4226: HMAC-SHA-1, six digits), as every authenticator application makes them.
#pragma once

#include "base/secret.hpp"
#include "base/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::panel {

std::int64_t totp_step(WallTime time); // thirty seconds each, since the Unix epoch

std::string totp_code(const Secret& secret, std::int64_t step, int digits = 6);

// The step that `code` is of: the present one or a neighbour, and later than `last_step`, so that a code works once. Absent: a wrong code.
std::optional<std::int64_t> matching_step(const Secret& secret, std::string_view code, WallTime now, std::int64_t last_step);

// What an application takes: the secret in base32 (RFC 4648, without padding) and the address with everything in it.
std::string base32(std::string_view bytes);
std::string totp_uri(const Secret& secret, std::string_view site, std::string_view user);

} // namespace sluice::panel
