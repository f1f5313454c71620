// The two programs that a node ever starts: a candidate that shows what it is, and the successor that takes over. Both are Sluice, signed by the panel or
// installed on this machine.
#pragma once

#include "base/result.hpp"

#include <atomic>
#include <chrono>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace sluice::agent {

// What it writes to its output until it ends well. Errors: unavailable "program" (does not start, ends badly, writes too much), timeout "program"; words for
// people in args[0].
// `give_up` set: as if the time were over.
Result<std::string> output_of(const std::string& program, const std::vector<std::string>& arguments, std::chrono::milliseconds within,
                              const std::atomic<bool>& give_up);

struct Start {
    std::string program;
    std::vector<std::string> arguments;
    std::vector<std::pair<std::string, std::string>> variables; // set in its environment; an empty value: not there
    int descriptor = -1;                                        // left open for it, under the same number
    bool sibling = false;                                       // a child of our parent, which notices when it ends
};
Result<pid_t> start_process(const Start& start); // unavailable "program"

} // namespace sluice::agent
