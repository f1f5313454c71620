// Which program a node's process runs, and what becomes of the process that it was when another one takes over. A node's installed program (a package's, the
// install script's) is never written to: it starts a newer one from DIR/program, which the panel brought.
#pragma once

#include "agent/upgrader.hpp"
#include "cli/notify.hpp"
#include "cli/options.hpp"

#include <memory>
#include <optional>

namespace sluice::cli {

// Whether this process is a node of a panel, which may upgrade itself.
bool can_be_upgraded(const Options& options);

// Becomes the upgraded program when there is one; returns when this one is to run.
void start_upgraded(const Options& options, char** words);

// What this process is, for its successors. `lock` is borrowed.
agent::Self describe_self(const Options& options, const Notifier& notifier, int lock, const agent::Succession* succession);

// Where no service manager follows from one process to the next, the first one stays as what was started: passes signals on, ends when the last of those that
// took over has ended, with its code. Absent: this process is no stand-in.
std::optional<int> stand_in();

} // namespace sluice::cli
