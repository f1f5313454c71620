// The node inside the panel's process: the same conversation as with a remote one, without a wire. A thread of its own applies plans and looks at the
// counters, so that the hub never waits for the data plane.
#pragma once

#include "agent/agent.hpp"
#include "agent/reporter.hpp"
#include "hub/hub.hpp"

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace sluice::cli {

class LocalNode final : public hub::NodeEndpoint, public std::enable_shared_from_this<LocalNode> {
public:
    LocalNode(agent::Agent& agent, const Clock& clock); // both outlive this
    ~LocalNode() override;

    void start(hub::Hub& hub, NodeId node);

    void apply(plan::Plan plan) override;
    void booked(std::uint64_t sequence, std::vector<ForwardId> forgotten) override;
    void watch(Milliseconds sample_every) override;
    void probe(std::vector<plan::TcpPingRequest> requests, Milliseconds deadline, Probed done) override;
    void dismiss(link::Farewell reason) override; // reports what was counted until now; start() begins anew
    std::function<void(NodeId)> way_back() override;

private:
    using Task = std::function<void()>;
    void post(Task task);
    void run();

    agent::Agent& agent_;
    const Clock& clock_;
    hub::Hub* hub_ = nullptr;
    std::optional<agent::Reporter> reporter_; // of the thread; a new one per session
    std::shared_ptr<hub::Session> session_;   // set before the thread starts

    std::mutex mutex_; // guards the two below
    std::condition_variable wake_;
    std::vector<Task> tasks_; // bounded by what a session has in flight
    bool stopping_ = false;
    unsigned probing_ = 0; // threads that use the agent
    std::thread thread_;
};

} // namespace sluice::cli
