// Which user may use which tunnel (FLVX contract 5.5), for administrators.
#include "api/flvx/route.hpp"
#include "api/flvx/shapes.hpp"

#include <utility>
#include <vector>

namespace sluice::flvx {

namespace {

constexpr std::chrono::hours default_lifetime{24 * 365};

Reply list_assignments(Call& call)
{
    const auto user = call.body.exact_integer("userId");
    if (call.body.bad()) return fail(-1, "请求参数错误");
    const auto render = [](const panel::AssignmentView& view) { return assignment_json(view, false); };
    if (user <= 0) return ok(listing(call, std::vector<panel::AssignmentView>{}, render));
    const auto assignments = call.panel.assignments().list(call.who(), UserId{user});
    return assignments ? ok(listing(call, *assignments, render)) : fail(assignments.error());
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

// One tunnel of a batch: {"tunnelId":1,"speedId":null}; a null limit is one that was not given. Errors: invalid "body".
Result<std::pair<TunnelId, domain::AssignmentPatch>> read_batch_item(const Json& item)
{
    const auto malformed = make_error(Errc::invalid, "body");
    auto body = Body::parse(item.dump());
    if (!body) return malformed;
    const auto tunnel = body->exact_integer("tunnelId");
    const auto speed = body->exact_integer("speedId");
    if (body->bad()) return malformed;
    domain::AssignmentPatch patch;
    if (speed > 0) patch.speed_limit = SpeedLimitId{speed};
    return std::pair{TunnelId{tunnel}, patch};
}

// Everything is read before anything is assigned; then it stops at the first refusal (contract 5.5).
Reply batch_assign(Call& call)
{
    auto& body = call.body;
    const auto user = body.exact_integer("userId");
    std::vector<std::pair<TunnelId, domain::AssignmentPatch>> items;
    if (body.is_list("tunnels")) {
        for (const auto& item : body.json()["tunnels"]) {
            auto read = read_batch_item(item);
            if (!read) return fail(read.error());
            items.push_back(std::move(*read));
        }
    } else if (body.is_list("tunnelIds")) {
        const auto patch = given_fields(body);
        if (!patch) return fail(patch.error());
        for (const auto tunnel : body.ids("tunnelIds")) items.emplace_back(TunnelId{tunnel}, *patch);
    } else {
        body.mark_bad();
    }
    if (body.bad()) return fail(-1, "请求参数错误");
    if (user <= 0) return fail(-2, "userId or tunnelId missing");
    for (const auto& [tunnel, patch] : items) {
        if (!tunnel) return fail(-2, "userId or tunnelId missing");
        const auto done = call.panel.assignments().assign(call.who(), UserId{user}, tunnel, patch);
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

// clang-format off: a row of the table is a line
constexpr Route routes[] = {
    described({"/api/v1/tunnel/user/list", Access::admin, Needs::object, list_assignments}, "The assignments of a user.", &shapes::user_id, gives_list(shapes::assignment), Reach::reading),
    described({"/api/v1/tunnel/user/assign", Access::admin, Needs::object, assign}, "Lets a user use a tunnel; an assignment that exists is changed.", &shapes::assign),
    described({"/api/v1/tunnel/user/batch-assign", Access::admin, Needs::object, batch_assign}, "Lets a user use several tunnels; stops at the first refusal.", &shapes::batch_assign),
    described({"/api/v1/tunnel/user/update", Access::admin, Needs::object, update_assignment}, "Changes an assignment; what is left out takes the default.", &shapes::assignment_update),
    described({"/api/v1/tunnel/user/remove", Access::admin, Needs::object, remove_assignment}, "Ends an assignment and the forwards that need it.", &shapes::assignment_removal),
};
// clang-format on

} // namespace

std::span<const Route> assignment_routes() { return routes; }

} // namespace sluice::flvx
