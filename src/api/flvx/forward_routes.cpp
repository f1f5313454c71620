// Forwards (FLVX contract 5.6): everybody on his own, administrators on all.
#include "api/flvx/batch.hpp"
#include "api/flvx/messages.hpp"
#include "api/flvx/order.hpp"
#include "api/flvx/route.hpp"
#include "api/flvx/shapes.hpp"
#include "base/text.hpp"

namespace sluice::flvx {

namespace {

// Comma-separated; blanks trimmed, empty items dropped (contract 4.6). Errors: invalid "forward.targets".
Result<std::vector<HostPort>> read_targets(const std::string& text)
{
    std::vector<HostPort> targets;
    for (const auto item : split(text, ',')) {
        if (trim(item).empty()) continue;
        auto target = HostPort::parse(item);
        if (!target) return make_error(Errc::invalid, "forward.targets", target.error().detail);
        targets.push_back(std::move(*target));
    }
    return targets;
}

Result<std::vector<Cidr>> read_networks(const std::string& text)
{
    std::vector<Cidr> networks;
    for (const auto item : split(text, ',')) {
        if (trim(item).empty()) continue;
        const auto network = Cidr::parse(trim(item));
        if (!network) return make_error(Errc::invalid, "forward.sources", network.error().detail);
        networks.push_back(*network);
    }
    return networks;
}

// What our own page may say beyond the contract.
Result<void> read_options(const Body& body, domain::ForwardPatch& patch)
{
    if (body.has("listenIp")) {
        const auto text = body.text("listenIp");
        patch.bind_address = std::optional<IpAddress>{};
        if (!text.empty()) {
            const auto address = IpAddress::parse(text);
            if (!address) return make_error(Errc::invalid, "forward.bind_address");
            patch.bind_address = std::optional{*address};
        }
    }
    if (body.has("protocol")) {
        const auto text = body.text("protocol");
        if (text != "tcp" && text != "udp" && text != "tcp+udp" && !text.empty()) return make_error(Errc::invalid, "forward.protocol");
        patch.tcp = text != "udp";
        patch.udp = text != "tcp";
    }
    if (body.has("allowIps")) {
        auto networks = read_networks(body.text("allowIps"));
        if (!networks) return networks.error();
        patch.allow = std::move(*networks);
    }
    if (body.has("denyIps")) {
        auto networks = read_networks(body.text("denyIps"));
        if (!networks) return networks.error();
        patch.deny = std::move(*networks);
    }
    const auto caps = read_caps(body);
    if (!caps) return caps.error();
    patch.max_connections = caps->max_connections;
    patch.max_clients = caps->max_clients;
    patch.replace_clients = caps->replace_clients;
    return {};
}

// Null, 0 and absent mean "choose". Errors: invalid "forward.port_number".
Result<std::optional<std::uint16_t>> read_port(const Body& body)
{
    const auto port = body.integer("inPort", 0);
    if (port == 0) return std::optional<std::uint16_t>{};
    if (port < 1 || port > 65535) return make_error(Errc::invalid, "forward.port_number");
    return std::optional{static_cast<std::uint16_t>(port)};
}

Reply list_forwards(Call& call)
{
    if (const auto wanted = part_of(call)) {
        const auto part = call.panel.forwards().list(call.who(), wanted->first, wanted->second);
        if (!part) return fail(part.error());
        Json list = Json::array();
        for (const auto& view : part->views) list.push_back(with_snake_names(forward_json(view)));
        return ok(paged(std::move(list), part->total));
    }
    const auto forwards = call.panel.forwards().list(call.who());
    return forwards ? ok(listing(call, *forwards, forward_json)) : fail(forwards.error());
}

// What a new forward is to be, but for its tunnel. Errors: invalid "forward.*".
Result<domain::ForwardDraft> read_draft(const Body& body)
{
    domain::ForwardDraft draft;
    draft.name = body.text("name");
    const auto addresses = body.text("remoteAddr");
    if (draft.name.empty() || addresses.empty()) return make_error(Errc::invalid, "forward.name_or_targets");
    auto targets = read_targets(addresses);
    if (!targets) return targets.error();
    draft.targets = std::move(*targets);
    const auto pick = strategy_of(body.text("strategy"));
    if (!pick) return make_error(Errc::invalid, "forward.strategy");
    draft.pick = *pick;
    const auto port = read_port(body);
    if (!port) return port.error();
    draft.port = *port;
    domain::ForwardPatch options;
    if (auto read = read_options(body, options); !read) return read.error();
    domain::apply(options.bind_address, draft.options.bind_address);
    domain::apply(options.tcp, draft.options.tcp);
    domain::apply(options.udp, draft.options.udp);
    domain::apply(options.allow, draft.options.allow);
    domain::apply(options.deny, draft.options.deny);
    domain::apply(options.max_connections, draft.options.max_connections);
    domain::apply(options.max_clients, draft.options.clients.most);
    domain::apply(options.replace_clients, draft.options.clients.replace);
    return draft;
}

Reply create_forward(Call& call)
{
    const auto tunnel = id_of(call, "tunnelId");
    if (!tunnel) return fail(-1, "隧道ID不能为空");
    auto draft = read_draft(call.body);
    if (!draft) {
        // What he may not use is said before what he typed wrong (contract 5.6).
        const auto allowed = call.panel.forwards().may_create(call.who(), TunnelId{*tunnel});
        return fail(allowed ? draft.error() : allowed.error());
    }
    draft->tunnel = TunnelId{*tunnel};
    const auto made = call.panel.forwards().create(call.who(), *draft);
    if (!made) return fail(made.error());
    return ok({{"id", made->id.value}, {"inPort", made->port}, {"in_port", made->port}});
}

// Blank or omitted keeps (contract 5.6). Errors: invalid "forward.*".
Result<domain::ForwardPatch> read_patch(const Body& body)
{
    domain::ForwardPatch patch;
    if (const auto name = body.text("name"); !name.empty()) patch.name = name;
    if (const auto text = body.text("remoteAddr"); !text.empty()) {
        auto targets = read_targets(text);
        if (!targets) return targets.error();
        patch.targets = std::move(*targets);
    }
    if (const auto text = body.text("strategy"); !text.empty()) {
        const auto pick = strategy_of(text);
        if (!pick) return make_error(Errc::invalid, "forward.strategy");
        patch.pick = pick;
    }
    const auto port = read_port(body);
    if (!port) return port.error();
    if (*port) patch.port = *port;
    if (auto read = read_options(body, patch); !read) return read.error();
    return patch;
}

Reply update_refused(const Error& error)
{
    if (error.code == Errc::conflict && error.field == "tunnel.disabled") return fail(-1, "隧道已禁用，无法更新转发");
    return fail(error);
}

Reply update_forward(Call& call)
{
    const auto id = id_of(call);
    if (!id) return fail(-1, "转发ID不能为空");
    domain::Patch<TunnelId> tunnel;
    if (const auto wanted = id_of(call, "tunnelId", "tunnelId")) tunnel = TunnelId{*wanted};
    auto patch = read_patch(call.body);
    if (!patch) {
        const auto allowed = call.panel.forwards().may_update(call.who(), ForwardId{*id}, tunnel);
        return update_refused(allowed ? patch.error() : allowed.error());
    }
    patch->tunnel = tunnel;
    const auto updated = call.panel.forwards().update(call.who(), ForwardId{*id}, *patch);
    return updated ? ok() : update_refused(updated.error());
}

template <auto Action>
Reply act(Call& call)
{
    const auto id = id_of(call);
    if (!id) return fail(-1, "参数错误");
    const auto done = (call.panel.forwards().*Action)(call.who(), ForwardId{*id});
    return done ? ok() : fail(done.error());
}

Reply diagnose_forward(Call& call)
{
    const auto id = id_of(call, "forwardId", "id");
    if (!id) return fail(-1, "参数错误");
    const auto diagnosis = call.panel.forwards().diagnose(call.who(), ForwardId{*id});
    if (!diagnosis) {
        const bool incomplete = diagnosis.error().field == "forward.tunnel_incomplete";
        return incomplete ? fail(-2, message_of(diagnosis.error())) : fail(diagnosis.error());
    }
    Json results = Json::array();
    for (const auto& step : diagnosis->steps) results.push_back(step_json(step));
    return ok({{"forwardName", diagnosis->name}, {"timestamp", to_epoch_ms(call.panel.clock().wall())}, {"results", std::move(results)}});
}

Reply order_forwards(Call& call)
{
    const auto order = read_order<ForwardId>(call.body, "forwards");
    if (!order) return fail(order.error());
    const auto done = call.panel.forwards().reorder(call.who(), *order);
    return done ? ok() : fail(done.error());
}

template <auto Action>
Reply batch(Call& call)
{
    return batch_of_ids(call, [&call](std::int64_t id) { return (call.panel.forwards().*Action)(call.who(), ForwardId{id}); });
}

// Ids that are exact integers; positive ones, in the given order. Errors: invalid "body".
Result<std::vector<std::int64_t>> exact_ids(const Body& body, const char* key)
{
    std::vector<std::int64_t> ids;
    if (!body.is_list(key)) return make_error(Errc::invalid, "body");
    for (const auto& item : body.json()[key]) {
        const auto id = exact_integer_of(item);
        if (!id) return make_error(Errc::invalid, "body");
        if (*id > 0) ids.push_back(*id);
    }
    return ids;
}

Reply change_tunnel(Call& call)
{
    auto& body = call.body;
    const auto ids = exact_ids(body, body.either("forwardIds", "ids"));
    const auto wanted = body.exact_integer(body.either("targetTunnelId", "tunnelId"));
    if (!ids || body.bad() || wanted <= 0) return fail(-1, "请求参数错误");
    const TunnelId target{wanted};
    auto& forwards = call.panel.forwards();
    if (const auto usable = forwards.may_create(call.who(), target); !usable) {
        if (usable.error().code == Errc::not_found) return fail(-1, "目标隧道不存在");
        if (usable.error().code == Errc::conflict) return fail(-1, "目标隧道已禁用");
        return fail(usable.error());
    }
    return run_batch(*ids, [&](std::int64_t id) -> Result<void> {
        const auto current = forwards.get(call.who(), ForwardId{id});
        if (!current) return current.error();
        if (current->forward.tunnel == target) return make_error(Errc::conflict, "forward.same_tunnel");
        domain::ForwardPatch patch;
        patch.tunnel = target;
        return forwards.update(call.who(), ForwardId{id}, patch);
    });
}

// clang-format off: a row of the table is a line
constexpr Route routes[] = {
    described({"/api/v1/forward/list", Access::signed_in, Needs::anything, list_forwards}, "One's own forwards; all of them for administrators.", &shapes::page, gives_list(shapes::forward), Reach::reading),
    described({"/api/v1/forward/create", Access::signed_in, Needs::object, create_forward}, "A new forward; answers when it listens.", &shapes::forward_draft, gives(shapes::made_forward), Reach::forwards),
    described({"/api/v1/forward/update", Access::signed_in, Needs::object, update_forward}, "Changes a forward; what is left out stays.", &shapes::forward_draft, {}, Reach::forwards),
    described({"/api/v1/forward/delete", Access::signed_in, Needs::object, act<&panel::Forwards::remove>}, "Deletes a forward.", &shapes::id, {}, Reach::forwards),
    described({"/api/v1/forward/force-delete", Access::signed_in, Needs::object, act<&panel::Forwards::force_remove>}, "Deletes a forward without waiting for its nodes.", &shapes::id, {}, Reach::forwards),
    described({"/api/v1/forward/pause", Access::signed_in, Needs::object, act<&panel::Forwards::pause>}, "Stops a forward and cuts its connections.", &shapes::id, {}, Reach::forwards),
    described({"/api/v1/forward/resume", Access::signed_in, Needs::object, act<&panel::Forwards::resume>}, "Starts a paused forward.", &shapes::id, {}, Reach::forwards),
    described({"/api/v1/forward/diagnose", Access::signed_in, Needs::object, diagnose_forward}, "Tries each step of a forward.", &shapes::forward_id, gives(shapes::forward_diagnosis), Reach::forwards),
    described({"/api/v1/forward/update-order", Access::signed_in, Needs::object, order_forwards}, "In which order forwards are listed.", &shapes::forward_order, {}, Reach::forwards),
    described({"/api/v1/forward/batch-delete", Access::signed_in, Needs::object, batch<&panel::Forwards::remove>}, "Deletes several forwards.", &shapes::ids, gives(shapes::batch), Reach::forwards),
    described({"/api/v1/forward/batch-pause", Access::signed_in, Needs::object, batch<&panel::Forwards::pause>}, "Stops several forwards.", &shapes::ids, gives(shapes::batch), Reach::forwards),
    described({"/api/v1/forward/batch-resume", Access::signed_in, Needs::object, batch<&panel::Forwards::resume>}, "Starts several forwards.", &shapes::ids, gives(shapes::batch), Reach::forwards),
    described({"/api/v1/forward/batch-redeploy", Access::signed_in, Needs::object, batch<&panel::Forwards::redeploy>}, "Sends several forwards to their nodes again.", &shapes::ids, gives(shapes::batch), Reach::forwards),
    described({"/api/v1/forward/batch-change-tunnel", Access::signed_in, Needs::object, change_tunnel}, "Moves several forwards to another tunnel.", &shapes::tunnel_change, gives(shapes::batch), Reach::forwards),
};
// clang-format on

} // namespace

std::span<const Route> forward_routes() { return routes; }

} // namespace sluice::flvx
