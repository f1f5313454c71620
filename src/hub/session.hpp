// One node's conversation with the panel, on a thread of its own: plans when they change, counters and samples by the clock.
#pragma once

#include "base/result.hpp"
#include "hub/hub.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <vector>

namespace sluice::hub {

class Session {
public:
    // How often a node is asked. Live numbers are wanted while somebody watches; traffic is booked always.
    static constexpr Milliseconds book_every{1000};
    static constexpr Milliseconds sample_every_watched{2000};
    static constexpr Milliseconds sample_every_unwatched{60'000};
    static constexpr Milliseconds retry_every{5000}; // a plan that could not be compiled or sent, or with a fault in its answer

    Session(panel::Panel& panel, NodeId node, std::shared_ptr<NodeEndpoint> endpoint);
    ~Session(); // calls stop()

    void plan_changed(); // returns at once
    Result<plan::Applied> converge(std::uint64_t revision, Milliseconds deadline);
    bool online() const { return online_; }
    NodeEndpoint& endpoint() { return *endpoint_; }
    std::shared_ptr<NodeEndpoint> shared_endpoint() const { return endpoint_; }
    void stop(); // books the last counters, then joins; twice is harmless

private:
    void run();
    void apply_newest();
    void note_faults(const plan::Applied& applied);
    void keep(const Result<void>& stored);
    void book();
    void sample();

    panel::Panel& panel_;
    const NodeId node_;
    const std::shared_ptr<NodeEndpoint> endpoint_;

    std::mutex mutex_;                        // guards the fields below
    std::condition_variable wake_;            // the session thread: a plan to apply, or the end
    std::condition_variable applied_changed_; // those who wait in converge()
    bool plan_pending_ = true;
    bool stopping_ = false;
    plan::Applied applied_;

    std::atomic<bool> online_{false};
    std::vector<plan::ForwardCounters> last_booked_;    // session thread only: spares the database a write when nothing moved
    std::unordered_map<ForwardId, plan::Fault> faults_; // session thread only: what was said last
    bool settling_ = false;                             // session thread only: something moved when it was booked last
    std::optional<SteadyTime> retry_apply_;
    SteadyTime next_book_{};
    SteadyTime next_sample_{};
    std::thread thread_; // last: it uses everything above
};

} // namespace sluice::hub
