#include "panel/groups.hpp"

#include "panel/forward_rows.hpp"
#include "store/group_table.hpp"
#include "store/tunnel_table.hpp"
#include "store/user_table.hpp"

#include <functional>

namespace sluice::panel {

namespace {

constexpr std::size_t longest_name = 100;

Result<void> check_name(const std::string& name)
{
    if (name.empty()) return make_error(Errc::invalid, "group.name");
    if (name.size() > longest_name) return make_error(Errc::invalid, "group.name_length");
    return {};
}

const char* kind_of(UserGroupId) { return "user_group"; }
const char* kind_of(TunnelGroupId) { return "tunnel_group"; }

void audit_group(store::WriteTx& tx, const Context& context, const Actor& actor, auto id, const char* what, const std::string& before,
                 const std::string& after)
{
    audit(tx, context, actor, std::string{kind_of(id)} + what, id.value, before, after);
}

// A change of groups, and what follows from it for assignments, forwards and nodes.
Result<void> change(const Context& context, const Actor& actor, const std::function<Result<void>(store::WriteTx&)>& work)
{
    if (auto allowed = require_admin(actor); !allowed) return allowed;
    auto revisions = context.store->write([&](store::WriteTx& tx) -> Result<Revisions> {
        if (auto done = work(tx); !done) return done.error();
        return reconcile_grants(tx, context, actor);
    });
    if (!revisions) return revisions.error();
    announce_plans(context, *revisions);
    return {};
}

template <class Table, class GroupId>
Result<GroupId> create(const Context& context, const Actor& actor, const std::string& name, bool enabled)
{
    if (auto allowed = require_admin(actor); !allowed) return allowed.error();
    if (auto named = check_name(name); !named) return named.error();
    return context.store->write([&](store::WriteTx& tx) -> Result<GroupId> {
        Table groups(tx);
        if (groups.find_by_name(name)) return make_error(Errc::conflict, "group.name");
        const auto id = groups.insert(name, enabled, context.clock->wall());
        audit_group(tx, context, actor, id, ".create", {}, name);
        return id;
    });
}

template <class Table, class GroupId>
Result<void> update_group(const Context& context, const Actor& actor, GroupId id, const std::string& name, bool enabled)
{
    if (auto allowed = require_admin(actor); !allowed) return allowed;
    if (auto named = check_name(name); !named) return named;
    return context.store->write([&](store::WriteTx& tx) -> Result<void> {
        Table groups(tx);
        if (!groups.exists(id)) return {};
        if (const auto other = groups.find_by_name(name); other && *other != id) return make_error(Errc::conflict, "group.name");
        groups.update(id, name, enabled, context.clock->wall());
        audit_group(tx, context, actor, id, ".update", {}, name);
        return {};
    });
}

template <class Table, class GroupId>
Result<void> remove_group(const Context& context, const Actor& actor, GroupId id)
{
    if (auto allowed = require_admin(actor); !allowed) return allowed;
    auto revisions = context.store->write([&](store::WriteTx& tx) -> Result<Revisions> {
        Table groups(tx);
        if (!groups.exists(id)) return Revisions{};
        // Empty first: its grants must still be there to tell which assignments they made.
        groups.set_members(id, {});
        auto changed = reconcile_grants(tx, context, actor);
        groups.remove(id);
        audit_group(tx, context, actor, id, ".delete", {}, {});
        return changed;
    });
    if (!revisions) return revisions.error();
    announce_plans(context, *revisions);
    return {};
}

template <class Table, class GroupId, class MemberId>
Result<void> replace_members(const Context& context, const Actor& actor, GroupId id, const std::vector<MemberId>& members)
{
    return change(context, actor, [&](store::WriteTx& tx) -> Result<void> {
        Table groups(tx);
        if (!groups.exists(id)) return make_error(Errc::not_found, "group");
        groups.set_members(id, members);
        audit_group(tx, context, actor, id, ".members", {}, std::to_string(members.size()) + " members");
        return {};
    });
}

void give(store::WriteTx& tx, const Context& context, const Actor& actor, const store::GrantTable::Missing& missing)
{
    store::AssignmentTable assignments(tx);
    store::GrantRow grant{0, missing.users, missing.tunnels, {}, false};
    if (const auto existing = assignments.find(missing.user, missing.tunnel)) {
        grant.assignment = existing->id;
    } else {
        const auto user = store::UserTable(tx).find(missing.user);
        if (!user) return;
        domain::Assignment assignment;
        assignment.user = missing.user;
        assignment.tunnel = missing.tunnel;
        assignment.allowance = user->allowance;
        grant.assignment = assignments.insert(assignment);
        grant.made_assignment = true;
        audit(tx, context, actor, "assignment.create", grant.assignment.value, {}, "by permission of group " + std::to_string(missing.users.value));
    }
    store::GrantTable(tx).insert(grant, context.clock->wall());
}

// The forwards that run under an assignment go with it; nothing may run without a right.
Revisions take_away(store::WriteTx& tx, const Context& context, const Actor& actor, const domain::Assignment& assignment)
{
    store::ForwardTable table(tx);
    auto forwards = table.of_user(assignment.user);
    std::erase_if(forwards, [&](const domain::Forward& forward) { return forward.tunnel != assignment.tunnel; });
    auto revisions = bump_nodes_of(tx, forwards);
    for (const auto& forward : forwards) table.remove(forward.id);
    store::AssignmentTable(tx).remove(assignment.id);
    audit(tx, context, actor, "assignment.delete", assignment.id.value, "its permission ended",
          std::to_string(forwards.size()) + " forwards removed");
    return revisions;
}

} // namespace

Revisions reconcile_grants(store::WriteTx& tx, const Context& context, const Actor& actor)
{
    Revisions revisions;
    store::GrantTable grants(tx);
    for (const auto& grant : grants.stale()) {
        grants.remove(grant.id);
        if (!grant.made_assignment) continue;
        // Another permission may stand behind the same assignment: then it carries it from now on.
        if (const auto heir = grants.first_of(grant.assignment)) {
            grants.set_made_assignment(heir->id);
            continue;
        }
        const auto assignment = store::AssignmentTable(tx).find(grant.assignment);
        if (!assignment) continue;
        const auto changed = take_away(tx, context, actor, *assignment);
        revisions.insert(revisions.end(), changed.begin(), changed.end());
    }
    for (const auto& missing : grants.missing()) give(tx, context, actor, missing);
    return revisions;
}

Result<std::vector<domain::UserGroup>> Groups::user_groups(const Actor& actor)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed.error();
    return context_.store->read([](store::ReadTx& tx) -> Result<std::vector<domain::UserGroup>> { return store::UserGroupTable(tx).all(); });
}

