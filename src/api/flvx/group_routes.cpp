// Groups of users and tunnels, and permissions between them (FLVX contract 5.8), for administrators.
#include "api/flvx/route.hpp"

namespace sluice::flvx {

namespace {

template <class Group>
Json group_json(const Group& group, const char* ids_key, const char* names_key)
{
    Json ids = Json::array();
    Json names = Json::array();
    for (const auto& member : group.members) {
        ids.push_back(member.id.value);
        names.push_back(member.name);
    }
    return {{"id", group.id.value},    {"name", group.name},          {"status", group.enabled ? 1 : 0},
            {ids_key, std::move(ids)}, {names_key, std::move(names)}, {"createdTime", to_epoch_ms(group.created)}};
}

Reply list_tunnel_groups(Call& call)
{
    const auto groups = call.panel.groups().tunnel_groups(call.who());
    if (!groups) return fail(groups.error());
    Json items = Json::array();
    for (const auto& group : *groups) items.push_back(group_json(group, "tunnelIds", "tunnelNames"));
    return ok(std::move(items));
}

Reply list_user_groups(Call& call)
{
    const auto groups = call.panel.groups().user_groups(call.who());
    if (!groups) return fail(groups.error());
    Json items = Json::array();
    for (const auto& group : *groups) items.push_back(group_json(group, "userIds", "userNames"));
    return ok(std::move(items));
}

bool switched_on(const Call& call) { return call.body.integer("status", 1) != 0; }

Reply create_tunnel_group(Call& call)
{
    const auto id = call.panel.groups().create_tunnel_group(call.who(), call.body.text("name"), switched_on(call));
    return id ? ok({{"id", id->value}}) : fail(id.error());
}

Reply create_user_group(Call& call)
{
    const auto id = call.panel.groups().create_user_group(call.who(), call.body.text("name"), switched_on(call));
    return id ? ok({{"id", id->value}}) : fail(id.error());
}

template <class GroupId>
Reply update_group(Call& call)
{
    const auto id = id_of(call);
    if (!id) return fail(-1, "分组ID不能为空");
    const auto done = call.panel.groups().update(call.who(), GroupId{*id}, call.body.text("name"), switched_on(call));
    return done ? ok() : fail(done.error());
}

template <class GroupId>
Reply delete_group(Call& call)
{
    const auto id = id_of(call);
    if (!id) return fail(-1, "参数错误");
    const auto done = call.panel.groups().remove(call.who(), GroupId{*id});
    return done ? ok() : fail(done.error());
}

// {"groupId":1,"<key>":[1,2]}: exact types; ids that are not positive are skipped (contract 5.8).
template <class GroupId, class MemberId>
Reply assign_members(Call& call, const char* key)
{
    const auto group = call.body.exact_integer("groupId");
    std::vector<MemberId> members;
    if (call.body.has(key) && !call.body.is_null(key)) {
        if (!call.body.is_list(key)) return fail(-1, "请求参数错误");
        for (const auto& item : call.body.json()[key]) {
            const auto id = exact_integer_of(item);
            if (!id) return fail(-1, "请求参数错误");
            if (*id > 0) members.push_back(MemberId{*id});
        }
    }
    if (call.body.bad() || group <= 0) return fail(-1, "请求参数错误");
    const auto done = call.panel.groups().set_members(call.who(), GroupId{group}, members);
    return done ? ok() : fail(done.error());
}

Reply assign_tunnels(Call& call) { return assign_members<TunnelGroupId, TunnelId>(call, "tunnelIds"); }

Reply assign_users(Call& call) { return assign_members<UserGroupId, UserId>(call, "userIds"); }

Reply list_permissions(Call& call)
{
    const auto permissions = call.panel.groups().permissions(call.who());
    if (!permissions) return fail(permissions.error());
    Json items = Json::array();
    for (const auto& one : *permissions)
        items.push_back({{"id", one.id},
                         {"userGroupId", one.users.value},
                         {"userGroupName", one.users_name},
                         {"tunnelGroupId", one.tunnels.value},
                         {"tunnelGroupName", one.tunnels_name},
                         {"createdTime", to_epoch_ms(one.created)}});
    return ok(std::move(items));
}

Reply assign_permission(Call& call)
{
    const auto users = call.body.exact_integer("userGroupId");
    const auto tunnels = call.body.exact_integer("tunnelGroupId");
    if (call.body.bad() || users <= 0 || tunnels <= 0) return fail(-1, "请求参数错误");
    const auto done = call.panel.groups().permit(call.who(), UserGroupId{users}, TunnelGroupId{tunnels});
    return done ? ok("权限分配成功") : fail(done.error());
}

Reply remove_permission(Call& call)
{
    const auto id = id_of(call);
    if (!id) return fail(-1, "参数错误");
    const auto done = call.panel.groups().revoke(call.who(), *id);
    return done ? ok() : fail(done.error());
}

// clang-format off: a row of the table is a line
constexpr Route routes[] = {
    described({"/api/v1/group/tunnel/list", Access::admin, Needs::nothing, list_tunnel_groups}, "All groups of tunnels.", nullptr, gives_list(shapes::tunnel_group), Reach::reading),
    described({"/api/v1/group/tunnel/create", Access::admin, Needs::object, create_tunnel_group}, "A new group of tunnels.", &shapes::group_draft, gives(shapes::made)),
    described({"/api/v1/group/tunnel/update", Access::admin, Needs::object, update_group<TunnelGroupId>}, "Renames a group of tunnels.", &shapes::group_draft),
    described({"/api/v1/group/tunnel/delete", Access::admin, Needs::object, delete_group<TunnelGroupId>}, "Deletes a group of tunnels; rights that came by it end.", &shapes::id),
    described({"/api/v1/group/tunnel/assign", Access::admin, Needs::object, assign_tunnels}, "Which tunnels a group holds.", &shapes::tunnel_members),
    described({"/api/v1/group/user/list", Access::admin, Needs::nothing, list_user_groups}, "All groups of users.", nullptr, gives_list(shapes::user_group), Reach::reading),
    described({"/api/v1/group/user/create", Access::admin, Needs::object, create_user_group}, "A new group of users.", &shapes::group_draft, gives(shapes::made)),
    described({"/api/v1/group/user/update", Access::admin, Needs::object, update_group<UserGroupId>}, "Renames a group of users.", &shapes::group_draft),
    described({"/api/v1/group/user/delete", Access::admin, Needs::object, delete_group<UserGroupId>}, "Deletes a group of users; rights that came by it end.", &shapes::id),
    described({"/api/v1/group/user/assign", Access::admin, Needs::object, assign_users}, "Which users a group holds.", &shapes::user_members),
    described({"/api/v1/group/permission/list", Access::admin, Needs::nothing, list_permissions}, "Which users' groups may use which tunnels' groups.", nullptr, gives_list(shapes::permission), Reach::reading),
    described({"/api/v1/group/permission/assign", Access::admin, Needs::object, assign_permission}, "Lets a group of users use a group of tunnels.", &shapes::permission_draft, gives(Kind::text)),
    described({"/api/v1/group/permission/remove", Access::admin, Needs::object, remove_permission}, "Ends a permission and the rights that came by it.", &shapes::id),
};
// clang-format on

} // namespace

std::span<const Route> group_routes() { return routes; }

} // namespace sluice::flvx
