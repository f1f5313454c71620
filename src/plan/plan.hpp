// What one node should be doing, as plain values with a revision: the contract between the panel and a node. The panel
// derives it from committed state; the node applies the difference and answers with a Report (plan/report.hpp). The local node and a
// remote one get the same thing.
#pragma once

#include "base/address.hpp"
#include "base/id.hpp"
#include "base/time.hpp"
#include "plan/tunnel.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::plan {

// How a target is chosen for a new connection or UDP session.
enum class Pick {
    first, // the first healthy one in order: primary and backups
    round_robin,
    random,
    source_hash, // the same client address gets the same target while the set of healthy targets is the same
    least_connections,
};
std::string_view to_text(Pick pick);

// Which address family a target name is resolved to first. `automatic` tries what the resolver returns, in its order.
enum class IpPreference { automatic, v4, v6 };

// Protocols that a node refuses to carry, recognised by a connection's first bytes.
struct ProtocolBlocks {
    bool http = false;
    bool tls = false;
    bool socks = false;
    friend bool operator==(const ProtocolBlocks&, const ProtocolBlocks&) = default;
};

// Who may connect. `deny` wins over `allow`; an empty `allow` admits everybody.
struct SourceList {
    std::vector<Cidr> allow;
    std::vector<Cidr> deny;
    friend bool operator==(const SourceList&, const SourceList&) = default;
};

// One allowance of bytes per second in each direction. Everything that names it shares it on this node; the same id in the next plan is the
// same allowance, whose rate may have changed.
using LimitId = Id<struct LimitTag>;
struct SpeedLimit {
    LimitId id;
    std::uint64_t up = 0; // from the client; 0 is no limit
    std::uint64_t down = 0;
    friend bool operator==(const SpeedLimit&, const SpeedLimit&) = default;
};

// How many connections everything that names it may have together on this node: TCP connections plus UDP sessions.
using CapId = Id<struct CapTag>;
struct ConnectionCap {
    CapId id;
    std::uint32_t most = 0; // above 0
    friend bool operator==(const ConnectionCap&, const ConnectionCap&) = default;
};

// One forward on one node: listen here, relay there.
struct Forward {
    ForwardId id;
    std::optional<ForwardId> path_id; // what its tunnel's other nodes call it; absent: as here
    std::optional<TunnelId> tunnel;   // leaves through this tunnel, whose exits know the targets; absent: from here to the targets
    std::uint16_t port = 0;           // 0 only at an exit, where nobody listens for it
    // Where to listen: "::" is dual stack (both families), "0.0.0.0" IPv4 only, else one address of this host.
    IpAddress tcp_address = IpAddress::any_v6();
    IpAddress udp_address = IpAddress::any_v6();
    bool tcp = true;
    bool udp = true;
    std::vector<HostPort> targets; // at least one; none with a tunnel
    Pick pick = Pick::first;
    IpPreference preference = IpPreference::automatic;
    std::string egress_interface; // empty: as routed; else a name or a local address that outgoing sockets bind to
    SourceList sources;
    std::uint32_t max_connections = 0;   // TCP connections plus UDP sessions at a time; 0 is no cap
    std::optional<CapId> connection_cap; // it is in the plan
    std::uint32_t max_clients = 0;       // distinct client addresses at a time, of IPv6 the /64; 0 is no cap
    bool replace_clients = false;        // one address more: the one that has been there longest is cut; else the new one is refused
    ProtocolBlocks blocks;
    std::vector<LimitId> speed_limits; // all of them hold; each is in the plan
    Seconds connect_timeout{10};
    Seconds idle_timeout{0}; // TCP without a byte in either direction; 0 is never (keepalive finds dead peers)
    Seconds half_closed_timeout{300};
    Seconds udp_idle_timeout{60};

    friend bool operator==(const Forward&, const Forward&) = default;
};

// A node's part in a tunnel. Entries have no previous places, exits no next one.
struct Tunnel {
    TunnelId id;
    std::uint16_t port = 0; // where neighbours without a dial connect to; 0: nobody does
    IpAddress address = IpAddress::any_v6();
    bool websocket = false; // what the listener speaks
    std::vector<Neighbour> previous;
    std::vector<Neighbour> next;   // parallel nodes of the next place
    Pick pick = Pick::round_robin; // among them: first, round_robin or random
    std::string egress_interface;  // that carriers leave by; as in Forward
    std::vector<ForwardId> passes; // ascending: what a middle node may pass on
    std::vector<Forward> exits;    // ascending by id: what an exit may connect to
    // At a middle or an exit: what passes is counted here too, under this id. Absent: only the entry counts.
    std::optional<ForwardId> counter;
    friend bool operator==(const Tunnel&, const Tunnel&) = default;
};

// Everything a node does. Two plans with equal content may have different revisions; a node answers with the
// highest revision that it has applied.
struct Plan {
    std::uint64_t revision = 0;
    std::vector<Forward> forwards;                // ascending by id, ids unique
    std::vector<SpeedLimit> speed_limits;         // ascending by id, ids unique
    std::vector<Tunnel> tunnels;                  // the same
    std::vector<ConnectionCap> connection_caps{}; // the same
    friend bool operator==(const Plan&, const Plan&) = default;
};

} // namespace sluice::plan
