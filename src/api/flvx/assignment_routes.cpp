// Which user may use which tunnel (FLVX contract 5.5), for administrators.
#include "api/flvx/route.hpp"
#include "api/flvx/shapes.hpp"

namespace sluice::flvx {

namespace {

constexpr std::chrono::hours default_lifetime{24 * 365};

Reply list_assignments(Call& call)
{
    const auto user = id_of(call, "userId");
    if (call.body.bad()) return fail(-1, "请求参数错误");
    if (!user) return ok(Json::array());
    const auto assignments = call.panel.assignments().list(call.who(), UserId{*user});
    if (!assignments) return fail(assignments.error());
    Json items = Json::array();
    for (const auto& view : *assignments) items.push_back(assignment_json(view, false));
    return ok(listing(call, std::move(items)));
}

// Fields that were given; a negative number counts as not given.
Result<domain::AssignmentPatch> given_fields(const Body& body)
{
    domain::AssignmentPatch patch;
    const auto number = [&](const char* key) { return body.integer(key, -1); };
    if (number("flow") >= 0) {
        const auto quota = from_gigabytes(number("flow"));
        if (!quota) return make_error(Errc::invalid, "assignment.quota");
        patch.allowance.quota = *quota;
    }
    if (number("num") >= 0) patch.allowance.max_forwards = number("num");
    if (number("expTime") >= 0) patch.allowance.expires = from_expiry(number("expTime"));
    if (number("flowResetTime") >= 0) {
        if (number("flowResetTime") > 31) return make_error(Errc::invalid, "assignment.reset_day");
        patch.allowance.reset_day = static_cast<int>(number("flowResetTime"));
    }
    if (body.has("speedId")) {
        const auto speed = body.id("speedId");
        patch.speed_limit = speed ? std::optional{SpeedLimitId{*speed}} : std::optional<SpeedLimitId>{};
    }
    if (number("status") >= 0) patch.enabled = number("status") != 0;
    return patch;
}

Reply assign(Call& call)
{
    const auto user = id_of(call, "userId");
    const auto tunnel = id_of(call, "tunnelId");
    if (!user || !tunnel) return fail(-2, "userId or tunnelId missing");
    const auto patch = given_fields(call.body);
    if (!patch) return fail(patch.error());
    const auto done = call.panel.assignments().assign(call.who(), UserId{*user}, TunnelId{*tunnel}, *patch);
    return done ? ok() : fail(done.error());
}

Reply batch_assign(Call& call)
{
    const auto user = id_of(call, "userId");
    if (!call.body.is_list("tunnels") && !call.body.is_list("tunnelIds")) return fail(-1, "请求参数错误");
    if (!user) return fail(-2, "userId or tunnelId missing");
    if (call.body.is_list("tunnels")) {
        for (const auto& item : call.body.json()["tunnels"]) {
            const auto one = Body::parse(item.dump());
            if (!one) return fail(-1, "请求参数错误");
            const auto tunnel = one->id("tunnelId");
            if (!tunnel) return fail(-2, "userId or tunnelId missing");
            domain::AssignmentPatch patch;
            if (const auto speed = one->id("speedId")) patch.speed_limit = SpeedLimitId{*speed};
            const auto done = call.panel.assignments().assign(call.who(), UserId{*user}, TunnelId{*tunnel}, patch);
            if (!done) return fail(done.error());
        }
        return ok();
    }
    const auto patch = given_fields(call.body);
    if (!patch) return fail(patch.error());
    for (const auto tunnel : call.body.ids("tunnelIds")) {
        const auto done = call.panel.assignments().assign(call.who(), UserId{*user}, TunnelId{tunnel}, *patch);
        if (!done) return fail(done.error());
    }
    return ok();
}

// Omitted means the default here, not kept (contract 5.5).
Reply update_assignment(Call& call)
{
    const auto id = id_of(call);
    if (!id) return fail(-1, "权限ID不能为空");
    const auto& body = call.body;
    domain::AssignmentPatch patch;
    const auto quota = from_gigabytes(body.integer("flow", 0));
    if (!quota) return fail(make_error(Errc::invalid, "assignment.quota"));
    patch.allowance.quota = *quota;
    patch.allowance.max_forwards = body.integer("num", 0);
    patch.allowance.expires = from_expiry(body.integer("expTime", to_epoch_ms(call.panel.clock().wall() + default_lifetime)));
    const auto day = body.integer("flowResetTime", 1);
    if (day < 0 || day > 31) return fail(make_error(Errc::invalid, "assignment.reset_day"));
    patch.allowance.reset_day = static_cast<int>(day);
    const auto speed = body.id("speedId");
    patch.speed_limit = speed ? std::optional{SpeedLimitId{*speed}} : std::optional<SpeedLimitId>{};
    patch.enabled = body.integer("status", 1) != 0;
    const auto done = call.panel.assignments().update(call.who(), AssignmentId{*id}, patch);
    return done ? ok() : fail(done.error());
}

Reply remove_assignment(Call& call)
{
    const auto user = id_of(call, "userId");
    const auto tunnel = id_of(call, "tunnelId");
    if (!call.body.has("id") && user && tunnel) {
        const auto done = call.panel.assignments().remove(call.who(), UserId{*user}, TunnelId{*tunnel});
        return done ? ok() : fail(done.error());
    }
    const auto id = id_of(call);
    if (!id) return fail(-1, "参数错误");
    const auto done = call.panel.assignments().remove(call.who(), AssignmentId{*id});
    return done ? ok() : fail(done.error());
}

constexpr Route routes[] = {
    {"/api/v1/tunnel/user/list", Access::admin, Needs::object, list_assignments},
    {"/api/v1/tunnel/user/assign", Access::admin, Needs::object, assign},
    {"/api/v1/tunnel/user/batch-assign", Access::admin, Needs::object, batch_assign},
    {"/api/v1/tunnel/user/update", Access::admin, Needs::object, update_assignment},
    {"/api/v1/tunnel/user/remove", Access::admin, Needs::object, remove_assignment},
};

} // namespace

std::span<const Route> assignment_routes() { return routes; }

} // namespace sluice::flvx
