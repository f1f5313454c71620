// What a node says about itself: one result per object of the plan, absolute counters, and measurements.
#pragma once

#include "base/bytes.hpp"
#include "base/id.hpp"
#include "base/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::plan {

// Why an object of the plan is not as wished. Rendered to words by whoever shows it.
enum class Fault {
    none,
    address_in_use,     // another program or listener has the port
    address_not_local,  // the bind address does not belong to this host
    permission_denied,  // a privileged port, or a capability that is missing
    family_unsupported, // IPv6 or IPv4 is switched off on this host
    no_descriptors,     // the descriptor limit is reached
    target_unresolved,  // no target's name resolves; the forward listens and retries
    other,              // see `detail`
};
std::string_view to_text(Fault fault);

// Reality of one forward on a node. It is `listening` when every socket that the plan asks for is open. A forward that
// cannot listen keeps none of its sockets.
struct ForwardResult {
    ForwardId id;
    bool listening = false;
    Fault fault = Fault::none;
    std::string detail; // "tcp 0.0.0.0:80: Address already in use"; for people
    friend bool operator==(const ForwardResult&, const ForwardResult&) = default;
};

// Reality of one tunnel's listener on a node.
struct TunnelResult {
    TunnelId id;
    bool listening = false; // true as well when nobody has to be listened for
    Fault fault = Fault::none;
    std::string detail;
    friend bool operator==(const TunnelResult&, const TunnelResult&) = default;
};

// Absolute since `epoch`, which changes only when the counter file was lost: the panel books differences, so a lost or repeated
// report changes nothing.
struct ForwardCounters {
    ForwardId id;
    std::uint64_t epoch = 0;
    Traffic traffic;                    // bytes delivered since the epoch began
    Traffic carried;                    // bytes passed on for it as a later place of a tunnel; counted, and billed to nobody again
    std::uint64_t connections = 0;      // TCP connections and UDP sessions admitted since the epoch began
    std::uint32_t open_connections = 0; // now
    friend bool operator==(const ForwardCounters&, const ForwardCounters&) = default;
};

// A sample of the host. Totals are since its boot.
struct HostSample {
    WallTime taken;
    std::uint64_t uptime_seconds = 0;
    double cpu_percent = 0;    // 0..100 over the time since the previous sample
    double memory_percent = 0; // 0..100, used without caches
    std::uint64_t memory_total = 0;
    std::uint64_t memory_used = 0;
    std::uint64_t received = 0; // bytes, all interfaces but loopback
    std::uint64_t transmitted = 0;
    double load_1 = 0;
    std::uint32_t open_connections = 0;
    std::uint64_t open_descriptors = 0;
    std::uint64_t descriptor_limit = 0;
    friend bool operator==(const HostSample&, const HostSample&) = default;
};

// Answer to a plan. Said again when reality changed though the plan did not: a port that was taken became free.
struct Applied {
    std::uint64_t revision = 0;
    std::vector<ForwardResult> forwards; // one per forward of the plan, ascending by id
    std::vector<TunnelResult> tunnels{}; // one per tunnel of the plan, ascending by id
    friend bool operator==(const Applied&, const Applied&) = default;
};

// What a node measured. `counters` has those that changed since the last report that was booked, each one absolute; the first report of a
// connection has all. Reports of one connection are numbered from 1.
struct Report {
    std::uint64_t sequence = 0;
    std::vector<ForwardCounters> counters;
    std::optional<HostSample> host; // when one was due
};

} // namespace sluice::plan
