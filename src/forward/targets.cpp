#include "forward/targets.hpp"

#include "base/random.hpp"

#include <algorithm>

namespace sluice::forward {

namespace {

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

Target::Target(HostPort name, plan::IpPreference preference) : name_(std::move(name)), preference_(preference)
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

void Target::mark_down() { down_.store(true, std::memory_order_relaxed); }

void Target::mark_up() { down_.store(false, std::memory_order_relaxed); }

std::vector<Candidate> TargetSet::order(const IpAddress& client, std::size_t limit) const
{
    std::vector<TargetPtr> sorted = targets_;
    if (sorted.size() > 1) {
        switch (pick_) {
        case plan::Pick::first: break;
        case plan::Pick::round_robin: {
            // Turns are taken among the healthy ones, else the target after a dead one would get twice its share.
            std::stable_partition(sorted.begin(), sorted.end(), [](const TargetPtr& target) { return !target->down(); });
            const auto healthy =
                static_cast<std::size_t>(std::count_if(sorted.begin(), sorted.end(), [](const TargetPtr& target) { return !target->down(); }));
            const auto among = healthy > 0 ? healthy : sorted.size();
            const auto turn = turn_.fetch_add(1, std::memory_order_relaxed) % among;
            std::rotate(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(turn), sorted.begin() + static_cast<std::ptrdiff_t>(among));
            break;
        }
        case plan::Pick::random:
            for (std::size_t i = sorted.size() - 1; i > 0; --i) std::swap(sorted[i], sorted[random_below(i + 1)]);
            break;
        case plan::Pick::source_hash:
            std::sort(sorted.begin(), sorted.end(),
                      [&](const TargetPtr& a, const TargetPtr& b) { return weight(client, a->name()) > weight(client, b->name()); });
            break;
        case plan::Pick::least_connections:
            std::vector<std::pair<std::uint32_t, TargetPtr>> loads;
            for (auto& target : sorted) loads.emplace_back(target->open.load(std::memory_order_relaxed), target);
            std::stable_sort(loads.begin(), loads.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
            for (std::size_t i = 0; i < sorted.size(); ++i) sorted[i] = std::move(loads[i].second);
            break;
        }
        std::stable_partition(sorted.begin(), sorted.end(), [](const TargetPtr& target) { return !target->down(); });
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
