// A port on the entry nodes of a tunnel, and where its traffic goes.
#pragma once

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/id.hpp"
#include "base/time.hpp"
#include "domain/client_cap.hpp"
#include "domain/patch.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::domain {

enum class Pick { first, round_robin, random, source_hash, least_connections };

struct ForwardPort {
    NodeId node;
    std::uint16_t port = 0;
    friend bool operator==(const ForwardPort&, const ForwardPort&) = default;
};

// What a forward may be told beyond port and target.
struct ForwardOptions {
    std::optional<IpAddress> bind_address; // absent: the node's own listen address
    bool tcp = true;
    bool udp = true;
    std::vector<Cidr> allow;           // empty: everybody
    std::vector<Cidr> deny;            // wins over allow
    std::uint32_t max_connections = 0; // per node; 0 is no cap
    ClientCap clients;
    friend bool operator==(const ForwardOptions&, const ForwardOptions&) = default;
};

struct Forward {
    ForwardId id;
    std::string uuid;
    std::int64_t order = 0;
    UserId owner;
    std::string owner_name; // as it was when the forward was made
    std::string name;
    TunnelId tunnel;
    std::vector<HostPort> targets;
    Pick pick = Pick::first;
    ForwardOptions options;
    Traffic used;                   // billed; never reset by the API
    bool enabled = true;            // false: paused
    std::vector<ForwardPort> ports; // one per entry node of the tunnel
    WallTime created;
    std::optional<WallTime> updated;
};

struct ForwardDraft {
    std::string name;
    TunnelId tunnel;
    std::vector<HostPort> targets;
    Pick pick = Pick::first;
    std::optional<std::uint16_t> port; // absent: chosen
    ForwardOptions options;
};

struct ForwardPatch {
    Patch<std::string> name;
    Patch<TunnelId> tunnel;
    Patch<std::vector<HostPort>> targets;
    Patch<Pick> pick;
    Patch<std::uint16_t> port; // absent: keep, or choose anew when the tunnel's nodes do not have it free
    Patch<std::optional<IpAddress>> bind_address;
    Patch<bool> tcp;
    Patch<bool> udp;
    Patch<std::vector<Cidr>> allow;
    Patch<std::vector<Cidr>> deny;
    Patch<std::uint32_t> max_connections;
    Patch<std::uint32_t> max_clients;
    Patch<bool> replace_clients;
};

} // namespace sluice::domain
