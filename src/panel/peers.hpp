// What two panels say to each other about a shared node, as types; and what the panel needs to ask another one (`federation` implements it over HTTP).
#pragma once

#include "base/result.hpp"
#include "base/secret.hpp"
#include "domain/share.hpp"
#include "plan/plan.hpp"
#include "plan/probe.hpp"
#include "plan/report.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::panel {

// What a share gives (FLVX contract 5.10, connect).
struct ShareOffer {
    std::int64_t share = 0;
    std::string share_name;
    std::int64_t node = 0;
    std::string node_name;
    std::string address;
    bool online = false;
    ByteCount quota; // 0: none
    ByteCount used;
    std::optional<WallTime> expires;
    std::uint16_t port_first = 0;
    std::uint16_t port_last = 0;
    // Beyond the contract, from a panel of our kind: by its key the node is a neighbour in tunnels.
    std::optional<Fingerprint> key;
    std::optional<std::string> address_v4;
    std::optional<std::string> address_v6;
    bool reachable = true;
};

struct Reservation {
    std::string id;
    std::uint16_t port = 0;
    std::string binding; // empty until a role was applied
};

struct RoleTarget {
    std::string host;
    std::int64_t port = 0;
    std::string protocol;
};

struct RoleWish {
    std::string reservation;
    std::string resource_key;
    std::string role; // "middle", "exit"
    std::string protocol;
    std::string strategy;
    std::vector<RoleTarget> targets; // of a middle: the next place
    std::optional<TunnelId> tunnel;  // its number on the wire, from a panel of our kind; absent: the other side would have to speak gost's relay
};

// What a panel of our kind wants of a shared node, all of it, and what it already knows.
struct PeerWish {
    std::string consumer; // which panel it is
    std::uint64_t revision = 0;
    std::optional<plan::Plan> plan;   // absent: as said before
    std::vector<ForwardId> forgotten; // whose counters are booked for good there
};

// And what became of it. Ids are the asking panel's.
struct PeerState {
    ShareOffer offer;
    domain::ShareStop stop = domain::ShareStop::none; // then nothing of it is real
    std::uint64_t revision = 0;                       // of the wish that is kept
    plan::Applied applied;
    std::vector<plan::ForwardCounters> counters;
};

// Where another panel is, and what it knows us by.
struct PeerAddress {
    std::string url;
    std::string pin;
    Secret token;
    std::string domain; // says who we are, where that panel wants to know it (setting panel_domain)
};

// All functions are thread-safe and block until the deadline at most. None is called while a transaction is open. Errors: unauthenticated "peer" (it does not
// know the token), forbidden "peer", conflict "peer" (it said no), unavailable or timeout "peer"; args[0] is what it said, or what went wrong.
class PeerGateway {
public:
    virtual ~PeerGateway() = default;
    virtual Result<ShareOffer> connect(const PeerAddress& peer, Milliseconds deadline) = 0;
    virtual Result<Reservation> reserve_port(const PeerAddress& peer, const std::string& resource_key, const std::string& protocol,
                                             std::uint16_t wanted) = 0;
    virtual Result<Reservation> apply_role(const PeerAddress& peer, const RoleWish& wish) = 0;
    virtual Result<void> release_role(const PeerAddress& peer, const domain::RemoteRole& role) = 0;
    // From now on the node is driven: its plan goes there, its counters come from there. Until it is deleted.
    virtual void imported(NodeId node) = 0;
};

} // namespace sluice::panel
