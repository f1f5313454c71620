#include "panel/forward_draft.hpp"

#include "base/random.hpp"
#include "domain/allowance.hpp"
#include "panel/quota_rows.hpp"
#include "store/tunnel_table.hpp"
#include "store/user_table.hpp"

#include <utility>

namespace sluice::panel {

// The tunnel of a draft: may this actor use it, is it there, is it on?
Result<domain::Tunnel> usable_tunnel(store::ReadTx& tx, const Actor& actor, TunnelId id)
{
    if (!actor.is_admin()) {
        const auto assignment = store::AssignmentTable(tx).find(actor.user, id);
        if (!assignment || !assignment->enabled) return make_error(Errc::forbidden, "tunnel");
    }
    auto tunnel = store::TunnelTable(tx).find(id);
    if (!tunnel) return make_error(Errc::not_found, "tunnel");
    if (!tunnel->enabled) return make_error(Errc::conflict, "tunnel.disabled");
    return std::move(*tunnel);
}

Result<ForwardOwner> owner_of(store::ReadTx& tx, UserId user, TunnelId tunnel)
{
    auto found = store::UserTable(tx).find(user);
    if (!found) return make_error(Errc::not_found, "user");
    ForwardOwner owner{std::move(*found), store::AssignmentTable(tx).find(user, tunnel)};
    // A regular user's right to the tunnel can end while his forwards exist.
    if (owner.user.role != domain::Role::admin && !owner.assignment) return make_error(Errc::forbidden, "tunnel");
    return owner;
}

Result<void> check_fields(const domain::Forward& forward)
{
    if (forward.name.empty() || forward.targets.empty()) return make_error(Errc::invalid, "forward.name_or_targets");
    if (forward.name.size() > 100) return make_error(Errc::invalid, "forward.name");
    if (forward.targets.size() > 64) return make_error(Errc::invalid, "forward.targets");
    if (forward.options.clients.most > domain::most_clients) return make_error(Errc::invalid, "forward.max_clients");
    if (!forward.options.tcp && !forward.options.udp) return make_error(Errc::invalid, "forward.protocol");
    if (forward.options.allow.size() > 256 || forward.options.deny.size() > 256) return make_error(Errc::invalid, "forward.sources");
    return {};
}

Result<domain::Forward> insert_forward(store::WriteTx& tx, const Context& context, const Actor& actor, const domain::ForwardDraft& draft,
                                       const std::vector<std::uint16_t>& tried)
{
    auto tunnel = usable_tunnel(tx, actor, draft.tunnel);
    if (!tunnel) return tunnel.error();
    domain::Forward forward;
    forward.name = draft.name;
    forward.targets = draft.targets;
    forward.pick = draft.pick;
    forward.options = draft.options;
    if (auto checked = check_fields(forward); !checked) return checked.error();
    auto owner = owner_of(tx, actor.user, draft.tunnel);
    if (!owner) return owner.error();
    if (auto allowed = domain::may_run(owner->user, owner->assignment, context.clock->wall()); !allowed) return allowed.error();
    store::ForwardTable forwards(tx);
    auto room = domain::may_add_forward(owner->user, owner->assignment, forwards.count_of(actor.user), forwards.count_of(actor.user, draft.tunnel));
    if (!room) return room.error();
    const auto entries = entry_nodes(tx, *tunnel);
    const auto port = choose_port(tx, entries, draft.port, {}, tried);
    if (!port) return port.error();
    forward.uuid = make_uuid();
    forward.owner = actor.user;
    forward.owner_name = owner->user.name;
    forward.tunnel = draft.tunnel;
    forward.created = context.clock->wall();
    forward.updated = forward.created;
    for (const auto& node : entries) forward.ports.push_back({node.id, *port});
    if (auto allowed = Holds(tx).may_run(forward); !allowed) return allowed.error();
    forward.id = forwards.insert(forward);
    remember_payer(tx, forward);
    audit(tx, context, actor, "forward.create", forward.id.value, {}, forward.name + " :" + std::to_string(*port));
    return forward;
}

} // namespace sluice::panel
