#include "panel/forwards.hpp"

#include "base/log.hpp"
#include "base/text.hpp"
#include "domain/addresses.hpp"
#include "domain/allowance.hpp"
#include "panel/context.hpp"
#include "panel/diagnose_jobs.hpp"
#include "panel/forward_draft.hpp"
#include "panel/forward_rows.hpp"
#include "panel/live.hpp"
#include "panel/node_gateway.hpp"
#include "panel/quota_rows.hpp"
#include "panel/tunnel_texts.hpp"
#include "store/node_table.hpp"
#include "store/tunnel_table.hpp"
#include "store/user_table.hpp"

#include <algorithm>

namespace sluice::panel {

namespace {

constexpr std::size_t ports_to_try = 16; // when the node says that the chosen one is taken

// Somebody else's forward answers exactly like none (FLVX contract 5.6).
Result<domain::Forward> find_for(store::ReadTx& tx, const Actor& actor, ForwardId id)
{
    auto forward = store::ForwardTable(tx).find(id);
    if (!forward || (!actor.is_admin() && forward->owner != actor.user)) return make_error(Errc::not_found, "forward");
    return std::move(*forward);
}

ForwardView view_of(const Live& live, Holds& holds, domain::Forward forward)
{
    ForwardView view;
    bool waiting = forward.ports.empty();
    for (const auto& port : forward.ports) {
        const auto result = live.result(port.node, forward.id);
        if (!live.online(port.node) || !result) {
            waiting = true;
        } else if (result->fault != plan::Fault::none && view.fault == plan::Fault::none) {
            view.fault = result->fault;
            view.fault_detail = result->detail;
        }
    }
    const auto rates = live.rates(forward.id);
    view.connections = rates.connections;
    view.up_rate = rates.up;
    view.down_rate = rates.down;
    view.state = !forward.enabled                  ? ForwardState::paused
                 : view.fault != plan::Fault::none ? ForwardState::failed
                 : waiting                         ? ForwardState::waiting
                                                   : ForwardState::listening;
    if (!forward.enabled) view.fault = plan::Fault::none;
    if (const auto* stop = forward.enabled ? holds.stopped_everywhere(forward) : nullptr) {
        view.state = ForwardState::stopped;
        view.fault = plan::Fault::none;
        view.held_by = *stop;
    } else if (forward.enabled) {
        for (const auto& port : forward.ports) {
            if (const auto slow = holds.throttled(forward, port.node); !slow.empty() && !view.held_by) view.held_by = *slow.front();
        }
    }
    view.forward = std::move(forward);
    return view;
}

} // namespace

Result<std::vector<ForwardView>> Forwards::list(const Actor& actor)
{
    return context_.store->read([&](store::ReadTx& tx) -> Result<std::vector<ForwardView>> {
        store::ForwardTable table(tx);
        std::vector<ForwardView> views;
        Holds holds(tx);
        TunnelTexts texts(tx);
        for (auto& forward : actor.is_admin() ? table.all() : table.of_user(actor.user)) {
            views.push_back(view_of(*context_.live, holds, std::move(forward)));
            texts.fill(views.back());
        }
        return views;
    });
}

Result<std::vector<ForwardId>> Forwards::own(UserId user)
{
    return context_.store->read([&](store::ReadTx& tx) -> Result<std::vector<ForwardId>> { return store::ForwardTable(tx).ids_of_user(user); });
}

Result<Forwards::Part> Forwards::list(const Actor& actor, std::size_t first, std::size_t count)
{
    constexpr std::size_t most = 1000;
    return context_.store->read([&](store::ReadTx& tx) -> Result<Part> {
        store::ForwardTable table(tx);
        const auto owner = actor.is_admin() ? std::nullopt : std::optional{actor.user};
        Part part;
        part.total = static_cast<std::size_t>(owner ? table.count_of(*owner) : table.count());
        Holds holds(tx);
        TunnelTexts texts(tx);
        for (auto& forward : table.part(owner, first, std::min(count, most))) {
            part.views.push_back(view_of(*context_.live, holds, std::move(forward)));
            texts.fill(part.views.back());
        }
        return part;
    });
}

Result<ForwardView> Forwards::get(const Actor& actor, ForwardId id)
{
    return context_.store->read([&](store::ReadTx& tx) -> Result<ForwardView> {
        auto forward = find_for(tx, actor, id);
        if (!forward) return forward.error();
        Holds holds(tx);
        auto view = view_of(*context_.live, holds, std::move(*forward));
        TunnelTexts(tx).fill(view);
        return view;
    });
}

Result<void> Forwards::may_create(const Actor& actor, TunnelId tunnel)
{
    return context_.store->read([&](store::ReadTx& tx) -> Result<void> {
        const auto usable = usable_tunnel(tx, actor, tunnel);
        if (!usable) return usable.error();
        return {};
    });
}

Result<void> Forwards::may_update(const Actor& actor, ForwardId id, const domain::Patch<TunnelId>& tunnel)
{
    return context_.store->read([&](store::ReadTx& tx) -> Result<void> {
        const auto forward = find_for(tx, actor, id);
        if (!forward) return forward.error();
        const auto usable = usable_tunnel(tx, actor, tunnel.value_or(forward->tunnel));
        if (!usable) return usable.error();
        return {};
    });
}

Result<Forwards::Created> Forwards::create(const Actor& actor, const domain::ForwardDraft& draft)
{
    std::vector<std::uint16_t> tried;
    auto created = create_once(actor, draft, tried);
    // Which ports other programs of a node have is found out by trying. That one of our own choice is taken is not the user's problem.
    while (!created && !draft.port && created.error().field == "forward.deploy" && created.error().args.size() > 2 &&
           created.error().args[1] == plan::to_text(plan::Fault::address_in_use) && tried.size() < ports_to_try) {
        tried.push_back(static_cast<std::uint16_t>(parse_int(created.error().args[2]).value_or(0)));
        auto again = create_once(actor, draft, tried);
        if (!again && again.error().field == "forward.no_port") break;
        created = std::move(again);
    }
    return created;
}

Result<Forwards::Created> Forwards::create_once(const Actor& actor, const domain::ForwardDraft& draft, const std::vector<std::uint16_t>& tried)
{
    struct Made {
        domain::Forward forward;
        std::vector<DeployTarget> targets;
    };
    auto made = context_.store->write([&](store::WriteTx& tx) -> Result<Made> {
        auto inserted = insert_forward(tx, context_, actor, draft, tried);
        if (!inserted) return inserted.error();
        auto& forward = *inserted;
        auto targets = deploy_targets(tx, forward, bump_nodes_of(tx, {forward}));
        return Made{std::move(forward), std::move(targets)};
    });
    if (!made) return made.error();
    if (auto deployed = deploy(context_, made->targets, made->forward.id); !deployed) {
        // All or nothing: what cannot listen everywhere is not there at all.
        const auto undone = context_.store->write([&](store::WriteTx& tx) -> Result<Revisions> {
            auto revisions = bump_nodes_of(tx, {made->forward});
            store::ForwardTable(tx).remove(made->forward.id);
            audit(tx, context_, actor, "forward.create_undone", made->forward.id.value, describe(deployed.error()));
            return revisions;
        });
        if (!undone) return undone.error();
        settle(context_, *undone);
        return deployed.error();
    }
    return Created{made->forward.id, made->forward.ports.front().port};
}

Result<void> Forwards::update(const Actor& actor, ForwardId id, const domain::ForwardPatch& patch)
{
    struct Changed {
        domain::Forward before;
        domain::Forward after;
        std::vector<DeployTarget> targets;
    };
    auto changed = context_.store->write([&](store::WriteTx& tx) -> Result<Changed> {
        auto before = find_for(tx, actor, id);
        if (!before) return before.error();
        auto forward = *before;
        domain::apply(patch.name, forward.name);
        domain::apply(patch.tunnel, forward.tunnel);
        domain::apply(patch.targets, forward.targets);
        domain::apply(patch.pick, forward.pick);
        domain::apply(patch.bind_address, forward.options.bind_address);
        domain::apply(patch.tcp, forward.options.tcp);
        domain::apply(patch.udp, forward.options.udp);
        domain::apply(patch.allow, forward.options.allow);
        domain::apply(patch.deny, forward.options.deny);
        domain::apply(patch.max_connections, forward.options.max_connections);
        domain::apply(patch.max_clients, forward.options.clients.most);
        domain::apply(patch.replace_clients, forward.options.clients.replace);
        auto tunnel = usable_tunnel(tx, actor, forward.tunnel);
        if (!tunnel) return tunnel.error();
        if (auto checked = check_fields(forward); !checked) return checked.error();
        if (forward.tunnel != before->tunnel) {
            // The owner pays, so the owner needs the right to the new tunnel, whoever moves his forward.
            auto owner = owner_of(tx, forward.owner, forward.tunnel);
            if (!owner) return owner.error();
            if (auto allowed = domain::may_run(owner->user, owner->assignment, context_.clock->wall()); !allowed) return allowed.error();
        }
        const auto entries = entry_nodes(tx, *tunnel);
        std::optional<std::uint16_t> wanted = patch.port;
        if (!wanted) {
            for (const auto& port : before->ports) wanted = std::min(wanted.value_or(port.port), port.port);
        }
        auto port = choose_port(tx, entries, wanted, id);
        // On another tunnel the old port is a preference, not a demand.
        if (!port && !patch.port && forward.tunnel != before->tunnel) port = choose_port(tx, entries, std::nullopt, id);
        if (!port) return port.error();
        forward.ports.clear();
        for (const auto& node : entries) forward.ports.push_back({node.id, *port});
        if (forward.tunnel != before->tunnel) {
            if (auto allowed = Holds(tx).may_run(forward); !allowed) return allowed.error();
        }
        forward.updated = context_.clock->wall();
        store::ForwardTable(tx).update(forward);
        remember_payer(tx, forward);
        audit(tx, context_, actor, "forward.update", id.value, before->name + " " + store::join_targets(before->targets),
              forward.name + " " + store::join_targets(forward.targets));
        const auto revisions = bump_nodes_of(tx, {*before, forward});
        auto targets = deploy_targets(tx, forward, revisions);
        return Changed{std::move(*before), std::move(forward), std::move(targets)};
    });
    if (!changed) return changed.error();
    std::vector<NodeId> left;
    for (const auto& port : changed->before.ports) left.push_back(port.node);
    context_.gateway->plan_changed(left);
    // A paused forward is in no plan; there is nothing to wait for.
    if (!changed->after.enabled) return {};
    if (auto deployed = deploy(context_, changed->targets, id); !deployed) {
        const auto restored = context_.store->write([&](store::WriteTx& tx) -> Result<Revisions> {
            store::ForwardTable(tx).update(changed->before);
            remember_payer(tx, changed->before);
            audit(tx, context_, actor, "forward.update_undone", id.value, describe(deployed.error()));
            return bump_nodes_of(tx, {changed->before, changed->after});
        });
        if (!restored) return restored.error();
        settle(context_, *restored);
        return deployed.error();
    }
    return {};
}

namespace {

// Removes the row and tells the nodes. With `wait` the answer comes when every listener is closed.
Result<void> remove_forward(const Context& context, const Actor& actor, ForwardId id, bool need_nodes)
{
    if (need_nodes) {
        auto offline = context.store->read([&](store::ReadTx& tx) -> Result<void> {
            const auto forward = find_for(tx, actor, id);
            if (!forward) return forward.error();
            for (const auto& port : forward->ports) {
                const auto node = store::NodeTable(tx).find(port.node);
                if (node && !context.gateway->online(port.node)) return make_error(Errc::node_offline, "node", {}, {node->name});
            }
            return {};
        });
        if (!offline) return offline;
    }
    auto revisions = context.store->write([&](store::WriteTx& tx) -> Result<Revisions> {
        const auto forward = find_for(tx, actor, id);
        if (!forward) return forward.error();
        auto bumped = bump_nodes_of(tx, {*forward});
        store::ForwardTable(tx).remove(id);
        audit(tx, context, actor, "forward.delete", id.value, forward->name);
        return bumped;
    });
    if (!revisions) return revisions.error();
    announce_plans(context, *revisions);
    for (const auto& [node, revision] : *revisions) {
        if (!context.gateway->online(node)) continue;
        const auto closed = context.gateway->converge(node, revision, Milliseconds{5000});
        if (!closed)
            log::warning("deleted forward may still listen", {{"forward", id.value}, {"node", node.value}, {"problem", describe(closed.error())}});
    }
    return {};
}

} // namespace

Result<void> Forwards::remove(const Actor& actor, ForwardId id) { return remove_forward(context_, actor, id, true); }

Result<void> Forwards::force_remove(const Actor& actor, ForwardId id) { return remove_forward(context_, actor, id, false); }

Result<void> Forwards::pause(const Actor& actor, ForwardId id)
{
    auto revisions = context_.store->write([&](store::WriteTx& tx) -> Result<Revisions> {
        const auto forward = find_for(tx, actor, id);
        if (!forward) return forward.error();
        store::ForwardTable(tx).set_enabled(id, false, context_.clock->wall());
        audit(tx, context_, actor, "forward.pause", id.value);
        return bump_nodes_of(tx, {*forward});
    });
    if (!revisions) return revisions.error();
    announce_plans(context_, *revisions);
    // "Paused" is said when it is so. A node that is away pauses when it returns.
    for (const auto& [node, revision] : *revisions) {
        const auto closed = context_.gateway->converge(node, revision, Milliseconds{10'000});
        if (!closed && closed.error().code != Errc::node_offline) return closed.error();
    }
    return {};
}

Result<void> Forwards::resume(const Actor& actor, ForwardId id)
{
    struct Resumed {
        domain::Forward forward;
        std::vector<DeployTarget> targets;
    };
    auto resumed = context_.store->write([&](store::WriteTx& tx) -> Result<Resumed> {
        auto forward = find_for(tx, actor, id);
        if (!forward) return forward.error();
        const auto tunnel = store::TunnelTable(tx).find(forward->tunnel);
        if (!tunnel) return make_error(Errc::not_found, "tunnel");
        if (!tunnel->enabled) return make_error(Errc::conflict, "tunnel.disabled_resume");
        auto owner = owner_of(tx, forward->owner, forward->tunnel);
        if (!owner) return owner.error();
        if (auto allowed = domain::may_run(owner->user, owner->assignment, context_.clock->wall()); !allowed) return allowed.error();
        if (forward->ports.empty()) return make_error(Errc::conflict, "forward.entries");
        if (auto allowed = Holds(tx).may_run(*forward); !allowed) return allowed.error();
        store::ForwardTable(tx).set_enabled(id, true, context_.clock->wall());
        audit(tx, context_, actor, "forward.resume", id.value);
        auto targets = deploy_targets(tx, *forward, bump_nodes_of(tx, {*forward}));
        return Resumed{std::move(*forward), std::move(targets)};
    });
    if (!resumed) return resumed.error();
    auto deployed = deploy(context_, resumed->targets, id);
    if (deployed || resumed->forward.enabled) return deployed;
    const auto paused = context_.store->write([&](store::WriteTx& tx) -> Result<Revisions> {
        store::ForwardTable(tx).set_enabled(id, false, context_.clock->wall());
        audit(tx, context_, actor, "forward.resume_undone", id.value, describe(deployed.error()));
        return bump_nodes_of(tx, {resumed->forward});
    });
    if (!paused) return paused.error();
    announce_plans(context_, *paused);
    return deployed;
}

Result<void> Forwards::redeploy(const Actor& actor, ForwardId id)
{
    const auto targets = context_.store->write([&](store::WriteTx& tx) -> Result<std::vector<DeployTarget>> {
        const auto forward = find_for(tx, actor, id);
        if (!forward) return forward.error();
        if (forward->ports.empty()) return make_error(Errc::conflict, "forward.entries");
        if (!forward->enabled) return std::vector<DeployTarget>{};
        audit(tx, context_, actor, "forward.redeploy", id.value);
        return deploy_targets(tx, *forward, bump_nodes_of(tx, {*forward}));
    });
    if (!targets) return targets.error();
    return deploy(context_, *targets, id);
}

Result<void> Forwards::reorder(const Actor& actor, const std::vector<std::pair<ForwardId, std::int64_t>>& order)
{
    return context_.store->write([&](store::WriteTx& tx) -> Result<void> {
        store::ForwardTable forwards(tx);
        for (const auto& [id, position] : order) {
            if (find_for(tx, actor, id)) forwards.set_position(id, position);
        }
        audit(tx, context_, actor, "forward.reorder", 0, {}, std::to_string(order.size()) + " forwards");
        return {};
    });
}

Result<ForwardDiagnosis> Forwards::diagnose(const Actor& actor, ForwardId id)
{
    auto planned = context_.store->read([&](store::ReadTx& tx) -> Result<ForwardDiagnosis> {
        const auto forward = find_for(tx, actor, id);
        if (!forward) return forward.error();
        if (forward->targets.empty()) return make_error(Errc::invalid, "forward.targets_empty");
        const auto tunnel = store::TunnelTable(tx).find(forward->tunnel);
        if (!tunnel) return make_error(Errc::not_found, "tunnel");
        const auto entries = entry_nodes(tx, *tunnel);
        if (entries.empty()) return make_error(Errc::invalid, "forward.tunnel_incomplete");
        ForwardDiagnosis diagnosis{forward->name, {}};
        if (tunnel->type == domain::TunnelType::chain) {
            add_chain_steps(tx, *tunnel, diagnosis.steps);
            for (const auto& node : exit_nodes(tx, *tunnel)) {
                for (const auto& target : forward->targets) diagnosis.steps.push_back(from_exit(step_to_target(node, target)));
            }
        } else {
            for (const auto& node : entries) {
                for (const auto& target : forward->targets) diagnosis.steps.push_back(step_to_target(node, target));
            }
        }
        if (!forward->enabled || !forward->options.tcp) return diagnosis;
        for (const auto& node : entries) {
            const auto port = std::find_if(forward->ports.begin(), forward->ports.end(), [&](const auto& one) { return one.node == node.id; });
            if (port == forward->ports.end()) continue;
            const auto listen =
                forward->options.bind_address.value_or(domain::parse_listen(node.tcp_listen, "node.tcp_listen").value_or(IpAddress::any_v6()));
            diagnosis.steps.push_back(step_to_listener(node, listen, port->port));
        }
        return diagnosis;
    });
    if (!planned) return planned.error();
    run_steps(context_, planned->steps);
    return std::move(*planned);
}

} // namespace sluice::panel
