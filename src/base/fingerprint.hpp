// Which key a machine proves: SHA-256 of an Ed25519 public key (its SubjectPublicKeyInfo, RFC 5280). A node is known by it to its panel and to its
// neighbours in a tunnel, a panel to its nodes; no certificate authority is needed. The key itself is net::Identity.
#pragma once

#include "base/result.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice {

struct Fingerprint {
    std::array<std::uint8_t, 32> bytes{}; // all zero: nobody's

    static Result<Fingerprint> parse(std::string_view text);       // "sha256:" and 64 hex digits; errors: invalid "pin"
    static Result<Fingerprint> from_bytes(std::string_view bytes); // 32 of them; errors: invalid "pin"
    std::string to_text() const;                                   // "sha256:" and 64 lower-case hex digits
    std::string to_bytes() const;

    friend auto operator<=>(const Fingerprint&, const Fingerprint&) = default;
};

} // namespace sluice
