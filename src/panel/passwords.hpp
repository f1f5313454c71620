// Password hashes: argon2id (RFC 9106). At most two run at a time, and few wait, so that guessing cannot occupy the request workers.
#pragma once

#include "base/result.hpp"
#include "base/secret.hpp"

#include <string>

namespace sluice::panel {

// Encoded argon2id, 19 MiB, 2 passes. Errors: rate_limited "password.busy" (args[0]: seconds).
Result<std::string> hash_password(const Secret& password);

// Whether it fits. `stored` is argon2id, or 32 hex digits of an unsalted MD5 (imported users); anything else fits nothing but takes
// as long. Errors: rate_limited "password.busy".
Result<bool> check_password(const Secret& password, const std::string& stored);

bool is_md5(const std::string& stored); // needs a new hash at the next sign-in

} // namespace sluice::panel
