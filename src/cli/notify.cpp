#include "cli/notify.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <ctime>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace sluice::cli {

namespace {

std::string value_of(const Environment& environment, const char* name)
{
    const auto found = environment.find(name);
    return found == environment.end() ? std::string{} : found->second;
}

} // namespace

Notifier::Notifier(const Environment& environment) : socket_(value_of(environment, "NOTIFY_SOCKET"))
{
    if (socket_.empty() || (socket_.front() != '/' && socket_.front() != '@')) socket_.clear();
    const auto allowed = parse_int(value_of(environment, "WATCHDOG_USEC"));
    const auto process = parse_int(value_of(environment, "WATCHDOG_PID"));
    if (!allowed || *allowed <= 0 || socket_.empty() || (process && *process != ::getpid())) return;
    watchdog_every_ = std::max(Milliseconds{1}, std::chrono::duration_cast<Milliseconds>(std::chrono::microseconds{*allowed / 2}));
}

void Notifier::ready(std::string_view status) const { send("READY=1\nSTATUS=" + std::string{status}); }
void Notifier::stopping() const { send("STOPPING=1\nSTATUS=stopping"); }
void Notifier::status(std::string_view text) const { send("STATUS=" + std::string{text}); }
void Notifier::watchdog() const { send("WATCHDOG=1"); }

void Notifier::reloading() const
{
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now.tv_sec * 1'000'000 + now.tv_nsec / 1'000));
}

void Notifier::send(const std::string& message) const
{
    if (socket_.empty()) return;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket_.size() >= sizeof address.sun_path) return;
    std::memcpy(address.sun_path, socket_.data(), socket_.size());
    if (socket_.front() == '@') address.sun_path[0] = '\0';
    const int sender = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (sender < 0) return;
    // Nothing depends on the answer: a service manager that does not listen finds out by its own deadlines.
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
    [[maybe_unused]] const auto sent =
        ::sendto(sender, message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT, reinterpret_cast<const sockaddr*>(&address), length);
    ::close(sender);
}

} // namespace sluice::cli
