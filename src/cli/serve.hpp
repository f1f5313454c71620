// The appliance: wires rooms together, says when it is ready, reloads, and stops in order. The only place where everything meets.
#pragma once

#include "cli/options.hpp"

#include <functional>

namespace sluice::cli {

// The configuration as it is now, for SIGHUP.
using RereadOptions = std::function<Result<Options>()>;

// Runs until SIGTERM or SIGINT; SIGHUP re-reads configuration and certificates. The exit code: 0 asked to stop, 1 runtime failure, 2 configuration error. Says why on stderr.
int serve(const Options& options, const Environment& environment, const RereadOptions& reread);

} // namespace sluice::cli
