// A node of another panel as the hub sees nodes: its plan goes to that panel as a wish, results and counters come back. One thread for each; it asks every
// second while something moves, else every three.
#pragma once

#include "hub/hub.hpp"
#include "hub/session.hpp"
#include "panel/panel.hpp"
#include "panel/peers.hpp"

#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <vector>

namespace sluice::federation {

class RemoteNode final : public hub::NodeEndpoint, public std::enable_shared_from_this<RemoteNode> {
public:
    RemoteNode(panel::Panel& panel, hub::Hub& hub, NodeId node); // all outlive this
    ~RemoteNode() override;                                      // stopped and joined before

    void start();
    void stop();        // ends as soon as the question under way is answered; does not wait
    void join();        // after stop() or the end
    bool ended() const; // the node was deleted, or stop() has worked

    void apply(plan::Plan plan) override;
    void booked(std::uint64_t sequence, std::vector<ForwardId> forgotten) override;
    void watch(Milliseconds) override {} // another panel's machine is not measured
    void probe(std::vector<plan::TcpPingRequest> requests, Milliseconds deadline, Probed done) override;
    void dismiss(link::Farewell reason) override;

private:
    void run();
    Milliseconds step(); // until the next one
    Milliseconds look(); // at a panel that does not speak our tunnels
    void take(const panel::PeerState& state, bool said_plan);
    void answer(const panel::PeerState& state, bool said_plan);
    void lost(const Error& problem);
    void say_goodbye();

    panel::Panel& panel_;
    hub::Hub& hub_;
    const NodeId node_;

    mutable std::mutex mutex_; // guards the fields below
    std::condition_variable wake_;
    std::shared_ptr<hub::Session> session_; // while the hub has it
    std::optional<plan::Plan> plan_;        // the newest, once the hub has given one
    bool plan_told_ = false;                // that panel took it
    bool news_ = false;                     // since the last step began
    bool stopping_ = false;
    bool removed_ = false;
    bool ended_ = false;
    std::set<ForwardId> forgotten_;
    std::vector<std::future<void>> probes_;

    // Of the thread.
    std::string own_id_;
    panel::PeerAddress last_peer_;   // for last words: the row is gone by then
    std::optional<plan::Plan> said_; // the newest that the other panel answered for
    plan::Applied told_;             // to the session
    std::vector<plan::ForwardCounters> reported_;
    std::uint64_t sequence_ = 0;
    std::uint64_t booked_ = 0; // guarded by mutex_
    SteadyTime heard_{};       // last good answer
    SteadyTime refused_again_{};

    std::thread thread_; // last
};

} // namespace sluice::federation
