// What the panel needs of its nodes. `hub` implements it, for the local node and for remote ones alike.
#pragma once

#include "base/id.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "plan/probe.hpp"
#include "plan/report.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace sluice::panel {

// All functions are thread-safe. None is called while a transaction is open.
class NodeGateway {
public:
    virtual ~NodeGateway() = default;

    // The committed wish of these nodes changed; they are told soon. Returns at once.
    virtual void plan_changed(std::span<const NodeId> nodes) = 0;

    // Waits until the node has applied at least `revision` and returns its answer for that plan. Errors: node_offline (at once),
    // timeout.
    virtual Result<plan::Applied> converge(NodeId node, std::uint64_t revision, Milliseconds deadline) = 0;

    virtual bool online(NodeId node) const = 0;

    // The node is about to get another id: its session books what it counted and ends. What is returned attaches the node again, under the id given to
    // it; empty when nobody was attached. The node itself goes on forwarding meanwhile.
    virtual std::function<void(NodeId)> let_go(NodeId) { return {}; }

    // The node was deleted: its session ends, and it is told to stop forwarding. A gateway that has no sessions has nothing to do.
    virtual void removed(NodeId) {}

    struct ProbeJob {
        NodeId node;
        plan::TcpPingRequest request;
    };
    // Runs all probes in parallel under one deadline; answers in the order of the jobs. Errors per job: node_offline, timeout.
    virtual std::vector<Result<plan::TcpPingResult>> probe(const std::vector<ProbeJob>& jobs, Milliseconds deadline) = 0;
};

} // namespace sluice::panel
