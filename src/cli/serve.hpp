// The appliance: wires rooms together, says when it is ready, reloads, and stops in order. The only place where everything meets.
#pragma once

#include "cli/options.hpp"

#include <functional>

namespace sluice::cli {

// The configuration as it is now, for SIGHUP.
using RereadOptions = std::function<Result<Options>()>;

// Not an exit code: the process is to begin again from its start, with the same command line (a restore was decided while it ran).
inline constexpr int restart_wanted = -1;

// Runs until SIGTERM or SIGINT; SIGHUP re-reads configuration and certificates. The exit code: 0 asked to stop, 1 runtime failure, 2 configuration error; or restart_wanted. Says why on stderr.
int serve(const Options& options, const Environment& environment, const RereadOptions& reread);

} // namespace sluice::cli
