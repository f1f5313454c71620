#include "forward/targets.hpp"

#include "base/random.hpp"

#include <algorithm>
#include <cerrno>

namespace sluice::forward {

namespace {

constexpr std::size_t most_candidates = 8;
constexpr Milliseconds datagram_pause{5'000};

// FNV-1a over the client's address and the target's name: rendezvous hashing keeps a client on its target when others come and go.
std::uint64_t weight(const IpAddress& client, const HostPort& target)
{
    std::uint64_t hash = 14695981039346656037ULL;
    const auto mix = [&hash](std::uint8_t byte) { hash = (hash ^ byte) * 1099511628211ULL; };
    for (const auto byte : client.bytes()) mix(byte);
    for (const char c : target.host) mix(static_cast<std::uint8_t>(c));
    mix(static_cast<std::uint8_t>(target.port));
    mix(static_cast<std::uint8_t>(target.port >> 8U));
    hash ^= hash >> 33U;
    hash *= 0xff51afd7ed558ccdULL;
    return hash ^ hash >> 33U;
}

} // namespace

bool is_targets_doing(int problem)
{
    switch (problem) {
    case ECONNREFUSED:
    case ECONNRESET:
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case ENETUNREACH: return true;
    default: return false;
    }
}

Trouble trouble_of(int problem) { return problem == ECONNREFUSED || problem == ECONNRESET ? Trouble::refused : Trouble::silent; }

Target::Target(HostPort name, plan::IpPreference preference, std::string egress)
    : name_(std::move(name)), preference_(preference), egress_(std::move(egress))
{
    if (const auto address = IpAddress::parse(name_.host)) {
        literal_ = true;
        resolve_tried_ = true;
        addresses_ = {Endpoint{*address, name_.port}};
    }
}

std::vector<Endpoint> Target::addresses() const
{
    const std::lock_guard lock(mutex_);
    return addresses_;
}

void Target::set_addresses(std::vector<Endpoint> addresses)
{
    const std::lock_guard lock(mutex_);
    addresses_ = std::move(addresses);
}

void Target::mark_down(Trouble why) { trouble_.store(why, std::memory_order_relaxed); }

void Target::mark_up() { trouble_.store(Trouble::none, std::memory_order_relaxed); }

void Target::refused_datagram(SteadyTime now) { avoid_until_.store((now + datagram_pause).time_since_epoch().count(), std::memory_order_relaxed); }

bool Target::avoid_for_datagrams(SteadyTime now) const
{
    return trouble_.load(std::memory_order_relaxed) == Trouble::silent ||
           now.time_since_epoch().count() < avoid_until_.load(std::memory_order_relaxed);
}

std::vector<Candidate> TargetSet::order(const IpAddress& client) const
{
    return order_by(client, most_candidates, [](const TargetPtr& target) { return target->down(); });
}

std::vector<Candidate> TargetSet::order_for_datagrams(const IpAddress& client, SteadyTime now) const
{
    return order_by(client, 1, [now](const TargetPtr& target) { return target->avoid_for_datagrams(now); });
}

template <class IsDown>
std::vector<Candidate> TargetSet::order_by(const IpAddress& client, std::size_t limit, IsDown is_down) const
{
    std::vector<TargetPtr> sorted = targets_;
    if (sorted.size() > 1) {
        const auto healthy_first = [&] {
            return std::stable_partition(sorted.begin(), sorted.end(), [&](const TargetPtr& target) { return !is_down(target); });
        };
        switch (pick_) {
        case plan::Pick::first: break;
        case plan::Pick::round_robin: {
            // Turns are taken among the healthy ones, else the target after a dead one would get twice its share.
            const auto healthy = healthy_first() - sorted.begin();
            const auto among = healthy > 0 ? healthy : static_cast<std::ptrdiff_t>(sorted.size());
            const auto turn = static_cast<std::ptrdiff_t>(turn_.fetch_add(1, std::memory_order_relaxed)) % among;
            std::rotate(sorted.begin(), sorted.begin() + turn, sorted.begin() + among);
            break;
        }
        case plan::Pick::random:
            for (std::size_t i = sorted.size() - 1; i > 0; --i) std::swap(sorted[i], sorted[random_below(i + 1)]);
            break;
        case plan::Pick::source_hash:
            std::sort(sorted.begin(), sorted.end(),
                      [&](const TargetPtr& a, const TargetPtr& b) { return weight(client, a->name()) > weight(client, b->name()); });
            break;
        case plan::Pick::least_connections: {
            // Read once: the numbers move while they are compared.
            std::vector<std::pair<std::uint32_t, TargetPtr>> loads;
            for (auto& target : sorted) loads.emplace_back(target->open.load(std::memory_order_relaxed), target);
            std::stable_sort(loads.begin(), loads.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
            for (std::size_t i = 0; i < sorted.size(); ++i) sorted[i] = std::move(loads[i].second);
            break;
        }
        }
        healthy_first();
    }
    std::vector<Candidate> candidates;
    for (const auto& target : sorted) {
        for (const auto& address : target->addresses()) {
            if (candidates.size() == limit) return candidates;
            candidates.push_back({target, address});
        }
    }
    return candidates;
}

} // namespace sluice::forward