Result<std::vector<domain::TunnelGroup>> Groups::tunnel_groups(const Actor& actor)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed.error();
    return context_.store->read([](store::ReadTx& tx) -> Result<std::vector<domain::TunnelGroup>> { return store::TunnelGroupTable(tx).all(); });
}

Result<std::vector<domain::GroupPermission>> Groups::permissions(const Actor& actor)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed.error();
    return context_.store->read([](store::ReadTx& tx) -> Result<std::vector<domain::GroupPermission>> { return store::PermissionTable(tx).all(); });
}

Result<std::vector<UserGroupId>> Groups::groups_of(const Actor& actor, UserId user)
{
    if (actor.user != user) {
        if (const auto allowed = require_admin(actor); !allowed) return allowed.error();
    }
    return context_.store->read([&](store::ReadTx& tx) -> Result<std::vector<UserGroupId>> { return store::UserGroupTable(tx).of_member(user); });
}

Result<UserGroupId> Groups::create_user_group(const Actor& actor, const std::string& name, bool enabled)
{
    return create<store::UserGroupTable, UserGroupId>(context_, actor, name, enabled);
}

Result<TunnelGroupId> Groups::create_tunnel_group(const Actor& actor, const std::string& name, bool enabled)
{
    return create<store::TunnelGroupTable, TunnelGroupId>(context_, actor, name, enabled);
}

Result<void> Groups::update(const Actor& actor, UserGroupId id, const std::string& name, bool enabled)
{
    return update_group<store::UserGroupTable>(context_, actor, id, name, enabled);
}

Result<void> Groups::update(const Actor& actor, TunnelGroupId id, const std::string& name, bool enabled)
{
    return update_group<store::TunnelGroupTable>(context_, actor, id, name, enabled);
}

Result<void> Groups::remove(const Actor& actor, UserGroupId id) { return remove_group<store::UserGroupTable>(context_, actor, id); }

Result<void> Groups::remove(const Actor& actor, TunnelGroupId id) { return remove_group<store::TunnelGroupTable>(context_, actor, id); }

Result<void> Groups::set_members(const Actor& actor, UserGroupId id, const std::vector<UserId>& users)
{
    return replace_members<store::UserGroupTable>(context_, actor, id, users);
}

Result<void> Groups::set_members(const Actor& actor, TunnelGroupId id, const std::vector<TunnelId>& tunnels)
{
    return replace_members<store::TunnelGroupTable>(context_, actor, id, tunnels);
}

Result<void> Groups::permit(const Actor& actor, UserGroupId users, TunnelGroupId tunnels)
{
    return change(context_, actor, [&](store::WriteTx& tx) -> Result<void> {
        if (!store::UserGroupTable(tx).exists(users) || !store::TunnelGroupTable(tx).exists(tunnels)) return make_error(Errc::not_found, "group");
        store::PermissionTable permissions(tx);
        if (permissions.exists(users, tunnels)) return {};
        const auto id = permissions.insert(users, tunnels, context_.clock->wall());
        audit(tx, context_, actor, "permission.create", id, {},
              "user group " + std::to_string(users.value) + ", tunnel group " + std::to_string(tunnels.value));
        return {};
    });
}

Result<void> Groups::revoke(const Actor& actor, std::int64_t permission)
{
    return change(context_, actor, [&](store::WriteTx& tx) -> Result<void> {
        if (store::PermissionTable(tx).remove(permission)) audit(tx, context_, actor, "permission.delete", permission);
        return {};
    });
}

} // namespace sluice::panel
