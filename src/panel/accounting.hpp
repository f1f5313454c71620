// Turns nodes' absolute counters into billed traffic, exactly once (design 5, FLVX contract 4.1), and keeps hourly flow.
#pragma once

#include "base/result.hpp"
#include "domain/user.hpp"
#include "panel/actor.hpp"
#include "plan/report.hpp"

#include <optional>
#include <utility>
#include <vector>

namespace sluice::panel {

struct Context;

// What a user sees of himself.
struct Package {
    domain::User user;
    Traffic today;                         // billed since local midnight
    std::vector<domain::HourlyFlow> hours; // newest 24, ascending

    // What all users together used; for administrators, whose own share says little about their panel.
    struct Everyone {
        Traffic today;
        std::vector<std::pair<WallTime, ByteCount>> hours; // newest 24, ascending
    };
    std::optional<Everyone> everyone;
};

class Accounting {
public:
    explicit Accounting(Context& context) : context_(context) {}

    // Books the difference to what was booked before, in one transaction with the new absolute values: a lost or repeated report
    // changes nothing. A new epoch starts at zero. Forwards whose owner may no longer run them are paused (FLVX contract 4.2). Returns the
    // forwards that exist no longer and whose last bytes are booked: the node may forget their counters.
    // While a node works on a plan, forwards that it is about to close still count: without `may_forget` none is returned, and who pays for them stays known.
    Result<std::vector<ForwardId>> book(NodeId node, const std::vector<plan::ForwardCounters>& counters, bool may_forget = true);

    // What the calendar asks for, whenever it is called: the hour that ended, and every local day that began since the last call, also
    // those that passed while the program was not running.
    Result<void> keep_up();
    // Rolls up the hour that ended; deletes statistics older than 48 hours (hourly) and bounds node metrics. Idempotent per hour.
    Result<void> roll_up_hour();
    // Monthly resets, and the end of expired users and assignments (FLVX contract 4.3 and 4.4). Idempotent per day. A database that never
    // saw a day begins with today, without a reset.
    Result<void> begin_day();
    Result<void> store_sample(NodeId node, const plan::HostSample& sample);

    Result<Package> package(const Actor& actor);

private:
    Context& context_;
};

} // namespace sluice::panel
