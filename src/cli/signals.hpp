// Signals as values that one thread waits for: SIGTERM and SIGINT ask to stop, SIGHUP to read configuration and certificates again.
#pragma once

#include "base/time.hpp"

#include <atomic>
#include <optional>

namespace sluice::cli {

enum class Wish { stop, reload, restart };

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
    // Makes wait() return Wish::restart: end in order, then begin again. A stop that was asked for comes first.
    void request_restart();

private:
    int signals_ = -1;
    int requests_ = -1;
    std::atomic<Wish> requested_{Wish::restart}; // what the request is; a stop is never taken back
};

} // namespace sluice::cli
