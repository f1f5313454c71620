// One node's conversation with the panel. What the node says and what the panel wants is noted at once by whoever comes with it, and worked off in steps on
// the hub's pool, one at a time: plans out, answers in, traffic booked. What is noted is bounded: a newer answer replaces an older one, and of each
// counter only the newest value counts.
#pragma once

#include "base/result.hpp"
#include "hub/hub.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

namespace sluice::hub {

class Session : public std::enable_shared_from_this<Session> {
public:
    Session(panel::Panel& panel, Pool& pool, NodeId node, std::shared_ptr<NodeEndpoint> endpoint);

    // What the node says. From any thread; after finish() it is too late.
    void applied(plan::Applied applied);
    void reported(plan::Report report);
    // Nothing more will come from the node: what was noted is worked off, then it is offline. Twice is harmless.
    void finish();
    // The node exists no longer: as finish(), without booking.
    void abandon();

    // What the panel wants.
    void plan_changed();
    Result<plan::Applied> converge(std::uint64_t revision, Milliseconds deadline);
    bool online() const { return online_; }
    NodeEndpoint& endpoint() { return *endpoint_; }
    void tick(); // tries again what failed
    bool finished() const;
    bool wait_finished(Milliseconds deadline); // false: not yet

private:
    struct Noted {
        std::optional<plan::Applied> applied;
        std::map<ForwardId, plan::ForwardCounters> counters;
        std::uint64_t sequence = 0; // of the newest report; 0: none
        std::optional<plan::HostSample> host;
        bool plan = false; // the wish may have changed
        bool empty() const { return !applied && sequence == 0 && !host && !plan; }
    };

    void schedule(); // with the lock held
    void step();
    void work_off(Noted noted);
    void send_newest();
    void take_answer(const plan::Applied& applied);
    void note_faults(const plan::Applied& applied);
    void book(std::uint64_t sequence, const std::map<ForwardId, plan::ForwardCounters>& changed, bool settled);
    void sample(const plan::HostSample& host);
    void go_offline();
    void keep(const Result<void>& stored);

    panel::Panel& panel_;
    Pool& pool_;
    const NodeId node_;
    const std::shared_ptr<NodeEndpoint> endpoint_;

    mutable std::mutex mutex_;                // guards the fields below
    std::condition_variable applied_changed_; // those who wait in converge()
    std::condition_variable finished_changed_;
    Noted noted_;
    bool scheduled_ = false; // a step is queued or runs
    bool finishing_ = false;
    bool abandoned_ = false;
    bool finished_ = false;
    plan::Applied applied_;

    std::atomic<bool> online_{false};

    // Of the step that runs; steps never overlap.
    std::map<ForwardId, plan::ForwardCounters> known_;  // all counters of the node, newest values
    std::unordered_map<ForwardId, plan::Fault> faults_; // what was said last
    bool in_flight_ = false;                            // a plan was sent and not answered
    bool wants_plan_ = false;                           // to be sent when the answer is there
    bool book_again_ = true;                            // something may be forgotten that did not change: a forward that was deleted
    std::atomic<bool> failed_{false};                   // a plan could not be compiled; tick() tries again
};

} // namespace sluice::hub
