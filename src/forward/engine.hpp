// The data plane: makes a plan real on this host. Listeners, relays and UDP sessions run on one event loop per core and never change their
// loop; this object is the only way in. Knows nothing of users, tunnels or the panel.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "forward/handover.hpp"
#include "plan/plan.hpp"
#include "plan/report.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sluice::forward {

class CounterFile;
class LimitBook;
struct DescriptorBudget;

struct EngineOptions {
    std::string counter_file;     // memory-mapped; survives a kill
    unsigned workers = 0;         // event loops; 0: one per core
    const Clock* clock = nullptr; // required, outlives the engine
    Milliseconds tick{1000};      // how often deadlines are looked at
    Milliseconds resolve_every{30'000};
    Milliseconds first_resolve{3'000}; // how long apply() waits for the name of a new target
    bool paused = false;               // a successor: it listens and moves nothing before resume(), while another process counts in the file
};

class Engine {
public:
    // Starts the workers. Errors: unavailable "counters" (file not usable).
    static Result<std::unique_ptr<Engine>> start(const EngineOptions& options);
    ~Engine(); // cuts what is left
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    // Makes the plan real and answers for every forward of it. What did not change is not touched: no listener reopened, no connection
    // dropped. A forward that left the plan closes its listeners and cuts its connections before this returns; so does the transport (TCP or
    // UDP) of a forward that was switched off or moved. New targets, lists and caps apply to new connections. A forward that cannot listen
    // keeps none of the sockets opened for it; only a transport that served before and did not change goes on. A forward whose new place is
    // not to be had is not listening by its result, but serves as before, untouched, until the next call: a plan without the move keeps it
    // so, the same plan makes it leave the old place all the same. One thread at a time; call it again with the same plan to retry what failed.
    plan::Applied apply(const plan::Plan& plan);

    // Absolute counters of every forward that the counter file knows, also of those that left the plan. Thread-safe.
    std::vector<plan::ForwardCounters> counters() const;
    // Drops the counters of forwards that are in no plan any more; others are left alone. Same thread as apply().
    void forget(const std::vector<ForwardId>& forwards);

    // Of a process that gives its work to a successor (handover.hpp); same thread as apply().
    unsigned workers() const;
    std::vector<HeldListener> listeners() const; // borrowed; they stay open as long as no other plan is applied
    // Stops every loop between two turns and shows what is on it, borrowed. Nothing moves and nothing is counted until thaw(), which goes on as if nothing
    // had happened. No other call but counters() and open_connections() in between.
    HeldTraffic freeze();
    void thaw();

    // Of the successor: sockets that the first plans are made real with, then the start of all work. Call inherit() at most once, before apply(), and
    // resume() when the other process cannot touch anything any more. What belongs to no forward of the plan is cut.
    void inherit(std::vector<HeldListener> listeners);
    void resume(HeldTraffic traffic);

    std::uint32_t open_connections() const; // TCP connections and UDP sessions now; thread-safe

    // Shared with the engine of tunnels, which ends first.
    CounterFile& counter_file();
    DescriptorBudget& budget();
    // Speed limits and shared caps of the plan that came last, here or to apply(). Same thread as apply().
    const LimitBook& limits() const;
    void learn_limits(const plan::Plan& plan);

    // Closes listeners, lets TCP connections end by themselves until the deadline, then cuts them. Twice is harmless.
    void stop(Milliseconds drain);

private:
    class Impl;
    explicit Engine(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

// Raises the soft limit of open files to the hard one; the limit that holds now.
std::uint64_t raise_descriptor_limit();

} // namespace sluice::forward
