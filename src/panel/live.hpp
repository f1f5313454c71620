// What nodes say right now, kept in memory: results per forward, host samples, rates. Fed by the hub, read by services and by live feeds. Nothing here
// survives a restart, and nothing needs to.
#pragma once

#include "base/id.hpp"
#include "base/time.hpp"
#include "plan/release.hpp"
#include "plan/report.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

namespace sluice::panel {

struct ForwardRates {
    double up = 0; // bytes per second
    double down = 0;
    std::uint32_t connections = 0;
};

struct LiveEvent {
    enum class Kind { node_online, node_offline, host_sample, rates, upgrade };
    Kind kind = Kind::rates;
    NodeId node;
};

// Thread-safe.
class Live {
public:
    using Listener = std::function<void(const LiveEvent&)>; // called without a lock held; must not block

    void node_online(NodeId node);
    void node_offline(NodeId node);
    void applied(NodeId node, const plan::Applied& applied);
    void sample(NodeId node, const plan::HostSample& sample);
    // Absolute counters of a node; rates come from the difference to the previous call and the steady time between them.
    void counters(NodeId node, const std::vector<plan::ForwardCounters>& counters, SteadyTime now);

    void upgrade(NodeId node, const plan::UpgradeState& state);

    bool online(NodeId node) const;
    std::optional<plan::UpgradeState> upgrade(NodeId node) const; // the newest that it said
    std::optional<plan::HostSample> sample(NodeId node) const;
    std::optional<plan::ForwardResult> result(NodeId node, ForwardId forward) const;
    ForwardRates rates(ForwardId forward) const; // summed over nodes
    std::unordered_map<ForwardId, ForwardRates> all_rates() const;

    int subscribe(Listener listener); // returns a handle for unsubscribe
    void unsubscribe(int handle);
    bool watched() const; // whether anybody subscribed: telemetry runs every two seconds then, else once a minute

private:
    struct NodeState {
        bool online = false;
        std::uint64_t revision = 0;
        std::optional<plan::HostSample> host;
        std::optional<plan::UpgradeState> upgrade;
        std::unordered_map<ForwardId, plan::ForwardResult> results;
        std::unordered_map<ForwardId, plan::ForwardCounters> last;
        std::unordered_map<ForwardId, ForwardRates> rates;
        SteadyTime counted{};
    };
    void publish(const LiveEvent& event);

    mutable std::mutex mutex_; // guards everything below
    std::unordered_map<NodeId, NodeState> nodes_;
    std::map<int, Listener> listeners_;
    int next_handle_ = 1;
};

} // namespace sluice::panel
