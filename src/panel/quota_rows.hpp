// Steps that keep quotas true inside the transaction that books or changes something, and what they mean for a forward. No access checks.
#pragma once

#include "base/result.hpp"
#include "domain/forward.hpp"
#include "domain/quota.hpp"
#include "domain/tunnel.hpp"
#include "panel/context.hpp"
#include "plan/plan.hpp"
#include "store/store.hpp"

#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

namespace sluice::panel {

// Windows that are over begin anew. Before a booking: what it adds belongs to the new window. Returns the nodes on which something runs again.
Revisions begin_windows(store::WriteTx& tx, const Context& context);

// After a booking or a change: says what has to be said, and stops or slows down what reached its amount (or lets it go when it is below). Returns
// the nodes whose plan that changes.
Revisions review_quotas(store::WriteTx& tx, const Context& context, const std::vector<domain::QuotaSubject>& subjects);

// New revisions for every node whose plan the subject's quotas are in.
Revisions bump_nodes_under(store::WriteTx& tx, const domain::QuotaSubject& subject);

// Notices of the user's own allowance and of his assignments' (80, 90, 100 %), and of everything that ends within a week (7 days, 1 day before).
void note_allowances(store::WriteTx& tx, const Context& context, UserId user);
void note_expiry(store::WriteTx& tx, const Context& context);

// The quotas that were reached, and which forwards they hold. Reads once; costs one look at an index when there are none.
class Holds {
public:
    explicit Holds(store::ReadTx& tx);

    bool empty() const { return of_.empty(); }
    bool stops_node(NodeId node) const;
    // Why the forward may not listen on this entry node; null: it may. Through a chain also when no node of a later place may carry it.
    const domain::Quota* stopped(const domain::Forward& forward, NodeId entry);
    // Those that slow it down there.
    std::vector<const domain::Quota*> throttled(const domain::Forward& forward, NodeId entry);
    // Why it can listen on none of its entry nodes.
    const domain::Quota* stopped_everywhere(const domain::Forward& forward);
    // quota_exceeded "quota.user", "quota.assignment", "quota.forward" or "quota.node" when it can listen nowhere.
    Result<void> may_run(const domain::Forward& forward);

private:
    const domain::Quota* first(const domain::QuotaSubject& subject, domain::QuotaAction action) const;
    const domain::Tunnel* chain(TunnelId id); // null: direct, or gone
    // The quotas' subjects that a forward is under, its entry node last.
    std::vector<domain::QuotaSubject> over(const domain::Forward& forward, NodeId entry) const;

    store::ReadTx& tx_;
    std::map<domain::QuotaSubject, std::vector<domain::Quota>> of_;
    std::map<std::pair<UserId, TunnelId>, domain::QuotaSubject> assignments_; // of those in of_
    bool on_nodes_ = false;
    std::unordered_map<TunnelId, std::optional<domain::Tunnel>> chains_;
};

// The limit that slows down what is under a quota. One for all of a node's forwards under it.
plan::SpeedLimit limit_of(const domain::Quota& quota);

} // namespace sluice::panel
