// Users, for administrators (FLVX contract 5.2).
#include "api/flvx/route.hpp"
#include "api/flvx/shapes.hpp"
#include "base/text.hpp"

namespace sluice::flvx {

namespace {

constexpr std::chrono::hours default_lifetime{24 * 365};

Reply list_users(Call& call)
{
    const auto users = call.panel.users().list(call.who());
    if (!users) return fail(users.error());
    const auto keyword = to_lower(call.body.exact_text("keyword"));
    if (call.body.bad()) return fail(-1, "请求参数错误");
    std::vector<domain::User> found;
    for (const auto& user : *users) {
        if (to_lower(user.name).find(keyword) != std::string::npos) found.push_back(user);
    }
    return ok(listing(call, found, user_json));
}

// Omitted fields take the create defaults, also in an update (contract 5.2): clients send all of them.
Result<panel::UserDraft> read_draft(Call& call)
{
    const auto& body = call.body;
    panel::UserDraft draft;
    draft.name = body.text("user");
    const auto password = body.text("pwd");
    if (!password.empty()) draft.password = Secret{password};
    draft.enabled = body.integer("status", 1) != 0;
    const auto quota = from_gigabytes(body.integer("flow", 100));
    if (!quota) return make_error(Errc::invalid, "user.quota");
    draft.allowance.quota = *quota;
    draft.allowance.max_forwards = body.integer("num", 10);
    if (draft.allowance.max_forwards < 0) return make_error(Errc::invalid, "user.max_forwards");
    const auto now = call.panel.clock().wall();
    draft.allowance.expires = from_expiry(body.integer("expTime", to_epoch_ms(now + default_lifetime)));
    const auto day = body.integer("flowResetTime", 1);
    if (day < 0 || day > 31) return make_error(Errc::invalid, "user.reset_day");
    draft.allowance.reset_day = static_cast<int>(day);
    const auto caps = read_caps(body);
    if (!caps) return caps.error();
    draft.max_connections = caps->max_connections;
    draft.max_clients = caps->max_clients;
    draft.replace_clients = caps->replace_clients;
    if (body.has("groupIds")) {
        draft.groups.emplace();
        for (const auto group : body.ids("groupIds")) draft.groups->push_back(UserGroupId{group});
    }
    return draft;
}

Reply create_user(Call& call)
{
    if (call.body.text("user").empty() || call.body.text("pwd").empty()) return fail(make_error(Errc::invalid, "user.credentials"));
    const auto draft = read_draft(call);
    if (!draft) return fail(draft.error());
    const auto id = call.panel.users().create(call.who(), *draft);
    if (!id) return fail(id.error());
    const auto user = call.panel.accounts().get(*id);
    if (!user) return fail(user.error());
    return ok(user_json(*user));
}

Reply update_user(Call& call)
{
    const auto id = id_of(call);
    if (!id) return fail(-1, "用户ID不能为空");
    if (call.body.text("user").empty()) return fail(make_error(Errc::invalid, "user.name"));
    const auto draft = read_draft(call);
    if (!draft) return fail(draft.error());
    const auto updated = call.panel.users().update(call.who(), UserId{*id}, *draft);
    return updated ? ok() : fail(updated.error());
}

Reply delete_user(Call& call)
{
    const auto id = id_of(call);
    if (!id) return fail(-1, "参数错误");
    const auto removed = call.panel.users().remove(call.who(), UserId{*id});
    return removed ? ok() : fail(removed.error());
}

Reply reset_user(Call& call)
{
    auto type = call.body.text("type");
    const auto id = id_of(call);
    if (type == "user") type = "1";
    if (type == "tunnel") type = "2";
    if (!id || (type != "1" && type != "2")) return fail(-1, "请求参数错误");
    const auto reset = type == "1" ? call.panel.users().reset_traffic(call.who(), UserId{*id})
                                   : call.panel.users().reset_assignment_traffic(call.who(), AssignmentId{*id});
    return reset ? ok() : fail(reset.error());
}

// clang-format off: it would set this table in two columns
Reply groups_of_user(Call& call)
{
    const auto id = id_of(call);
    if (!id) return fail(-1, "参数错误");
    const auto groups = call.panel.groups().groups_of(call.who(), UserId{*id});
    if (!groups) return fail(groups.error());
    Json items = Json::array();
    for (const auto group : *groups) items.push_back(group.value);
    return ok(std::move(items));
}

constexpr Route routes[] = {
    described({"/api/v1/user/list", Access::admin, Needs::object_or_empty, list_users}, "Regular users.", &shapes::user_list, gives_list(shapes::user), Reach::reading),
    described({"/api/v1/user/create", Access::admin, Needs::object, create_user}, "A new regular user.", &shapes::user_draft, gives(shapes::user)),
    described({"/api/v1/user/update", Access::admin, Needs::object, update_user}, "Changes a user and all his assignments; what is left out takes the default of a new one.", &shapes::user_draft),
    described({"/api/v1/user/delete", Access::admin, Needs::object, delete_user}, "Deletes a user with his forwards.", &shapes::id),
    described({"/api/v1/user/reset", Access::admin, Needs::object, reset_user}, "Sets the traffic of a user or of one assignment to 0.", &shapes::reset),
    described({"/api/v1/user/groups", Access::signed_in, Needs::object, groups_of_user}, "Ids of the groups of a user: of oneself, or anybody's for administrators.", &shapes::id, gives(Kind::integers), Reach::reading),
};
// clang-format on

} // namespace

std::span<const Route> user_routes() { return routes; }

} // namespace sluice::flvx
