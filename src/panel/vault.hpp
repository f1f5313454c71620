// Secrets that must be shown again (node secrets, the signing key), encrypted at rest: AES-256-GCM (NIST SP 800-38D) with a key file
// beside the database. The purpose is bound in, so a value cannot be moved to another place.
#pragma once

#include "base/result.hpp"
#include "base/secret.hpp"

#include <string>
#include <string_view>

namespace sluice::panel {

// `key` has 32 bytes. The result is version byte, 12-byte nonce, ciphertext, 16-byte tag.
std::string seal(const Secret& key, std::string_view purpose, std::string_view plain);

// Errors: internal "vault" (another key, damaged, another purpose).
Result<Secret> unseal(const Secret& key, std::string_view purpose, std::string_view sealed);

// 32 random bytes in `path` (mode 0600), made when missing. Errors: unavailable "file", invalid "vault.key" (wrong length).
Result<Secret> load_or_create_key(const std::string& path);

std::string sha256(std::string_view input);                         // 32 bytes
Result<std::string> sha256_of_file(const std::string& path);        // 64 hex digits; errors: unavailable "file"
std::string hmac_sha256(const Secret& key, std::string_view input); // RFC 2104, 32 bytes
std::string hmac_sha1(const Secret& key, std::string_view input);   // 20 bytes; only for RFC 6238
bool equal_in_constant_time(std::string_view a, std::string_view b);

} // namespace sluice::panel
