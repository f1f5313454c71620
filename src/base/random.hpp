// Randomness from the kernel. Fit for keys and tokens; throws std::system_error only when the kernel has none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace sluice {

void fill_random(std::span<std::uint8_t> bytes);
std::string random_bytes(std::size_t count);
std::string random_hex(std::size_t bytes);       // 2 * bytes lower-case digits
std::uint64_t random_below(std::uint64_t bound); // uniform in [0, bound); bound > 0
// Readable secret of `length` characters without look-alikes (no 0 O 1 l I).
std::string random_password(std::size_t length);

// Random UUID (RFC 9562 version 4), lower case with dashes.
std::string make_uuid();
bool is_uuid(const std::string& text);

} // namespace sluice
