// Steps that several services take inside a transaction that changes forwards. No access checks: the service made them.
#pragma once

#include "base/result.hpp"
#include "domain/forward.hpp"
#include "domain/node.hpp"
#include "domain/tunnel.hpp"
#include "panel/context.hpp"
#include "store/forward_table.hpp"

#include <optional>
#include <unordered_map>
#include <vector>

namespace sluice::panel {

// New revisions for every node that has a port of one of these forwards.
Revisions bump_nodes_of(store::WriteTx& tx, const std::vector<domain::Forward>& forwards);

// Pauses the user's running forwards that quota, expiry or a switched-off account or assignment forbid (FLVX contract 4.2).
Revisions stop_what_may_not_run(store::WriteTx& tx, const Context& context, UserId user);

// The entry nodes of a tunnel, in order. Nodes that are gone are left out.
std::vector<domain::Node> entry_nodes(store::ReadTx& tx, const domain::Tunnel& tunnel);

// The same for many tunnels: every node is read once, and only those that are asked for.
class EntryNodes {
public:
    explicit EntryNodes(store::ReadTx& tx) : tx_(tx) {}
    std::vector<domain::Node> of(const domain::Tunnel& tunnel);

private:
    store::ReadTx& tx_;
    std::unordered_map<NodeId, std::optional<domain::Node>> nodes_;
};

// One port that is allowed and free on every entry node. `wanted` absent: a random one. What `except` already holds it may keep. Errors: conflict
// "forward.entries" (no entry node), invalid "forward.port" (args node, port), conflict "forward.port" (args node, port), conflict "forward.no_port".
Result<std::uint16_t> choose_port(store::ReadTx& tx, const std::vector<domain::Node>& entries, std::optional<std::uint16_t> wanted, ForwardId except,
                                  const std::vector<std::uint16_t>& tried = {});

// Zero rows for a forward's counters, so that its first bytes have an owner even when the forward is deleted before they are booked.
void remember_payer(store::WriteTx& tx, const domain::Forward& forward);

// A node on which a forward has to listen, and the revision that says so.
struct DeployTarget {
    NodeId node;
    std::string name;
    std::uint64_t revision = 0;
    std::uint16_t port = 0; // 0: it only passes the forward on
};
// Those nodes of a forward that got a new revision.
std::vector<DeployTarget> deploy_targets(store::ReadTx& tx, const domain::Forward& forward, const Revisions& revisions);

// Waits until every node of these revisions has applied them, and answers for this forward: ok, node_offline / timeout
// "forward.deploy" (args node), or unavailable "forward.deploy" (args node, fault, port; detail: the system's words).
Result<void> deploy(const Context& context, const std::vector<DeployTarget>& targets, ForwardId forward);

// After an undo: tells the nodes, and waits a moment until they are back where they were, so that whoever reads the refusal finds the
// old state in place. A node that is away comes back to it later.
void settle(const Context& context, const Revisions& revisions);

} // namespace sluice::panel
