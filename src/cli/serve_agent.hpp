// A node without a panel in its process: it forwards what --forward says, or what the panel that it is enrolled at says.
#pragma once

#include "agent/upgrader.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "cli/notify.hpp"
#include "cli/serve.hpp"
#include "cli/signals.hpp"

#include <memory>

namespace sluice::cli {

// The exit code, as serve(). `lock`: of the data directory.
int serve_agent(const Options& options, const Clock& clock, SignalWaiter& signals, const Notifier& notifier, const Environment& environment,
                const RereadOptions& reread, int lock, std::unique_ptr<agent::Succession> succession);

// When another process of this node started this one to take over; absent: nobody did. Errors: those of agent::Succession.
Result<std::unique_ptr<agent::Succession>> begin_succession(const Options& options);

} // namespace sluice::cli
