// A reachability question for a node and its answer. Part of the panel-node contract: diagnosis runs where the traffic runs.
#pragma once

#include "base/address.hpp"
#include "base/time.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::plan {

struct TcpPingRequest {
    HostPort target;
    std::uint32_t count = 4; // 1..20 connects
    Milliseconds connect_timeout{5000};
    Milliseconds pause{100};      // between connects
    std::string egress_interface; // as in plan::Forward
    // The target is one of this node's own listeners: a connection that the relay drops at once (its target refused) is a failure,
    // though the listener accepted it.
    bool through_listener = false;
    friend bool operator==(const TcpPingRequest&, const TcpPingRequest&) = default;
};

enum class ProbeFault { none, bad_target, name_not_found, refused, timed_out, unreachable, closed_early, not_permitted, other };
std::string_view to_text(ProbeFault fault);

// Total failure is 100 % loss and no times.
struct TcpPingResult {
    HostPort target;
    bool success = false; // at least one connect succeeded
    double average_ms = 0;
    double minimum_ms = 0;
    double maximum_ms = 0;
    double jitter_ms = 0; // mean absolute difference of neighbours
    double loss_percent = 100;
    std::string resolved;                // the address that was used, empty when the name did not resolve
    ProbeFault fault = ProbeFault::none; // of the last failed connect
    std::string detail;                  // system's words, for people
    friend bool operator==(const TcpPingResult&, const TcpPingResult&) = default;
};

} // namespace sluice::plan
