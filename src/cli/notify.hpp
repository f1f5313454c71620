// Tells the service manager how the process is (sd_notify(3)), without its library. Silent when nobody listens.
#pragma once

#include "base/time.hpp"
#include "cli/options.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace sluice::cli {

class Notifier {
public:
    // NOTIFY_SOCKET (a path, or "@name" in the abstract namespace), WATCHDOG_USEC and WATCHDOG_PID.
    explicit Notifier(const Environment& environment);

    void ready(std::string_view status) const; // also ends a reload
    void reloading() const;                    // with the monotonic time, as Type=notify-reload wants it
    void stopping() const;
    // Another process of this service is the main one from now on. Returns when the manager has read it, so that this process may end.
    void main_process(pid_t process) const;
    bool heard() const { return !socket_.empty(); } // a service manager listens
    void status(std::string_view text) const;
    void watchdog() const;

    // How often watchdog() has to be called: half of what the service manager allows. Absent when it does not watch this process.
    std::optional<Milliseconds> watchdog_every() const { return watchdog_every_; }

private:
    void send(const std::string& message, int descriptor = -1) const;

    std::string socket_;
    std::optional<Milliseconds> watchdog_every_;
};

} // namespace sluice::cli
