// The panel's end of its nodes: one session per connected node drives the same conversation wherever the node runs. Plans go out when they change; what
// the node measured comes in and is booked. Knows nothing of how a node is reached; that is behind NodeEndpoint.
//
// Nothing here has a thread of its own per node: what a session has to do runs on a small pool, one step of a session at a time.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "hub/pool.hpp"
#include "hub/upgrades.hpp"
#include "link/messages.hpp"
#include "panel/node_gateway.hpp"
#include "panel/panel.hpp"
#include "plan/plan.hpp"
#include "plan/report.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace sluice::hub {

// A connected node as the hub speaks to it. Thread-safe, and every call returns at once; what the node answers comes back through its Session. A node that
// is gone swallows what it is told.
class NodeEndpoint {
public:
    virtual ~NodeEndpoint() = default;
    virtual void apply(plan::Plan plan) = 0;
    // The panel has booked this report and all before it; counters of `forgotten` forwards may go.
    virtual void booked(std::uint64_t sequence, std::vector<ForwardId> forgotten) = 0;
    virtual void watch(Milliseconds sample_every) = 0;
    // `done` is called once, from any thread, or never when the node is lost.
    using Probed = std::function<void(std::vector<plan::TcpPingResult>)>;
    virtual void probe(std::vector<plan::TcpPingRequest> requests, Milliseconds deadline, Probed done) = 0;
    // What programs it can become: absent when it cannot.
    virtual std::optional<std::string> upgradable_architecture() const { return std::nullopt; }
    virtual void tell(const link::Message&) {} // of an upgrade
    // The hub lets go of the node. What the node still had to say has been given to its session when this returns.
    virtual void dismiss(link::Farewell reason) = 0;
    // How a node that was dismissed attaches again under an id that is given then; empty when it comes back by itself.
    virtual std::function<void(NodeId)> way_back() { return {}; }
};

class Session;

// Thread-safe.
class Hub final : public panel::NodeGateway {
public:
    // How often a host is measured.
    static constexpr Milliseconds sample_watched{2'000};
    static constexpr Milliseconds sample_unwatched{60'000};

    explicit Hub(panel::Panel& panel, unsigned threads = 4);
    ~Hub() override; // detaches all

    // The node is connected: it gets the committed plan and is online when it has answered. A session that the node had before is dismissed with `farewell`
    // and finished first. Not from a step of a session.
    std::shared_ptr<Session> attach(NodeId node, std::shared_ptr<NodeEndpoint> endpoint, link::Farewell farewell = link::Farewell::replaced);
    // Dismisses the node, works off what it said last, marks it offline. An unknown node is fine.
    void detach(NodeId node, link::Farewell farewell = link::Farewell::stopping);
    // Dismisses every node, works off what they said last, marks them offline.
    void detach_all();
    // Once a second: whether somebody watches, and what failed and is tried again.
    void tick();

    void plan_changed(std::span<const NodeId> nodes) override;
    Result<plan::Applied> converge(NodeId node, std::uint64_t revision, Milliseconds deadline) override;
    bool online(NodeId node) const override;
    std::function<void(NodeId)> let_go(NodeId node) override;
    void removed(NodeId node) override;
    std::vector<Result<plan::TcpPingResult>> probe(const std::vector<ProbeJob>& jobs, Milliseconds deadline) override;
    std::vector<Result<std::string>> upgrade(const std::vector<NodeId>& nodes, const OfferFor& offer_for, Milliseconds deadline) override;
    Upgrades& upgrades() { return upgrades_; } // what nodes say about theirs

private:
    std::shared_ptr<Session> find(NodeId node) const;
    std::vector<std::shared_ptr<Session>> all() const;

    panel::Panel& panel_;
    mutable std::mutex mutex_; // guards sessions_ and stopping_
    std::unordered_map<NodeId, std::shared_ptr<Session>> sessions_;
    bool stopping_ = false;
    std::atomic<bool> watched_{false};
    Upgrades upgrades_;
    Pool pool_; // last: its threads use everything above
};

} // namespace sluice::hub
