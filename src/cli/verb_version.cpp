#include "cli/verbs.hpp"

#include <iostream>

namespace sluice::cli {

int run_version(const Options&)
{
#if defined(__x86_64__)
    constexpr const char* architecture = "amd64";
#elif defined(__aarch64__)
    constexpr const char* architecture = "arm64";
#else
    #error "name this architecture as Debian does"
#endif
    std::cout << "sluice " SLUICE_VERSION " linux-" << architecture << std::endl;
    return std::cout ? exit_ok : exit_failed;
}

} // namespace sluice::cli
