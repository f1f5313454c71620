// What a machine proves itself with: an Ed25519 key in a file, and the TLS 1.3 context made of it. Both ends of a link or of a tunnel's
// carrier show a throw-away certificate of their key, and each accepts only keys that it was told: no authority, no names, no dates.
#pragma once

#include "base/fingerprint.hpp"
#include "base/result.hpp"

#include <memory>
#include <string>
#include <string_view>

struct evp_pkey_st;
struct ssl_ctx_st;

namespace sluice::net {

class Identity {
public:
    // Reads the key, or makes one and stores it (PKCS #8 PEM, mode 0600). Errors: unavailable "file", invalid "identity" (the file is
    // there but is no Ed25519 key: it is never replaced, for others know the old one).
    static Result<Identity> load_or_create(const std::string& path);
    static Identity make(); // throws std::runtime_error when OpenSSL fails, which is a bug

    const Fingerprint& fingerprint() const { return fingerprint_; }
    std::string public_key() const; // SubjectPublicKeyInfo in DER: what the fingerprint is made of
    std::string sign(
        std::string_view text) const; // Ed25519 (RFC 8032), 64 bytes; what is signed says what it is, so that it cannot mean something else

    // For both roles: TLS 1.3 only, this key's certificate, the peer must show one. Use it with TlsSession, which checks whose it is.
    const std::shared_ptr<ssl_ctx_st>& context() const { return context_; }

private:
    static Identity of(std::shared_ptr<evp_pkey_st> key);

    std::shared_ptr<evp_pkey_st> private_;
    Fingerprint fingerprint_;
    std::shared_ptr<ssl_ctx_st> context_;
};

Fingerprint fingerprint_of(evp_pkey_st* key);

// Whether the owner of the key with this fingerprint signed the text. `public_key` as Identity::public_key() gives it; nothing of it is trusted.
bool signed_by(const Fingerprint& who, std::string_view public_key, std::string_view text, std::string_view signature);

} // namespace sluice::net
