#include "forward/keeper.hpp"

#include "base/log.hpp"
#include "forward/sockets.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sluice::forward {

namespace {

constexpr Milliseconds look_every{250};
constexpr Milliseconds first_backoff{500};
constexpr Milliseconds longest_backoff{3'000};
constexpr Milliseconds probe_deadline{2'000};
constexpr Milliseconds unresolved_pause{3'000};
constexpr std::size_t probes_at_once = 128;

} // namespace

std::vector<Endpoint> resolve(const HostPort& name, plan::IpPreference preference)
{
    std::vector<Endpoint> found;
    if (const auto literal = IpAddress::parse(name.host)) return {Endpoint{*literal, name.port}};
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;
    addrinfo* list = nullptr;
    if (::getaddrinfo(name.host.c_str(), nullptr, &hints, &list) == 0) {
        for (const auto* item = list; item != nullptr; item = item->ai_next) {
            sockaddr_storage storage{};
            std::memcpy(&storage, item->ai_addr, std::min<std::size_t>(item->ai_addrlen, sizeof storage));
            auto endpoint = Endpoint::from_sockaddr(storage);
            if (!endpoint) continue;
            endpoint->port = name.port;
            if (std::find(found.begin(), found.end(), *endpoint) == found.end()) found.push_back(*endpoint);
        }
        ::freeaddrinfo(list);
    }
    // A host without etc/hosts still has itself.
    if (found.empty() && name.host == "localhost") found = {Endpoint{IpAddress::from_v4(0x7F000001), name.port}};
    if (preference != plan::IpPreference::automatic) {
        const bool want_v6 = preference == plan::IpPreference::v6;
        std::stable_partition(found.begin(), found.end(), [&](const Endpoint& endpoint) { return endpoint.address.is_v6() == want_v6; });
    }
    if (found.size() > 8) found.resize(8);
    return found;
}

Keeper::Keeper(const Clock& clock, Milliseconds resolve_every) : clock_(clock), resolve_every_(resolve_every), health_([this] { run(); })
{
    for (unsigned i = 0; i < resolver_threads; ++i) resolvers_.emplace_back([this] { resolver_run(); });
}

Keeper::~Keeper()
{
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        wake_.notify_all();
        resolved_.notify_all();
    }
    health_.join();
    for (auto& thread : resolvers_) thread.join();
}

void Keeper::watch(const std::vector<TargetPtr>& targets)
{
    const std::lock_guard lock(mutex_);
    targets_.assign(targets.begin(), targets.end());
    wake_.notify_all();
}

void Keeper::wait_resolved(const std::vector<TargetPtr>& targets, Milliseconds deadline)
{
    std::unique_lock lock(mutex_);
    resolved_.wait_for(lock, deadline, [&] {
        return stopping_ || std::all_of(targets.begin(), targets.end(), [](const TargetPtr& target) { return target->resolve_tried(); });
    });
}

void Keeper::look_now()
{
    const std::lock_guard lock(mutex_);
    wake_.notify_all();
}

TargetPtr Keeper::next_to_resolve()
{
    const auto now = clock_.steady();
    TargetPtr best;
    for (const auto& weak : targets_) {
        auto target = weak.lock();
        if (!target || target->literal() || target->resolving || target->next_resolve > now) continue;
        if (!target->resolve_tried()) return target; // a new name: somebody waits for it
        if (!best) best = std::move(target);
    }
    return best;
}

void Keeper::resolver_run()
{
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        const auto target = next_to_resolve();
        if (!target) {
            wake_.wait_for(lock, look_every);
            continue;
        }
        target->resolving = true;
        lock.unlock();
        auto found = resolve(target->name(), target->preference());
        lock.lock();
        // A resolver that fails does not take away what it said before.
        if (!found.empty())
            target->set_addresses(std::move(found));
        else if (!target->resolve_tried())
            log::warning("target name does not resolve", {{"target", target->name().to_text()}});
        target->next_resolve = clock_.steady() + (target->addresses().empty() ? unresolved_pause : resolve_every_);
        target->resolving = false;
        target->mark_resolve_tried();
        resolved_.notify_all();
    }
}

void Keeper::run()
{
    for (;;) {
        std::vector<TargetPtr> due;
        {
            std::unique_lock lock(mutex_);
            wake_.wait_for(lock, look_every);
            if (stopping_) return;
            const auto now = clock_.steady();
            for (const auto& weak : targets_) {
                auto target = weak.lock();
                if (!target) continue;
                if (!target->down()) {
                    target->backoff = Milliseconds{0};
                    target->next_probe = {};
                } else if (target->next_probe <= now && due.size() < probes_at_once) {
                    due.push_back(std::move(target));
                }
            }
        }
        if (!due.empty()) probe_down(due);
    }
}

void Keeper::probe_down(const std::vector<TargetPtr>& targets)
{
    struct Probe {
        const TargetPtr& target;
        Descriptor socket;
    };
    std::vector<Probe> probes;
    std::vector<pollfd> polls;
    for (const auto& target : targets) {
        for (const auto& address : target->addresses()) {
            int problem = 0;
            Probe probe{target, open_upstream(Transport::tcp, address, target->egress(), problem)};
            if (!probe.socket) continue;
            polls.push_back({probe.socket.get(), POLLOUT, 0});
            probes.push_back(std::move(probe));
        }
    }
    const auto end = std::chrono::steady_clock::now() + probe_deadline; // real time: these are real connects
    for (;;) {
        const auto left = std::chrono::duration_cast<Milliseconds>(end - std::chrono::steady_clock::now());
        const bool waiting = std::any_of(polls.begin(), polls.end(), [](const pollfd& one) { return one.fd >= 0; });
        if (!waiting || left.count() <= 0) break;
        if (::poll(polls.data(), polls.size(), static_cast<int>(std::min<std::int64_t>(left.count(), 200))) < 0 && errno != EINTR) break;
        for (std::size_t i = 0; i < polls.size(); ++i) {
            if (polls[i].fd < 0 || polls[i].revents == 0) continue;
            int problem = 0;
            socklen_t length = sizeof problem;
            ::getsockopt(polls[i].fd, SOL_SOCKET, SO_ERROR, &problem, &length);
            polls[i].fd = -1;
            if (problem == 0) {
                probes[i].target->mark_up();
                close_with_reset(probes[i].socket); // the target should not have to clean up after a question
            } else if (problem == ECONNREFUSED && probes[i].target->down()) {
                probes[i].target->mark_down(Trouble::refused); // its host is there again
            }
        }
        const std::lock_guard lock(mutex_);
        if (stopping_) return;
    }
    const std::lock_guard lock(mutex_);
    const auto now = clock_.steady();
    for (const auto& target : targets) {
        if (!target->down()) {
            log::info("target answers again", {{"target", target->name().to_text()}});
            continue;
        }
        target->backoff = target->backoff.count() == 0 ? first_backoff : std::min(target->backoff * 2, longest_backoff);
        target->next_probe = now + target->backoff;
    }
}

} // namespace sluice::forward
