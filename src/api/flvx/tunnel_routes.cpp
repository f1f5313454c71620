// Tunnels (FLVX contract 5.4), and the tunnels that a user may use (5.5).
#include "api/flvx/batch.hpp"
#include "api/flvx/order.hpp"
#include "api/flvx/route.hpp"
#include "api/flvx/shapes.hpp"

#include <algorithm>
#include <utility>

namespace sluice::flvx {

namespace {

// A node object, or a bare id as the published skill sends it (contract 8, row 25).
void add_hop(const Json& item, domain::HopRole role, int place, std::vector<domain::HopNode>& hops)
{
    domain::HopNode hop;
    hop.role = role;
    hop.place = place;
    if (!item.is_object()) {
        hop.node = NodeId{integer_of(item, 0)};
    } else {
        const auto read = Body::parse(item.dump());
        if (!read) return;
        hop.node = NodeId{read->integer("nodeId", 0)};
        hop.strategy = hop_strategy_of(read->text("strategy"));
        hop.carrier = carrier_of(read->text("protocol"));
        const auto port = read->integer("port", 0);
        if (port > 0 && port <= 65535 && role != domain::HopRole::entry) hop.port = static_cast<std::uint16_t>(port);
        // How the place before finds it, where that is not the node's own address (docs/TUNNEL.md).
        hop.public_host = read->text("publicHost");
        const auto outside = read->integer("publicPort", 0);
        if (outside > 0 && outside <= 65535) hop.public_port = static_cast<std::uint16_t>(outside);
        hop.server_name = read->text("serverName");
        hop.alpn = read->text("alpn");
        hop.path = read->text("path");
    }
    if (hop.node) hops.push_back(hop);
}

// Errors: invalid "tunnel.kind", "tunnel.preference".
Result<domain::TunnelDraft> read_draft(const Body& body)
{
    domain::TunnelDraft draft;
    draft.name = body.text("name");
    const auto type = body.integer("type", 1);
    if (type != 1 && type != 2) return make_error(Errc::invalid, "tunnel.kind");
    draft.type = type == 2 ? domain::TunnelType::chain : domain::TunnelType::direct;
    draft.billing.factor = static_cast<int>(std::clamp<std::int64_t>(body.integer("flow", 1), 0, 100));
    draft.billing.ratio = body.number("trafficRatio", 1.0);
    draft.enabled = body.integer("status", 1) != 0;
    draft.entry_addresses = text_or_null(body, "inIp");
    const auto preference = preference_of(body.text("ipPreference"));
    if (!preference) return make_error(Errc::invalid, "tunnel.preference");
    draft.preference = *preference;
    const auto& json = body.json();
    if (body.is_list("inNodeId")) {
        for (const auto& item : json["inNodeId"]) add_hop(item, domain::HopRole::entry, 0, draft.hops);
    }
    int place = 0;
    if (body.is_list("chainNodes")) {
        for (const auto& hop : json["chainNodes"]) {
            ++place;
            if (!hop.is_array()) continue;
            for (const auto& item : hop) add_hop(item, domain::HopRole::middle, place, draft.hops);
        }
    } else if (body.is_list("chainNodeId")) {
        for (const auto& item : json["chainNodeId"]) add_hop(item, domain::HopRole::middle, ++place, draft.hops);
    }
    if (body.is_list("outNodeId")) {
        for (const auto& item : json["outNodeId"]) add_hop(item, domain::HopRole::exit, 0, draft.hops);
    }
    return draft;
}

Reply list_tunnels(Call& call)
{
    const auto tunnels = call.panel.tunnels().list(call.who());
    return tunnels ? ok(listing(call, *tunnels, tunnel_json)) : fail(tunnels.error());
}

Reply get_tunnel(Call& call)
{
    const auto id = id_of(call);
    if (!id) return fail(-1, "参数错误");
    const auto tunnel = call.panel.tunnels().get(call.who(), TunnelId{*id});
    return tunnel ? ok(tunnel_json(*tunnel)) : fail(tunnel.error());
}

Reply create_tunnel(Call& call)
{
    // The name comes first, whatever else is wrong (contract 5.4).
    if (call.body.text("name").empty()) return fail(make_error(Errc::invalid, "tunnel.name"));
    const auto draft = read_draft(call.body);
    if (!draft) return fail(draft.error());
    const auto id = call.panel.tunnels().create(call.who(), *draft);
    return id ? ok({{"id", id->value}}) : fail(id.error());
}

Reply update_tunnel(Call& call)
{
    const auto id = id_of(call);
    if (!id) return fail(-1, "隧道ID不能为空");
    const auto draft = read_draft(call.body);
    if (!draft) return fail(draft.error());
    const auto updated = call.panel.tunnels().update(call.who(), TunnelId{*id}, *draft);
    return updated ? ok() : fail(updated.error());
}

Reply delete_tunnel(Call& call)
{
    const auto id = id_of(call);
    if (!id) return fail(-1, "参数错误");
    const auto removed = call.panel.tunnels().remove(call.who(), TunnelId{*id});
    return removed ? ok() : fail(removed.error());
}

Reply order_tunnels(Call& call)
{
    const auto order = read_order<TunnelId>(call.body, "tunnels");
    if (!order) return fail(order.error());
    const auto done = call.panel.tunnels().reorder(call.who(), *order);
    return done ? ok() : fail(done.error());
}

Reply diagnose_tunnel(Call& call)
{
    const auto id = id_of(call, "tunnelId", "id");
    if (!id) return fail(-1, "参数错误");
    const auto diagnosis = call.panel.tunnels().diagnose(call.who(), TunnelId{*id});
    if (!diagnosis) return fail(diagnosis.error());
    Json results = Json::array();
    for (const auto& step : diagnosis->steps) results.push_back(step_json(step));
    return ok({{"tunnelName", diagnosis->name},
               {"tunnelType", diagnosis->type == domain::TunnelType::direct ? "端口转发" : "隧道转发"},
               {"timestamp", to_epoch_ms(call.panel.clock().wall())},
               {"results", std::move(results)}});
}

Reply usable_tunnels(Call& call)
{
    const auto tunnels = call.panel.tunnels().usable(call.who());
    if (!tunnels) return fail(tunnels.error());
    Json items = Json::array();
    for (const auto& tunnel : *tunnels)
        items.push_back({{"id", tunnel.id.value},
                         {"name", tunnel.name},
                         {"type", static_cast<int>(tunnel.type)},
                         {"status", 1},
                         {"portRangeMin", tunnel.port_min},
                         {"portRangeMax", tunnel.port_max}});
    return ok(std::move(items));
}

Reply delete_tunnels(Call& call)
{
    return batch_of_ids(call, [&call](std::int64_t id) { return call.panel.tunnels().remove(call.who(), TunnelId{id}); });
}

Reply redeploy_tunnels(Call& call)
{
    return batch_of_ids(call, [&call](std::int64_t id) { return call.panel.tunnels().redeploy(call.who(), TunnelId{id}); });
}

// clang-format off: a row of the table is a line
constexpr Route routes[] = {
    described({"/api/v1/tunnel/list", Access::admin, Needs::anything, list_tunnels}, "All tunnels.", &shapes::page, gives_list(shapes::tunnel), Reach::reading),
    described({"/api/v1/tunnel/get", Access::admin, Needs::object, get_tunnel}, "One tunnel.", &shapes::id, gives(shapes::tunnel), Reach::reading),
    described({"/api/v1/tunnel/create", Access::admin, Needs::object, create_tunnel}, "A new tunnel.", &shapes::tunnel_draft, gives(shapes::made), Reach::nodes),
    described({"/api/v1/tunnel/update", Access::admin, Needs::object, update_tunnel}, "Changes a tunnel; its forwards follow.", &shapes::tunnel_draft, {}, Reach::nodes),
    described({"/api/v1/tunnel/delete", Access::admin, Needs::object, delete_tunnel}, "Deletes a tunnel with its forwards.", &shapes::id, {}, Reach::nodes),
    described({"/api/v1/tunnel/batch-delete", Access::admin, Needs::object, delete_tunnels}, "Deletes several tunnels.", &shapes::ids, gives(shapes::batch), Reach::nodes),
    described({"/api/v1/tunnel/batch-redeploy", Access::admin, Needs::object, redeploy_tunnels}, "Sends several tunnels to their nodes again.", &shapes::ids, gives(shapes::batch), Reach::nodes),
    described({"/api/v1/tunnel/update-order", Access::admin, Needs::object, order_tunnels}, "In which order tunnels are listed.", &shapes::tunnel_order, {}, Reach::nodes),
    described({"/api/v1/tunnel/diagnose", Access::admin, Needs::object, diagnose_tunnel}, "Tries each step of a tunnel.", &shapes::tunnel_id, gives(shapes::tunnel_diagnosis), Reach::nodes),
    described({"/api/v1/tunnel/user/tunnel", Access::signed_in, Needs::nothing, usable_tunnels}, "Tunnels that one may make forwards on.", nullptr, gives_list(shapes::usable), Reach::reading),
};
// clang-format on

} // namespace

std::span<const Route> tunnel_routes() { return routes; }

} // namespace sluice::flvx
