// Who an end of the link is: an Ed25519 key. Its fingerprint is what the other end knows; certificates are only the paper on which TLS wants to
// see a key, made in memory at each start and valid for all time, so that no clock decides whether a node may talk to its panel.
#pragma once

#include "base/result.hpp"
#include "base/secret.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct evp_pkey_st;
struct ssl_ctx_st;

namespace sluice::link {

// SHA-256 of a public key (its SubjectPublicKeyInfo, RFC 5280), as pinned in an install command.
struct Fingerprint {
    std::array<std::uint8_t, 32> bytes{};

    static Result<Fingerprint> parse(std::string_view text); // "sha256:" and 64 hex digits; invalid "pin"
    static Result<Fingerprint> from_bytes(std::string_view bytes);
    std::string to_text() const; // the same, lower case
    std::string to_bytes() const;
    friend auto operator<=>(const Fingerprint&, const Fingerprint&) = default;
};

Fingerprint fingerprint_of(evp_pkey_st* key);

// Copies share the key. Throws std::runtime_error when OpenSSL fails, which is a bug.
class Identity {
public:
    static Identity make();
    static Result<Identity> from_pem(const Secret& pem); // PKCS #8; invalid "key" (not a key, not Ed25519)

    Secret to_pem() const;
    const Fingerprint& fingerprint() const { return fingerprint_; }
    ssl_ctx_st* context(bool server) const { return server ? server_.get() : client_.get(); } // TLS 1.3 and nothing else, showing this key

private:
    explicit Identity(std::shared_ptr<evp_pkey_st> key);

    std::shared_ptr<evp_pkey_st> key_;
    std::shared_ptr<ssl_ctx_st> server_;
    std::shared_ptr<ssl_ctx_st> client_;
    Fingerprint fingerprint_;
};

// The key in `path` (mode 0600), made when missing. Errors: unavailable "file", invalid "key".
Result<Identity> load_or_make_identity(const std::string& path);

} // namespace sluice::link
