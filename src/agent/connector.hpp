// Keeps a node connected to its panel: dials, comes back after a while when it is lost, takes plans, reports. The node forwards whether this succeeds
// or not; only a panel that proves its key can say that this machine is no node any longer, and then forwarding stops.
#pragma once

#include "agent/agent.hpp"
#include "agent/enrolment.hpp"
#include "agent/panel_wire.hpp"
#include "agent/reporter.hpp"
#include "agent/upgrader.hpp"
#include "base/time.hpp"
#include "net/identity.hpp"

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace sluice::agent {

// The wait before the n-th attempt in a row, with `chance` from [0, 1): so that a thousand nodes do not come back at once.
Milliseconds backoff(unsigned attempt, double chance);

class Connector {
public:
    static constexpr Milliseconds longest_backoff{12'000};
    static constexpr Milliseconds when_unwanted{300'000}; // the panel does not know us: it may be restored one day
    static constexpr Milliseconds when_replaced{60'000};  // somebody else shows our key

    // `agent` and `clock` outlive this. With `self` the panel may upgrade this node. As a successor: its first plan is what shows that it works.
    Connector(Agent& agent, net::Identity identity, PanelPlace panel, const Clock& clock, std::optional<Self> self = {},
              std::unique_ptr<Succession> succession = {});
    ~Connector(); // stop() without last words

    // No upgrade goes on or begins; before the agent stops. Not when this process is about to be replaced: then it does not return.
    void end_upgrades()
    {
        if (upgrader_) upgrader_->stop();
    }
    // Reports what was counted until now, waits for the answer at most `last_words`, says goodbye. Twice is harmless.
    void stop(Milliseconds last_words);

private:
    void run();
    Milliseconds converse(PanelWire& wire); // until it ends; how long to wait before the next attempt
    void take(PanelWire& wire, Reporter& reporter, link::Message message);
    Milliseconds after(const link::Ended& ended, bool was_open);
    void stop_forwarding(const std::string& why);
    void start_probe(const link::Probe& probe);
    bool pause(Milliseconds how_long); // false: it is time to stop
    void take_over();
    link::Hello hello() const;
    void say_about_upgrades(PanelWire& wire);
    Milliseconds wait_for_successor();
    void say_last_words(PanelWire& wire, Reporter& reporter);

    Agent& agent_;
    const net::Identity identity_;
    const PanelPlace panel_;
    const Clock& clock_;
    int wake_; // eventfd: stop, an answer of a probe, news of an upgrade
    const std::string program_folder_;
    const std::string installed_version_;
    std::unique_ptr<Upgrader> upgrader_;       // absent: no upgrades here
    std::unique_ptr<Succession> succession_;   // until this process has taken over
    std::optional<plan::UpgradeState> became_; // to be said

    std::atomic<bool> stopping_{false};
    std::atomic<std::int64_t> last_words_ms_{0};
    bool unwanted_ = false;    // we left, and need not hurry back
    unsigned attempts_ = 0;    // since the last welcome
    std::string last_problem_; // said once, not at every attempt

    std::mutex probes_mutex_; // guards the two below
    std::vector<link::ProbeResult> probed_;
    unsigned probes_running_ = 0;
    std::condition_variable probes_changed_;
    std::thread thread_; // last
};

} // namespace sluice::agent
