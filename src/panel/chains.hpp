// Tunnels of several nodes: what their hops need (ports, addresses that fit), and each node's part of the plan. No access checks, no writing: services do
// that.
#pragma once

#include "base/result.hpp"
#include "domain/forward.hpp"
#include "domain/node.hpp"
#include "domain/tunnel.hpp"
#include "panel/context.hpp"
#include "plan/plan.hpp"
#include "store/store.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::panel {

// The places of a chain in the order in which traffic passes them: entries, middle hops, exits.
std::vector<std::vector<domain::HopNode>> places_of(const std::vector<domain::HopNode>& hops);

// Gives a port to every hop that listens and names none: the one it has in `before`, else the lowest free one of its node. Errors: invalid "tunnel.hop" (how
// it is found), not_found "node", conflict "tunnel.hop_port" (args node, port), conflict "tunnel.no_port" (args node).
Result<void> give_ports(store::ReadTx& tx, std::vector<domain::HopNode>& hops, const std::optional<domain::Tunnel>& before);

// Whether each place can reach the next one. Errors: invalid "tunnel.families" (args: node, v4, v6, node, v4, v6), invalid "tunnel.unreachable" (args: node,
// node; neither can be reached from outside).
Result<void> check_legs(store::ReadTx& tx, const std::vector<domain::HopNode>& hops, domain::AddressFamily preference);

// Where `from` finds `to`: by the preference and what both support, else its primary address (FLVX contract 4.7).
std::string address_between(const domain::Node& from, const domain::Node& to, domain::AddressFamily preference);

// The port under which a hop is found from outside.
std::uint16_t outside_port(const domain::Node& node, const domain::HopNode& hop);

// A node's part in a chain; absent when it has none. Neighbours that never showed a key are left out: nothing is sent to a machine that cannot be told
// apart from another.
std::optional<plan::Tunnel> part_of(store::ReadTx& tx, const domain::Node& node, const domain::Tunnel& tunnel);

// All nodes of chains that have a part on this node: what changes at it (its address, its key) changes their plans.
std::vector<NodeId> neighbours_of(store::ReadTx& tx, NodeId node);

plan::Pick pick_of(domain::Pick pick);
plan::IpPreference preference_of(domain::AddressFamily family);

// Waits until every node of these revisions made its part real. Errors: node_offline, timeout or unavailable "tunnel.deploy" (args: role as a
// number, node, fault, port; detail: the system's words).
Result<void> deploy_tunnel(const Context& context, TunnelId tunnel, const std::vector<domain::HopNode>& hops, const Revisions& revisions);

} // namespace sluice::panel
