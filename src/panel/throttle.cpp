#include "panel/throttle.hpp"

#include <algorithm>
#include <cstdint>

namespace sluice::panel {

Seconds Throttle::wait_of(const std::string& key, SteadyTime now) const
{
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(key);
    if (found == entries_.end() || found->second.blocked_until <= now) return Seconds{0};
    return std::chrono::ceil<Seconds>(found->second.blocked_until - now);
}

void Throttle::failed(const std::string& key, SteadyTime now)
{
    const std::lock_guard lock(mutex_);
    if (entries_.size() >= policy_.entries && !entries_.contains(key)) {
        std::erase_if(entries_, [&](const auto& item) { return item.second.last + policy_.forgotten_after <= now; });
        // Still full: the entry that was quiet longest makes room.
        if (entries_.size() >= policy_.entries)
            entries_.erase(
                std::min_element(entries_.begin(), entries_.end(), [](const auto& a, const auto& b) { return a.second.last < b.second.last; }));
    }
    auto& entry = entries_[key];
    if (entry.failures > 0 && entry.last + policy_.forgotten_after <= now) entry = {};
    entry.last = now;
    ++entry.failures;
    const int over = entry.failures - policy_.free_failures;
    if (over < 0) return;
    const auto wait = std::min(policy_.longest, Seconds{1LL << std::min(over, 20)});
    entry.blocked_until = now + wait;
}

void Throttle::succeeded(const std::string& key)
{
    const std::lock_guard lock(mutex_);
    entries_.erase(key);
}

std::size_t Throttle::size() const
{
    const std::lock_guard lock(mutex_);
    return entries_.size();
}

std::string throttle_key(const IpAddress& address)
{
    if (!address.is_v6()) return "a:" + address.to_text();
    auto bytes = address.bytes();
    std::fill(bytes.begin() + 8, bytes.end(), std::uint8_t{0});
    return "a:" + IpAddress::from_v6(bytes).to_text() + "/64";
}

} // namespace sluice::panel
