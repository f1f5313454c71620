// Speed limits (FLVX contract 5.7), for administrators.
#include "api/flvx/route.hpp"
#include "api/flvx/shapes.hpp"

namespace sluice::flvx {

namespace {

// The tunnel may be left out or 0: the limit is usable on any tunnel then (contract 5.7, REC).
domain::SpeedLimitDraft read_draft(const Body& body)
{
    domain::SpeedLimitDraft draft;
    draft.name = body.text("name");
    draft.megabits = body.integer("speed", 100);
    if (const auto tunnel = body.id("tunnelId")) draft.tunnel = TunnelId{*tunnel};
    draft.enabled = body.integer("status", 1) != 0;
    return draft;
}

Reply list_speed_limits(Call& call)
{
    const auto limits = call.panel.speed_limits().list(call.who());
    return limits ? ok(listing(call, *limits, speed_limit_json)) : fail(limits.error());
}

Reply create_speed_limit(Call& call)
{
    const auto made = call.panel.speed_limits().create(call.who(), read_draft(call.body));
    return made ? ok(Json{{"id", made->value}}) : fail(made.error());
}

Reply update_speed_limit(Call& call)
{
    const auto id = id_of(call);
    if (!id) return fail(-1, "请求参数错误");
    const auto done = call.panel.speed_limits().update(call.who(), SpeedLimitId{*id}, read_draft(call.body));
    return done ? ok() : fail(done.error());
}

Reply delete_speed_limit(Call& call)
{
    const auto id = id_of(call);
    if (!id) return fail(-1, "参数错误");
    const auto done = call.panel.speed_limits().remove(call.who(), SpeedLimitId{*id});
    return done ? ok() : fail(done.error());
}

Reply list_tunnels(Call& call)
{
    const auto tunnels = call.panel.tunnels().list(call.who());
    return tunnels ? ok(listing(call, *tunnels, tunnel_json)) : fail(tunnels.error());
}

// clang-format off: a row of the table is a line
constexpr Route routes[] = {
    described({"/api/v1/speed-limit/list", Access::admin, Needs::anything, list_speed_limits}, "All speed limits.", &shapes::page, gives_list(shapes::speed_limit), Reach::reading),
    described({"/api/v1/speed-limit/create", Access::admin, Needs::object, create_speed_limit}, "A new speed limit.", &shapes::speed_limit_draft, gives(shapes::made)),
    described({"/api/v1/speed-limit/update", Access::admin, Needs::object, update_speed_limit}, "Changes a speed limit; connections that run follow.", &shapes::speed_limit_draft),
    described({"/api/v1/speed-limit/delete", Access::admin, Needs::object, delete_speed_limit}, "Deletes a speed limit.", &shapes::id),
    described({"/api/v1/speed-limit/tunnels", Access::admin, Needs::anything, list_tunnels}, "All tunnels, to choose one for a limit.", &shapes::page, gives_list(shapes::tunnel), Reach::reading),
};
// clang-format on

} // namespace

std::span<const Route> speed_limit_routes() { return routes; }

} // namespace sluice::flvx
