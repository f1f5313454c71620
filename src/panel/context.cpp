#include "panel/context.hpp"

#include "panel/node_gateway.hpp"
#include "store/event_table.hpp"
#include "store/setting_table.hpp"

namespace sluice::panel {

Result<void> require_admin(const Actor& actor)
{
    if (actor.is_admin()) return {};
    return make_error(Errc::forbidden, "role");
}

void audit(store::WriteTx& tx, const Context& context, const Actor& actor, const std::string& action, std::int64_t object, const std::string& before,
           const std::string& after)
{
    store::AuditRow row;
    row.happened = context.clock->wall();
    row.user = actor.user;
    row.user_name = actor.name;
    row.address = actor.user ? actor.address.to_text() : "console";
    row.action = action;
    row.object = std::to_string(object);
    row.before = before;
    row.after = after;
    store::AuditTable table(tx);
    table.add(row);
    table.trim();
}

void record(store::WriteTx& tx, const Context& context, store::EventRow event)
{
    event.happened = context.clock->wall();
    store::EventTable table(tx);
    table.add(event);
    table.trim();
}

void announce_plans(const Context& context, const Revisions& revisions)
{
    if (!context.gateway) return;
    std::vector<NodeId> nodes;
    nodes.reserve(revisions.size());
    for (const auto& [node, revision] : revisions) nodes.push_back(node);
    context.gateway->plan_changed(nodes);
}

} // namespace sluice::panel
