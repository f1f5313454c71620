// Paths that forwards take: from entry nodes, over hops, to exit nodes. A direct tunnel has entries only.
#pragma once

#include "base/id.hpp"
#include "base/time.hpp"
#include "domain/patch.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::domain {

enum class TunnelType { direct = 1, chain = 2 };
enum class HopRole { entry = 1, middle = 2, exit = 3 };
enum class HopStrategy { first, round_robin, random };
enum class Carrier { tcp, tls, wss, mtcp, mtls, mwss };
enum class AddressFamily { automatic, v4, v6 };

// One node at one place of a tunnel. Several nodes may share a place.
struct HopNode {
    std::int64_t id = 0;
    NodeId node;
    HopRole role = HopRole::entry;
    int place = 0;                     // 1.. for middle hops, else 0
    std::optional<std::uint16_t> port; // where a hop or exit listens for the leg into it
    HopStrategy strategy = HopStrategy::round_robin;
    Carrier carrier = Carrier::tls;
    // How the hop before it reaches it; empty and absent: at the node's own address and the port above.
    std::string public_host; // a reverse proxy or another address
    std::optional<std::uint16_t> public_port;
    std::string server_name; // SNI of the TLS kinds, Host of the WebSocket kinds; empty: the public host where one is needed
    std::string alpn;        // comma-separated; empty: none
    std::string path;        // of the WebSocket kinds; empty: "/"
    friend bool operator==(const HopNode&, const HopNode&) = default;
};

// How a byte that passes becomes billed bytes (FLVX contract 4.1): trunc(bytes * ratio) * factor, per direction.
struct Billing {
    int factor = 1;     // 1 or 2; anything below 1 counts as 1
    double ratio = 1.0; // above 0; anything else counts as 1
    friend bool operator==(const Billing&, const Billing&) = default;
};

struct Tunnel {
    TunnelId id;
    std::string uuid;
    std::optional<TunnelId> wire_id; // what its nodes call it, where one of them is another panel's; absent: its id
    std::int64_t order = 0;
    std::string name; // unique
    TunnelType type = TunnelType::direct;
    Billing billing;
    bool enabled = true;
    std::optional<std::string> entry_addresses; // comma-separated, shown to users
    AddressFamily preference = AddressFamily::automatic;
    std::vector<HopNode> hops; // entries, then middle by place, then exits
    WallTime created;
    std::optional<WallTime> updated;

    TunnelId on_wire() const { return wire_id.value_or(id); }
};

struct TunnelDraft {
    std::string name;
    TunnelType type = TunnelType::direct;
    Billing billing;
    bool enabled = true;
    std::optional<std::string> entry_addresses; // absent or empty: composed from the entry nodes
    AddressFamily preference = AddressFamily::automatic;
    std::vector<HopNode> hops; // ids ignored
};

} // namespace sluice::domain
