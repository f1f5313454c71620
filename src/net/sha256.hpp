// SHA-256 (FIPS 180-4) of a file.
#pragma once

#include "base/result.hpp"

#include <string>

namespace sluice::net {

// 64 lower-case hex digits. Errors: unavailable "file".
Result<std::string> sha256_of_file(const std::string& path);

} // namespace sluice::net
