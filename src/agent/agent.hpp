// A node's end: takes plans, keeps the last one on disk, makes it real with the engine, and reports. Without a panel it goes on with the plan that
// it has. Knows no network to the panel.
#pragma once

#include "agent/host_sampler.hpp"
#include "base/fingerprint.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "forward/engine.hpp"
#include "plan/plan.hpp"
#include "plan/probe.hpp"
#include "plan/report.hpp"
#include "tunnel/engine.hpp"

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace sluice::agent {

struct AgentOptions {
    std::string folder; // DIR/agent: plan.json, counters.bin, node.key; exists
    unsigned workers = 0;
    const Clock* clock = nullptr;    // outlives the agent
    Milliseconds retry_every{5'000}; // how often what does not work is tried again
    bool successor = false;          // another process has the folder and the traffic until resume(): nothing is written, nothing moves
    std::vector<forward::HeldListener> listeners{}; // of that process
};

// Thread-safe, except that apply() is one caller at a time.
class Agent {
public:
    // Starts the engines with the identity of this node (made when there is none) and applies the stored plan, if there is one. A stored plan that cannot be read is said and left out.
    static Result<std::unique_ptr<Agent>> start(const AgentOptions& options);
    ~Agent();

    // Stores the plan, then makes it real. The revision it had before is answered when the disk refuses: what would be lost at the next
    // start is not promised.
    plan::Applied apply(const plan::Plan& plan);
    std::vector<plan::ForwardCounters> counters() const;
    void forget(const std::vector<ForwardId>& forwards);
    plan::HostSample sample();
    std::vector<plan::TcpPingResult> probe(const std::vector<plan::TcpPingRequest>& requests, Milliseconds deadline);

    // What the last plan became. Forwards that do not listen or whose targets do not resolve are tried again every few seconds, so this changes
    // without a new plan.
    plan::Applied applied() const;

    const Fingerprint& fingerprint() const { return fingerprint_; } // of the key in DIR/agent/node.key

    // Before a successor: no plan is applied any more and nothing retried, so that what listens stays. The rest as in forward::Engine.
    void hold_still(bool still);
    unsigned workers() const { return engine_->workers(); }
    std::vector<forward::HeldListener> listeners() const;
    forward::HeldTraffic freeze() { return engine_->freeze(); }
    void thaw() { engine_->thaw(); }
    // As a successor: the other process is gone. Direct forwards work from here on; apply() makes the rest real and is stored.
    void resume(forward::HeldTraffic traffic);

    // Ends all forwarding; connections may end by themselves until the deadline. Plans are refused from then on. Twice is harmless.
    void stop(Milliseconds drain);

private:
    Agent(const AgentOptions& options, std::unique_ptr<forward::Engine> engine, const net::Identity& identity);
    plan::Applied apply_kept(); // the plan that is kept; with the lock held
    void retry_run();

    const AgentOptions options_;
    const Fingerprint fingerprint_;
    std::unique_ptr<forward::Engine> engine_;
    std::unique_ptr<tunnel::Engine> tunnels_; // counts in the other one's file
    HostSampler sampler_;
    mutable std::mutex mutex_; // guards the engine's apply() and everything below
    std::condition_variable wake_;
    plan::Plan plan_;
    plan::Applied applied_;
    bool stopping_ = false;
    bool still_ = false;
    std::optional<plan::Plan> missed_; // came meanwhile
    bool successor_ = false;           // not resumed yet
    bool unsaved_ = false;             // plan_ is not on the disk
    std::thread retry_;                // last
};

} // namespace sluice::agent
