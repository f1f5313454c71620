// What the panel needs of its nodes. `hub` implements it, for the local node and for remote ones alike.
#pragma once

#include "base/id.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "plan/probe.hpp"
#include "plan/release.hpp"
#include "plan/report.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
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

    // A program, and the panel's word for it.
    struct Offer {
        std::string path;
        std::uint64_t size = 0;
        std::string release; // the text of a plan::Release
        std::string key;     // that vouches for it
        std::string signature;
    };
    using OfferFor = std::function<Result<Offer>(std::string_view architecture)>;
    // Each of these nodes becomes what is offered for its architecture; without `offer_for`, what it was before its last upgrade. All at a time, under one
    // deadline; answers in the order of the nodes: the version that runs afterwards. Errors per node: node_offline; conflict "upgrade.unsupported" (its
    // version cannot do that), "upgrade.running"; those of `offer_for`; unavailable "upgrade.failed" (it runs as before, args[0] says why); timeout "node".
    virtual std::vector<Result<std::string>> upgrade(const std::vector<NodeId>& nodes, const OfferFor&, Milliseconds)
    {
        return std::vector<Result<std::string>>(nodes.size(), make_error(Errc::node_offline, "node"));
    }

    struct ProbeJob {
        NodeId node;
        plan::TcpPingRequest request;
    };
    // Runs all probes in parallel under one deadline; answers in the order of the jobs. Errors per job: node_offline, timeout.
    virtual std::vector<Result<plan::TcpPingResult>> probe(const std::vector<ProbeJob>& jobs, Milliseconds deadline) = 0;
};

} // namespace sluice::panel
