#include "cli/notify.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <poll.h>
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

void Notifier::main_process(pid_t process) const
{
    send("MAINPID=" + std::to_string(process));
    // Whose message it was is looked up when it is read, so the sender must still be there: the manager closes what comes with this one when it has read it.
    int ends[2] = {-1, -1};
    if (socket_.empty() || ::pipe2(ends, O_CLOEXEC) != 0) return;
    send("BARRIER=1", ends[1]);
    ::close(ends[1]);
    pollfd one{ends[0], 0, 0};
    ::poll(&one, 1, 5'000);
    ::close(ends[0]);
}

void Notifier::send(const std::string& message, int descriptor) const
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
    iovec body{const_cast<char*>(message.data()), message.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr letter{};
    letter.msg_name = &address;
    letter.msg_namelen = length;
    letter.msg_iov = &body;
    letter.msg_iovlen = 1;
    if (descriptor >= 0) {
        letter.msg_control = control.data();
        letter.msg_controllen = control.size();
        auto* head = CMSG_FIRSTHDR(&letter);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(head), &descriptor, sizeof descriptor);
    }
    [[maybe_unused]] const auto sent = ::sendmsg(sender, &letter, MSG_NOSIGNAL | MSG_DONTWAIT);
    ::close(sender);
}

} // namespace sluice::cli
