#include "probe/tcp_ping.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cmath>
#include <condition_variable>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <mutex>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace sluice::probe {

namespace {

using Clock = std::chrono::steady_clock;
using plan::ProbeFault;

constexpr auto relay_patience = std::chrono::milliseconds(1500); // a relay whose target refuses drops its client well within this
constexpr unsigned lookups_left_behind_at_most = 32;
std::atomic<unsigned> lookups_running{0};

ProbeFault fault_of(int problem)
{
    switch (problem) {
    case ECONNRESET: // the peer accepted and let go before we looked
    case EPIPE: return ProbeFault::closed_early;
    case ECONNREFUSED: return ProbeFault::refused;
    case ETIMEDOUT: return ProbeFault::timed_out;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EAFNOSUPPORT:
    case EADDRNOTAVAIL: return ProbeFault::unreachable;
    case EPERM:
    case EACCES: return ProbeFault::not_permitted;
    default: return ProbeFault::other;
    }
}

int remaining_ms(Deadline deadline)
{
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

// A probe's connection: the target keeps no trace of it.
class Connected {
public:
    Connected(int socket, double took) : took_(took), socket_(socket) {}
    Connected(Connected&& other) noexcept : took_(other.took_), socket_(std::exchange(other.socket_, -1)) {}
    Connected& operator=(Connected&&) = delete;
    ~Connected()
    {
        if (socket_ < 0) return;
        const linger now{1, 0};
        ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        ::close(socket_);
    }
    int socket() const { return socket_; }
    double took_ms() const { return took_; }

private:
    double took_;
    int socket_;
};

// Times of the connections that the relay keeps: data or silence is good, an end before the first byte is the target's refusal. All wait
// together, so that many connects cost no more patience than one.
std::vector<double> times_of_kept(const std::vector<Connected>& connections, Deadline deadline)
{
    const auto until = std::min<Deadline>(deadline, Clock::now() + relay_patience);
    std::vector<pollfd> undecided;
    std::vector<bool> kept(connections.size(), true);
    for (const auto& one : connections) undecided.push_back({one.socket(), POLLIN, 0});
    for (std::size_t left = undecided.size(); left > 0;) {
        const int ready = ::poll(undecided.data(), undecided.size(), remaining_ms(until));
        if (ready < 0 && errno == EINTR) continue;
        if (ready <= 0) break;
        for (std::size_t i = 0; i < undecided.size(); ++i) {
            if (undecided[i].fd < 0 || undecided[i].revents == 0) continue;
            char byte = 0;
            const auto got = ::recv(undecided[i].fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
            kept[i] = got > 0 || (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK));
            undecided[i].fd = -1; // decided; poll skips it
            --left;
        }
    }
    std::vector<double> times;
    for (std::size_t i = 0; i < connections.size(); ++i) {
        if (kept[i]) times.push_back(connections[i].took_ms());
    }
    return times;
}

bool sensible(const plan::TcpPingRequest& request)
{
    return !request.target.host.empty() && request.target.port != 0 && request.count >= 1 && request.count <= 20 &&
           request.connect_timeout > Milliseconds{0} && request.connect_timeout <= Milliseconds{60'000} && request.pause >= Milliseconds{0} &&
           request.pause <= Milliseconds{10'000};
}

void summarise(plan::TcpPingResult& result, const std::vector<double>& times, std::uint32_t tried)
{
    result.success = !times.empty();
    result.loss_percent = tried == 0 ? 100 : 100.0 * static_cast<double>(tried - times.size()) / static_cast<double>(tried);
    if (times.empty()) return;
    double sum = 0;
    for (const auto time : times) sum += time;
    result.average_ms = sum / static_cast<double>(times.size());
    result.minimum_ms = *std::min_element(times.begin(), times.end());
    result.maximum_ms = *std::max_element(times.begin(), times.end());
    double jitter = 0;
    for (std::size_t i = 1; i < times.size(); ++i) jitter += std::abs(times[i] - times[i - 1]);
    if (times.size() > 1) result.jitter_ms = jitter / static_cast<double>(times.size() - 1);
}

} // namespace

std::vector<Endpoint> lookup(const HostPort& name, Deadline deadline)
{
    if (const auto literal = IpAddress::parse(name.host)) return {Endpoint{*literal, name.port}};
    struct Answer {
        std::mutex mutex;
        std::condition_variable changed;
        bool done = false;
        std::vector<Endpoint> found;
    };
    const auto answer = std::make_shared<Answer>();
    if (lookups_running.fetch_add(1) >= lookups_left_behind_at_most) {
        --lookups_running;
        return {};
    }
    std::thread([answer, name] {
        std::vector<Endpoint> found;
        addrinfo hints{};
        hints.ai_socktype = SOCK_STREAM;
        addrinfo* list = nullptr;
        if (::getaddrinfo(name.host.c_str(), nullptr, &hints, &list) == 0) {
            for (const auto* item = list; item != nullptr && found.size() < 16; item = item->ai_next) {
                sockaddr_storage storage{};
                std::memcpy(&storage, item->ai_addr, std::min<std::size_t>(item->ai_addrlen, sizeof storage));
                if (auto endpoint = Endpoint::from_sockaddr(storage)) {
                    endpoint->port = name.port;
                    if (std::find(found.begin(), found.end(), *endpoint) == found.end()) found.push_back(*endpoint);
                }
            }
            ::freeaddrinfo(list);
        }
        if (found.empty() && equals_ignoring_case(name.host, "localhost")) found = {Endpoint{IpAddress::from_v4(0x7F000001), name.port}};
        {
            const std::lock_guard lock(answer->mutex);
            answer->found = std::move(found);
            answer->done = true;
            answer->changed.notify_all();
        }
        --lookups_running;
    }).detach();
    std::unique_lock lock(answer->mutex);
    answer->changed.wait_until(lock, deadline, [&] { return answer->done; });
    return answer->done ? answer->found : std::vector<Endpoint>{};
}

int connect_within(const Endpoint& to, const std::string& egress, Deadline deadline, double& took_ms, ProbeFault& fault, std::string& detail)
{
    const auto fail = [&](int socket, int problem) {
        fault = fault_of(problem);
        detail = std::strerror(problem);
        if (socket >= 0) ::close(socket);
        return -1;
    };
    const int socket = ::socket(to.address.is_v6() ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (socket < 0) return fail(-1, errno);
    sockaddr_storage address{};
    if (!egress.empty()) {
        if (const auto local = IpAddress::parse(egress)) {
            const auto length = Endpoint{*local, 0}.to_sockaddr(address, to.address.is_v6());
            if (::bind(socket, reinterpret_cast<const sockaddr*>(&address), length) != 0) return fail(socket, errno);
        } else if (::setsockopt(socket, SOL_SOCKET, SO_BINDTODEVICE, egress.c_str(), static_cast<socklen_t>(egress.size())) != 0) {
            return fail(socket, errno);
        }
    }
    const auto started = Clock::now();
    const auto length = to.to_sockaddr(address);
    if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), length) != 0) {
        if (errno != EINPROGRESS) return fail(socket, errno);
        pollfd one{socket, POLLOUT, 0};
        int ready = 0;
        do {
            ready = ::poll(&one, 1, remaining_ms(deadline));
        } while (ready < 0 && errno == EINTR);
        if (ready <= 0) return fail(socket, ETIMEDOUT);
        int problem = 0;
        socklen_t size = sizeof problem;
        ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &problem, &size);
        if (problem != 0) return fail(socket, problem);
    }
    took_ms = std::chrono::duration<double, std::milli>(Clock::now() - started).count();
    return socket;
}

