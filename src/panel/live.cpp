#include "panel/live.hpp"

#include <algorithm>

namespace sluice::panel {

void Live::publish(const LiveEvent& event)
{
    // Copied first: a listener may unsubscribe, and must not find the lock held.
    std::vector<Listener> listeners;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [handle, listener] : listeners_) listeners.push_back(listener);
    }
    for (const auto& listener : listeners) listener(event);
}

void Live::node_online(NodeId node)
{
    {
        const std::lock_guard lock(mutex_);
        nodes_[node].online = true;
    }
    publish({LiveEvent::Kind::node_online, node});
}

void Live::node_offline(NodeId node)
{
    {
        const std::lock_guard lock(mutex_);
        auto& state = nodes_[node];
        state.online = false;
        state.rates.clear();
        state.host.reset();
    }
    publish({LiveEvent::Kind::node_offline, node});
}

void Live::applied(NodeId node, const plan::Applied& applied)
{
    const std::lock_guard lock(mutex_);
    auto& state = nodes_[node];
    state.revision = applied.revision;
    state.results.clear();
    for (const auto& result : applied.forwards) state.results.emplace(result.id, result);
}

void Live::sample(NodeId node, const plan::HostSample& sample)
{
    {
        const std::lock_guard lock(mutex_);
        nodes_[node].host = sample;
    }
    publish({LiveEvent::Kind::host_sample, node});
}

void Live::upgrade(NodeId node, const plan::UpgradeState& state)
{
    {
        const std::lock_guard lock(mutex_);
        nodes_[node].upgrade = state;
    }
    publish({LiveEvent::Kind::upgrade, node});
}

std::optional<plan::UpgradeState> Live::upgrade(NodeId node) const
{
    const std::lock_guard lock(mutex_);
    const auto found = nodes_.find(node);
    return found == nodes_.end() ? std::nullopt : found->second.upgrade;
}

void Live::counters(NodeId node, const std::vector<plan::ForwardCounters>& counters, SteadyTime now)
{
    {
        const std::lock_guard lock(mutex_);
        auto& state = nodes_[node];
        const double seconds = std::chrono::duration<double>(now - state.counted).count();
        const bool comparable = state.counted != SteadyTime{} && seconds > 0;
        std::unordered_map<ForwardId, plan::ForwardCounters> last;
        std::unordered_map<ForwardId, ForwardRates> rates;
        for (const auto& counter : counters) {
            ForwardRates rate;
            rate.connections = counter.open_connections;
            const auto before = state.last.find(counter.id);
            if (comparable && before != state.last.end() && before->second.epoch == counter.epoch) {
                const auto grown = [&](ByteCount a, ByteCount b) {
                    return static_cast<double>(std::max<std::int64_t>(0, b.value - a.value)) / seconds;
                };
                rate.up = grown(before->second.traffic.up, counter.traffic.up);
                rate.down = grown(before->second.traffic.down, counter.traffic.down);
            }
            rates.emplace(counter.id, rate);
            last.emplace(counter.id, counter);
        }
        state.last = std::move(last);
        state.rates = std::move(rates);
        state.counted = now;
    }
    publish({LiveEvent::Kind::rates, node});
}

bool Live::online(NodeId node) const
{
    const std::lock_guard lock(mutex_);
    const auto found = nodes_.find(node);
    return found != nodes_.end() && found->second.online;
}

std::optional<plan::HostSample> Live::sample(NodeId node) const
{
    const std::lock_guard lock(mutex_);
    const auto found = nodes_.find(node);
    return found == nodes_.end() ? std::nullopt : found->second.host;
}

std::optional<plan::ForwardResult> Live::result(NodeId node, ForwardId forward) const
{
    const std::lock_guard lock(mutex_);
    const auto found = nodes_.find(node);
    if (found == nodes_.end()) return std::nullopt;
    const auto result = found->second.results.find(forward);
    return result == found->second.results.end() ? std::nullopt : std::optional{result->second};
}

ForwardRates Live::rates(ForwardId forward) const
{
    const std::lock_guard lock(mutex_);
    ForwardRates sum;
    for (const auto& [id, state] : nodes_) {
        const auto found = state.rates.find(forward);
        if (found == state.rates.end()) continue;
        sum.up += found->second.up;
        sum.down += found->second.down;
        sum.connections += found->second.connections;
    }
    return sum;
}

std::unordered_map<ForwardId, ForwardRates> Live::all_rates() const
{
    const std::lock_guard lock(mutex_);
    std::unordered_map<ForwardId, ForwardRates> all;
    for (const auto& [id, state] : nodes_) {
        for (const auto& [forward, rate] : state.rates) {
            auto& sum = all[forward];
            sum.up += rate.up;
            sum.down += rate.down;
            sum.connections += rate.connections;
        }
    }
    return all;
}

int Live::subscribe(Listener listener)
{
    const std::lock_guard lock(mutex_);
    listeners_.emplace(next_handle_, std::move(listener));
    return next_handle_++;
}

void Live::unsubscribe(int handle)
{
    const std::lock_guard lock(mutex_);
    listeners_.erase(handle);
}

bool Live::watched() const
{
    const std::lock_guard lock(mutex_);
    return !listeners_.empty();
}

} // namespace sluice::panel
