// Tunnels of a node: makes the plan's tunnels and the forwards through them real. One loop per core; a stream never changes its loop. Direct forwards
// are forward::Engine's, whose counters and descriptor budget are shared.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "net/identity.hpp"
#include "plan/plan.hpp"
#include "plan/report.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace sluice::forward {
class CounterFile;
class LimitBook;
struct DescriptorBudget;
} // namespace sluice::forward

namespace sluice::tunnel {

struct EngineOptions {
    unsigned workers = 0;         // loops; 0: one per core
    const Clock* clock = nullptr; // like the rest: outlives the engine
    forward::CounterFile* counters = nullptr;
    forward::DescriptorBudget* budget = nullptr;
    const forward::LimitBook* limits = nullptr; // has those of a plan before the plan comes here
    Milliseconds tick{500};
    Milliseconds resolve_every{30'000};
    Milliseconds first_resolve{3'000};
};

class Engine {
public:
    Engine(const EngineOptions& options, net::Identity identity);
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    // Takes the plan's tunnels, and of its forwards those that leave through one. What did not change is not touched; what left is closed and cut before
    // this returns. Answers for all of them, ascending by id. One thread at a time.
    plan::Applied apply(const plan::Plan& plan);

    // Connections now, of the forwards that enter here; of one that does not: absent. Thread-safe.
    std::map<ForwardId, std::uint32_t> open_by_forward() const;
    std::uint32_t open_connections() const;
    std::uint64_t streams_seen() const;   // that neighbours opened here, since the start
    bool has(ForwardId forward) const;    // it enters here; same thread as apply()
    bool counts(ForwardId forward) const; // it enters here or passes; same thread as apply()

    void stop_listening(); // streams go on
    void stop();           // cuts what is left; twice is harmless

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace sluice::tunnel
