// What this program was built for.
#pragma once

#include <string_view>

namespace sluice {

// Debian's name of the architecture, as in the names of our downloads.
#if defined(__x86_64__)
inline constexpr std::string_view architecture = "amd64";
#elif defined(__aarch64__)
inline constexpr std::string_view architecture = "arm64";
#else
    #error "no download is named after this architecture"
#endif

} // namespace sluice
