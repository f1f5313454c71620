// Machines that forward.
#pragma once

#include "base/fingerprint.hpp"
#include "base/id.hpp"
#include "base/port_set.hpp"
#include "base/time.hpp"
#include "domain/patch.hpp"
#include "domain/port_map.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace sluice::domain {

// Protocols that a node refuses to carry (FLVX: 1 = block).
struct Blocks {
    bool http = false;
    bool tls = false;
    bool socks = false;
    friend bool operator==(const Blocks&, const Blocks&) = default;
};

struct Node {
    NodeId id;
    std::string uuid;
    std::int64_t order = 0; // place in lists
    std::string name;
    std::string address; // primary address or host name, shown to users
    std::optional<std::string> address_v4;
    std::optional<std::string> address_v6;
    PortSet ports = PortSet::range(1000, 65535); // ports that forwards may take
    std::optional<std::string> egress_interface;
    std::string tcp_listen = "[::]"; // address that forwards bind to, as typed
    std::string udp_listen = "[::]";
    Blocks blocks;
    bool reachable = true; // from outside; else it dials its neighbours in a tunnel
    PortMap public_ports;
    std::optional<Fingerprint> key;     // absent until the node has shown one
    std::optional<std::string> version; // last reported
    bool local = false;                 // the node inside the panel's own process
    bool remote = false;                // another panel's, used through a share of it
    std::uint64_t revision = 0;         // of the wish; bumped in the transaction that changes what the node should do
    WallTime created;
    std::optional<WallTime> updated;
};

struct NodeDraft {
    std::string name;
    std::string address;
    std::optional<std::string> address_v4;
    std::optional<std::string> address_v6;
    PortSet ports = PortSet::range(1000, 65535);
    std::optional<std::string> egress_interface;
    std::string tcp_listen = "[::]";
    std::string udp_listen = "[::]";
    Blocks blocks;
    bool reachable = true;
    PortMap public_ports;
};

struct NodePatch {
    Patch<std::string> name;
    Patch<std::string> address;
    Patch<std::optional<std::string>> address_v4;
    Patch<std::optional<std::string>> address_v6;
    Patch<PortSet> ports;
    Patch<std::optional<std::string>> egress_interface;
    Patch<std::string> tcp_listen;
    Patch<std::string> udp_listen;
    Patch<bool> block_http;
    Patch<bool> block_tls;
    Patch<bool> block_socks;
    Patch<bool> reachable;
    Patch<PortMap> public_ports;
};

} // namespace sluice::domain
