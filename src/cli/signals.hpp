// Signals as values that one thread waits for: SIGTERM and SIGINT ask to stop, SIGHUP to read configuration and certificates again.
#pragma once

#include "base/time.hpp"

#include <optional>

namespace sluice::cli {

enum class Wish { stop, reload };

class SignalWaiter {
public:
    // Blocks the signals in the calling thread and in every thread that it starts later, so make it first. Ignores SIGPIPE. Throws
    // std::system_error when the kernel has no descriptor left.
    SignalWaiter();
    ~SignalWaiter();
    SignalWaiter(const SignalWaiter&) = delete;
    SignalWaiter& operator=(const SignalWaiter&) = delete;

    // The next wish, or nothing when `at_most` has passed.
    std::optional<Wish> wait(Milliseconds at_most);

    // Makes wait() return Wish::stop, from any thread: something that the process cannot live without has ended.
    void request_stop();

private:
    int signals_ = -1;
    int requests_ = -1;
};

} // namespace sluice::cli
