// A node without a panel in its process: it forwards what --forward says, or what the panel that it is enrolled at says.
#pragma once

#include "base/time.hpp"
#include "cli/notify.hpp"
#include "cli/serve.hpp"
#include "cli/signals.hpp"

namespace sluice::cli {

// The exit code, as serve().
int serve_agent(const Options& options, const Clock& clock, SignalWaiter& signals, const Notifier& notifier, const Environment& environment,
                const RereadOptions& reread);

} // namespace sluice::cli
