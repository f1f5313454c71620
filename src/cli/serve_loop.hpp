// What every serving process does between "ready" and "stopped".
#pragma once

#include "cli/notify.hpp"
#include "cli/serve.hpp"
#include "cli/signals.hpp"

#include <functional>

namespace sluice::cli {

inline constexpr Milliseconds drain_limit{8'000}; // relays may end by themselves

// Until somebody asks to stop; SIGHUP reads the configuration again and runs `reload` with it. Configuration that is wrong is said and left out. The
// service manager hears that the process lives. True: begin again.
bool until_stopped(SignalWaiter& signals, const Notifier& notifier, const Environment& environment, const RereadOptions& reread,
                   const std::function<void(const Options&)>& reload);

// What a running process cannot change, with the words for the log.
void say_what_needs_a_restart(const Options& running, const Options& wanted);

} // namespace sluice::cli
