// What a node has to report, and when: counters that changed since the panel last booked them, each one absolute, and the host when it is due. One
// report waits for its answer at a time, so that a slow panel gets fewer and not more. Not thread-safe; one per connection.
#pragma once

#include "agent/agent.hpp"
#include "plan/report.hpp"

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

namespace sluice::agent {

class Reporter {
public:
    static constexpr Milliseconds look_every{1'000};    // a quota is exceeded by what passes in this time
    static constexpr Milliseconds repeat_after{10'000}; // a report that nobody answered

    Reporter(Agent& agent, SteadyTime now) : agent_(agent), next_look_(now), next_sample_(now) {} // `agent` outlives this

    void watch(SteadyTime now, Milliseconds sample_every);
    void booked(std::uint64_t sequence, const std::vector<ForwardId>& forgotten);

    SteadyTime wake_at() const { return next_look_; }
    std::optional<plan::Report> due(SteadyTime now);
    // Everything that is not confirmed, now; absent when all is.
    std::optional<plan::Report> last();
    bool confirmed() const { return sent_ == 0; } // no report waits for its answer

    // The agent's answer when it is not the one that was told last.
    std::optional<plan::Applied> news();
    void told(const plan::Applied& applied) { told_ = applied; }

private:
    std::vector<plan::ForwardCounters> changed() const;
    plan::Report next(std::vector<plan::ForwardCounters> counters);

    Agent& agent_;
    Milliseconds sample_every_{60'000};
    SteadyTime next_look_;
    SteadyTime next_sample_;
    SteadyTime sent_at_{};
    std::uint64_t sequence_ = 0;
    std::uint64_t sent_ = 0; // the report that waits for its answer; 0: none
    bool moved_ = true;      // the last report had counters; one without follows, so that rates fall to zero
    std::vector<plan::ForwardCounters> in_report_;
    std::unordered_map<ForwardId, plan::ForwardCounters> confirmed_;
    std::optional<plan::Applied> told_;
};

} // namespace sluice::agent
