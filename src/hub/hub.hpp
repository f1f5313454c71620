// The panel's end of its nodes. One session per connected node drives the same conversation wherever the node runs: send the plan of
// the newest revision, take the answer, ask for counters and a host sample, book them. Knows nothing of how a node is reached; that is behind
// NodeEndpoint.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "panel/node_gateway.hpp"
#include "panel/panel.hpp"
#include "plan/plan.hpp"
#include "plan/report.hpp"

#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace sluice::hub {

// A connected node. Calls come from one session thread at a time, except probe(), which may run beside them. Calls may block, but not longer than
// their deadline or a few seconds.
class NodeEndpoint {
public:
    virtual ~NodeEndpoint() = default;
    virtual plan::Applied apply(const plan::Plan& plan) = 0;
    virtual std::vector<plan::ForwardCounters> counters() = 0;
    virtual plan::HostSample sample() = 0;
    // The panel has booked the final counters of forwards that no longer exist; the node may drop them.
    virtual void forget(const std::vector<ForwardId>& forwards) = 0;
    virtual std::vector<plan::TcpPingResult> probe(const std::vector<plan::TcpPingRequest>& requests, Milliseconds deadline) = 0;
};

class Session;

// Thread-safe. Sessions end when they are detached or the hub is destroyed; each books its node's last counters first.
class Hub final : public panel::NodeGateway {
public:
    explicit Hub(panel::Panel& panel);
    ~Hub() override;

    // The node is connected: its session starts, applies the committed plan and marks the node online when that is done.
    // A node that is already attached is detached first.
    void attach(NodeId node, std::shared_ptr<NodeEndpoint> endpoint);
    // Books what the node counted and marks it offline. An unknown node is fine.
    void detach(NodeId node);
    void detach_all();

    void plan_changed(std::span<const NodeId> nodes) override;
    Result<plan::Applied> converge(NodeId node, std::uint64_t revision, Milliseconds deadline) override;
    bool online(NodeId node) const override;
    std::function<void(NodeId)> let_go(NodeId node) override;
    std::vector<Result<plan::TcpPingResult>> probe(const std::vector<ProbeJob>& jobs, Milliseconds deadline) override;

private:
    std::shared_ptr<Session> find(NodeId node) const;

    panel::Panel& panel_;
    mutable std::mutex mutex_; // guards sessions_
    std::unordered_map<NodeId, std::shared_ptr<Session>> sessions_;
};

} // namespace sluice::hub
