// Nodes that two panels use: a share gives another panel a part of a node here (ports, traffic, time); a remote node is what somebody shared with us.
#pragma once

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/fingerprint.hpp"
#include "base/id.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"
#include "domain/tunnel.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice {

using ShareId = Id<struct ShareTag>;
using ShareRoleId = Id<struct ShareRoleTag>;

namespace domain {

struct ShareDraft {
    std::string name;
    NodeId node;
    ByteCount quota; // 0: none
    std::optional<WallTime> expires;
    std::uint16_t port_first = 0; // 0 to 0: no port
    std::uint16_t port_last = 0;
    std::vector<std::string> domains; // of panels that may use it; empty: any
    std::vector<Cidr> addresses;      // of panels that may use it; empty: any
};

struct Share : ShareDraft {
    ShareId id;
    bool enabled = true;
    ByteCount used;
    bool running = true;             // its roles are in the node's newest plan
    std::string consumer;            // which panel of our kind uses it; empty: none yet
    std::uint64_t wish_revision = 0; // of that panel
    WallTime created;
    std::optional<WallTime> updated;
};

// Why a share carries nothing.
enum class ShareStop { none, disabled, expired, used_up };
ShareStop stop_of(const Share& share, WallTime now);

// What the other panel has on the node. The other panel's own numbers and words stand in peer_object and resource_key; here it is known by `id`.
enum class ShareRoleKind {
    reserved, // a port, and nothing on it yet
    middle,   // of a tunnel
    exit,
    leg,     // an entry's part in a tunnel: it listens for nobody
    entry,   // a forward that begins here, as a panel of our kind wishes it
    service, // the same, as an FLVX panel commands it
    limiter, // what services share
};

struct ShareRole {
    ShareRoleId id;
    ShareId share;
    std::string reservation;
    std::string resource_key;
    ShareRoleKind kind = ShareRoleKind::reserved;
    std::string protocol;
    std::string strategy;
    std::optional<std::uint16_t> port;
    std::int64_t peer_object = 0;
    std::string speed_limit;
    std::string wish; // a plan of one object, as link::encode_plan writes it; empty: nothing yet
    bool applied = false;
    bool paused = false;
    bool active = true; // false: released
    WallTime created;
    WallTime updated;
};

// Numbers from here on are those of other panels' objects in plans of our nodes; a database does not get there by counting.
inline constexpr std::int64_t shared_ids = std::int64_t{1} << 62;

struct RemoteNode {
    NodeId node;
    std::string url; // without a slash at its end
    std::string pin;
    std::int64_t share = 0; // the other panel's numbers and words from here on
    std::string share_name;
    ByteCount quota;
    ByteCount used;
    std::optional<WallTime> expires;
    std::uint16_t port_first = 0;
    std::uint16_t port_last = 0;
    std::optional<Fingerprint> key; // of the node; absent: that panel does not speak our tunnels
    bool online = false;
    std::string problem;
};

// A port that another panel reserved for one of our tunnels.
struct RemoteRole {
    std::int64_t id = 0;
    TunnelId tunnel;
    NodeId node;
    HopRole role = HopRole::exit; // middle or exit
    int place = 0;
    std::string resource_key;
    std::string reservation;
    std::string binding;
    std::uint16_t port = 0;
    WallTime updated;
};

} // namespace domain

} // namespace sluice
