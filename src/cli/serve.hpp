// The appliance: wires rooms together, says when it is ready, reloads, and stops in order. The only place where everything meets.
#pragma once

#include "cli/options.hpp"

namespace sluice::cli {

// Runs until SIGTERM or SIGINT. The exit code: 0 asked to stop, 1 runtime failure, 2 configuration error. Says why on stderr.
int serve(const Options& options, const Environment& environment);

} // namespace sluice::cli
