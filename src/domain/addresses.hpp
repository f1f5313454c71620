// What a node's addresses mean: where it listens, and what its users are told.
#pragma once

#include "base/result.hpp"
#include "domain/forward.hpp"
#include "domain/node.hpp"
#include "domain/tunnel.hpp"

#include <string>
#include <vector>

namespace sluice::domain {

// "[::]", "::", "0.0.0.0", "192.0.2.1". Errors: invalid, field as given.
Result<IpAddress> parse_listen(const std::string& text, const std::string& field);

// Every field of a node that a person types. Errors: invalid "node.name_or_address" (one is empty), "node.name" (too long),
// "node.address", "node.address_v4", "node.address_v6", "node.ports", "node.egress_interface", "node.tcp_listen", "node.udp_listen".
Result<void> check_node(const Node& node);

// "203.0.113.1, relay.example": what a person says that clients should connect to, as items without blanks and repetitions. Errors: invalid
// "tunnel.entry_addresses" (an item that is neither an address nor a name, or more than 64).
Result<std::string> parse_entry_addresses(const std::string& text);

// Addresses of the entry nodes as users see them (FLVX contract 4.7): v4 then v6 (v6 first when preferred), else the primary one;
// without duplicates.
std::vector<std::string> entry_addresses(const std::vector<Node>& entries, AddressFamily preference);

// "a:1,b:1": each address with each port; IPv6 bracketed.
std::string client_addresses(const std::vector<std::string>& addresses, const std::vector<ForwardPort>& ports);

} // namespace sluice::domain