plan::TcpPingResult tcp_ping(const plan::TcpPingRequest& request, Deadline deadline)
{
    plan::TcpPingResult result;
    result.target = request.target;
    if (!sensible(request)) {
        result.fault = ProbeFault::bad_target;
        result.detail = "outside the limits of a probe";
        return result;
    }
    const auto addresses = lookup(request.target, std::min<Deadline>(deadline, Clock::now() + request.connect_timeout));
    if (addresses.empty()) {
        result.fault = ProbeFault::name_not_found;
        result.detail = "name does not resolve";
        return result;
    }
    std::size_t use = 0; // the first address that works is kept
    result.resolved = addresses[use].address.to_text();
    std::vector<double> times;
    std::vector<Connected> held; // through a listener: until it is known whether the relay keeps them
    std::uint32_t tried = 0;
    for (; tried < request.count; ++tried) {
        if (tried > 0) {
            if (Clock::now() + request.pause >= deadline) break;
            std::this_thread::sleep_for(request.pause);
        }
        const auto until = std::min<Deadline>(deadline, Clock::now() + request.connect_timeout);
        double took = 0;
        int socket = -1;
        do {
            socket = connect_within(addresses[use], request.egress_interface, until, took, result.fault, result.detail);
            if (socket >= 0 || !times.empty() || !held.empty() || use + 1 >= addresses.size()) break;
            ++use;
        } while (Clock::now() < until);
        if (socket < 0) continue;
        result.resolved = addresses[use].address.to_text();
        Connected connection(socket, took);
        if (request.through_listener)
            held.push_back(std::move(connection));
        else
            times.push_back(took);
    }
    if (!held.empty()) {
        times = times_of_kept(held, deadline);
        if (times.size() < held.size()) {
            result.fault = ProbeFault::closed_early;
            result.detail = "the connection was closed before the first byte";
        }
    }
    summarise(result, times, std::max(tried, 1U));
    if (result.loss_percent == 0) {
        result.fault = ProbeFault::none;
        result.detail.clear();
    }
    return result;
}

void in_parallel(std::size_t count, std::size_t threads, const std::function<void(std::size_t)>& work)
{
    std::atomic<std::size_t> next{0};
    std::vector<std::thread> crew;
    for (std::size_t i = 0; i < std::min(count, threads); ++i) {
        crew.emplace_back([&] {
            for (std::size_t mine = next++; mine < count; mine = next++) work(mine);
        });
    }
    for (auto& member : crew) member.join();
}

std::vector<plan::TcpPingResult> tcp_ping_all(const std::vector<plan::TcpPingRequest>& requests, Milliseconds within)
{
    const auto deadline = Clock::now() + within;
    std::vector<plan::TcpPingResult> results(requests.size());
    in_parallel(requests.size(), 32, [&](std::size_t i) { results[i] = tcp_ping(requests[i], deadline); });
    return results;
}

} // namespace sluice::probe
