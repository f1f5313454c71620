// Steps that several services take with the rows of shares: what another panel has on a node becomes part of that node's plan, and what it counts is booked
// to its share. No access checks: the service made them.
#pragma once

#include "domain/node.hpp"
#include "domain/share.hpp"
#include "panel/context.hpp"
#include "plan/plan.hpp"
#include "plan/report.hpp"
#include "store/share_table.hpp"

#include <map>
#include <optional>
#include <set>

namespace sluice::panel {

// The number of a role's forward, counter or limiter in plans and reports of the node.
inline std::int64_t number_of(const domain::ShareRole& role) { return domain::shared_ids + role.id.value; }

// Adds the roles of all shares of the node that run now. Where they listen and leave, and what they may carry, is what this panel says of its node.
void add_shared_roles(store::ReadTx& tx, const domain::Node& node, WallTime now, plan::Plan& plan);

// Zero rows for a role's counter: its first bytes have an owner even when the role is released before they are booked.
void remember_share(store::WriteTx& tx, const domain::Share& share, const domain::ShareRole& role);

// After something changed about a share or the time: whether its roles are in the node's plan follows, with an event. Returns the node's new revision when
// it did, or when `changed` says that the roles themselves are other ones.
Revisions settle_share(store::WriteTx& tx, const Context& context, ShareId share, bool changed = false);

// What one report of a node adds to shares.
class ShareBook {
public:
    ShareBook(store::WriteTx& tx, NodeId node);

    // Whose counter it is, of roles that are there.
    const domain::ShareRole* role_of(ForwardId counter) const;
    void add(ShareId share, ForwardId peer_forward, const Traffic& traffic, std::uint64_t connections);
    // Stores the sums and stops those that used up their traffic.
    Revisions write(const Context& context);

private:
    store::WriteTx& tx_;
    std::map<ForwardId, domain::ShareRole> roles_;
    std::map<ShareId, ByteCount> sums_;
};

} // namespace sluice::panel
