// What other panels ask about nodes that are shared with them (FLVX contract 5.10); words are English there.
#include "api/flvx/messages.hpp"
#include "api/flvx/peer_services.hpp"
#include "api/flvx/route.hpp"
#include "base/text.hpp"
#include "federation/peer_json.hpp"

namespace sluice::flvx {

namespace {

constexpr std::size_t sync_limit = std::size_t{8} * 1024 * 1024; // a plan of several thousand forwards

Reply bad_json() { return fail(-1, "Invalid JSON"); }

Reply connect(Call& call)
{
    const auto offer = call.panel.share_peers().connect(*call.share);
    return offer ? ok(federation::offer_json(*offer)) : fail_peer(offer.error());
}

Reply make_tunnel(Call& call)
{
    auto& body = call.body;
    const auto protocol = body.exact_text("protocol");
    const auto port = body.exact_integer("remotePort");
    const auto target = body.exact_text("target");
    if (body.bad()) return bad_json();
    const auto made = call.panel.share_peers().make_forward(*call.share, port, target, protocol);
    return made ? ok({{"tunnelId", made->value}}) : fail_peer(made.error());
}

Reply reserve_port(Call& call)
{
    auto& body = call.body;
    const auto key = body.exact_text("resourceKey");
    auto protocol = body.exact_text("protocol");
    const auto port = body.exact_integer("requestedPort");
    if (body.bad()) return bad_json();
    if (protocol.empty()) protocol = "tls";
    const auto reserved = call.panel.share_peers().reserve(*call.share, key, protocol, port);
    if (!reserved) return fail_peer(reserved.error());
    return ok({{"reservationId", reserved->id}, {"allocatedPort", reserved->port}, {"bindingId", reserved->binding}});
}

Reply apply_role(Call& call)
{
    auto& body = call.body;
    panel::RoleWish wish;
    wish.reservation = body.exact_text("reservationId");
    wish.resource_key = body.exact_text("resourceKey");
    wish.role = to_lower(body.exact_text("role"));
    wish.protocol = body.exact_text("protocol");
    wish.strategy = body.exact_text("strategy");
    if (body.has("targets") && !body.is_null("targets")) {
        if (!body.is_list("targets") || body.json()["targets"].size() > 64) return bad_json();
        for (const auto& item : body.json()["targets"]) {
            auto target = Body::parse(item.dump());
            if (!target) return bad_json();
            panel::RoleTarget read;
            read.host = target->exact_text("host");
            read.port = target->exact_integer("port");
            read.protocol = target->exact_text("protocol");
            if (target->bad()) return bad_json();
            wish.targets.push_back(std::move(read));
        }
    }
    if (body.bad()) return bad_json();
    if (wish.strategy.empty()) wish.strategy = "round";
    wish.tunnel = federation::tunnel_of(body.json());
    const auto applied = call.panel.share_peers().apply(*call.share, wish);
    if (!applied) return fail_peer(applied.error());
    return ok({{"bindingId", applied->binding}, {"reservationId", applied->id}, {"allocatedPort", applied->port}});
}

Reply release_role(Call& call)
{
    auto& body = call.body;
    const auto binding = body.exact_text("bindingId");
    const auto reservation = body.exact_text("reservationId");
    const auto key = body.exact_text("resourceKey");
    if (body.bad()) return bad_json();
    const auto released = call.panel.share_peers().release(*call.share, binding, reservation, key);
    return released ? ok() : fail_peer(released.error());
}

// The node's probe as the contract's nodes answer it (5.10).
Result<Json> probe(Call& call, const Json& asked)
{
    const auto body = Body::parse(asked.dump());
    if (!body) return make_error(Errc::invalid, "share.target");
    const auto host = body->text("ip");
    const auto port = body->integer("port", 0);
    const auto answer = call.panel.share_peers().diagnose(*call.share, host, port, std::max<std::int64_t>(body->integer("count", 4), 1),
                                                          body->integer("timeout", 5000));
    if (!answer) return answer.error();
    Json json{{"ip", host}, {"port", port}, {"success", answer->success}, {"averageTime", answer->average_ms}, {"packetLoss", answer->loss_percent}};
    if (!answer->success) json["errorMessage"] = answer->detail.empty() ? std::string{plan::to_text(answer->fault)} : answer->detail;
    return json;
}

Reply diagnose(Call& call)
{
    auto json = probe(call, call.body.json());
    return json ? ok(std::move(*json)) : fail_peer(json.error());
}

// A command in its types; absent `data`: nothing to say but OK.
Result<Json> obey(Call& call, const std::string& command, const Json& data)
{
    auto& peers = call.panel.share_peers();
    const auto& share = *call.share;
    const auto done = [](const Result<void>& result) -> Result<Json> { return result ? Result<Json>{Json()} : result.error(); };
    if (command == "addservice" || command == "updateservice") {
        const auto services = services_of(data);
        return services ? done(peers.put_services(share, *services)) : services.error();
    }
    if (command == "deleteservice" || command == "pauseservice" || command == "resumeservice") {
        const auto names = service_names_of(data);
        if (!names) return names.error();
        return done(command == "deleteservice" ? peers.remove_services(share, *names)
                                               : peers.pause_services(share, *names, command == "pauseservice"));
    }
    if (command == "addlimiters") {
        const auto limiter = limiter_of(data);
        return limiter ? done(peers.put_limiter(share, limiter->name, limiter->up, limiter->down)) : limiter.error();
    }
    if (command == "deletelimiters") {
        const auto name =
            data.is_object() && data.contains("limiter") && data["limiter"].is_string() ? data["limiter"].get<std::string>() : std::string{};
        return name.empty() ? make_error(Errc::invalid, "command.limiter") : done(peers.remove_limiter(share, name));
    }
    if (command == "addchains") return make_error(Errc::invalid, "command.chains");
    if (command == "deletechains" || command == "reload") return Json(); // there are no chains; what is wished is real already
    if (command == "tcpping") return probe(call, data);
    return make_error(Errc::invalid, "command.unknown");
}

Reply run_command(Call& call)
{
    auto& body = call.body;
    const auto command = body.exact_text("commandType");
    if (body.bad()) return bad_json();
    if (command.empty()) return fail_peer(make_error(Errc::invalid, "command.type"));
    auto data = obey(call, to_lower(command), body.has("data") ? body.json()["data"] : Json());
    if (!data) return fail_peer(data.error());
    Json answer{{"type", command + "Response"}, {"success", true}, {"message", "OK"}};
    if (!data->is_null()) answer["data"] = std::move(*data);
    return ok(std::move(answer));
}

Reply sync(Call& call)
{
    const auto wish = federation::wish_of(call.body.json());
    if (!wish) return fail_peer(wish.error());
    const auto state = call.panel.share_peers().sync(*call.share, *wish);
    return state ? ok(federation::state_json(*state)) : fail_peer(state.error());
}

constexpr Route english(Route route)
{
    route.bad_body = "Invalid JSON";
    route.bad_method = "Invalid method";
    return route;
}

constexpr Route large(Route route)
{
    route.body_limit = sync_limit;
    return route;
}

// clang-format off: a row of the table is a line
constexpr Route routes[] = {
    described(english({"/api/v1/federation/connect", Access::peer, Needs::nothing, connect}), "What a share gives.", nullptr, gives(shapes::share_offer)),
    described(english({"/api/v1/federation/tunnel/create", Access::peer, Needs::object, make_tunnel}), "A forward on the shared node.", &shapes::peer_tunnel, gives(shapes::made_peer_tunnel)),
    described(english({"/api/v1/federation/runtime/reserve-port", Access::peer, Needs::object, reserve_port}), "Reserves a port; the same one again for the same key.", &shapes::peer_reserve, gives(shapes::peer_reservation)),
    described(english({"/api/v1/federation/runtime/apply-role", Access::peer, Needs::object, apply_role}), "Gives a reserved port its role in a tunnel.", &shapes::peer_role, gives(shapes::peer_reservation)),
    described(english({"/api/v1/federation/runtime/release-role", Access::peer, Needs::object, release_role}), "Releases a port and its role.", &shapes::peer_release, {}),
    described(english({"/api/v1/federation/runtime/diagnose", Access::peer, Needs::object, diagnose}), "Whether the shared node reaches an address.", &shapes::peer_probe, gives(shapes::peer_probe_result)),
    described(english({"/api/v1/federation/runtime/command", Access::peer, Needs::object, run_command}), "One of the typed commands that an FLVX panel sends.", &shapes::peer_command, gives(shapes::peer_command_result)),
    described(large(english({"/api/v1/federation/runtime/sync", Access::stopped_peer, Needs::object, sync})), "All that a panel of this kind wants of the shared node, and what became of it.", &shapes::peer_wish, gives(shapes::peer_state)),
};
// clang-format on

} // namespace

std::span<const Route> peer_routes() { return routes; }

} // namespace sluice::flvx
