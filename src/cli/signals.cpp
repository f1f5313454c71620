#include "cli/signals.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <limits>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <system_error>
#include <unistd.h>

namespace sluice::cli {

namespace {

int checked(int descriptor, const char* what)
{
    if (descriptor < 0) throw std::system_error(errno, std::generic_category(), what);
    return descriptor;
}

} // namespace

SignalWaiter::SignalWaiter()
{
    sigset_t wanted;
    sigemptyset(&wanted);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&wanted, signal);
    ::pthread_sigmask(SIG_BLOCK, &wanted, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    signals_ = checked(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd");
    requests_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (requests_ < 0) {
        const int problem = errno;
        ::close(signals_);
        throw std::system_error(problem, std::generic_category(), "eventfd");
    }
}

SignalWaiter::~SignalWaiter()
{
    ::close(signals_);
    ::close(requests_);
}

std::optional<Wish> SignalWaiter::wait(Milliseconds at_most)
{
    const auto until = std::chrono::steady_clock::now() + at_most;
    for (;;) {
        const auto left = std::chrono::ceil<Milliseconds>(until - std::chrono::steady_clock::now()).count();
        std::array<pollfd, 2> watched{{{signals_, POLLIN, 0}, {requests_, POLLIN, 0}}};
        const int ready =
            ::poll(watched.data(), watched.size(), static_cast<int>(std::clamp<std::int64_t>(left, 0, std::numeric_limits<int>::max())));
        if (ready < 0 && errno == EINTR) continue;
        if (ready <= 0) return std::nullopt;
        if (watched[1].revents != 0) return requested_; // stays readable: once asked to stop is asked for good
        signalfd_siginfo caught{};
        if (::read(signals_, &caught, sizeof caught) != static_cast<ssize_t>(sizeof caught)) continue;
        return caught.ssi_signo == SIGHUP ? Wish::reload : Wish::stop;
    }
}

void SignalWaiter::request_stop()
{
    requested_ = Wish::stop;
    request_restart();
}

void SignalWaiter::request_restart()
{
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(requests_, &one, sizeof one);
}

} // namespace sluice::cli
