#include "panel/users.hpp"

#include "panel/context.hpp"
#include "panel/forward_rows.hpp"
#include "panel/groups.hpp"
#include "panel/passwords.hpp"
#include "panel/summary.hpp"
#include "store/group_table.hpp"
#include "store/tunnel_table.hpp"
#include "store/user_table.hpp"

namespace sluice::panel {

namespace {

void join(store::WriteTx& tx, UserId user, const std::vector<UserGroupId>& groups)
{
    store::UserGroupTable table(tx);
    table.remove_member_from_all(user);
    for (const auto group : groups) table.add_member(group, user);
}

// Whether anything is another now.
bool caps_into(const UserDraft& draft, domain::UserCaps& caps)
{
    const auto before = caps;
    domain::apply(draft.max_connections, caps.max_connections);
    domain::apply(draft.max_clients, caps.clients.most);
    domain::apply(draft.replace_clients, caps.clients.replace);
    return !(caps == before);
}

} // namespace

Result<std::vector<domain::User>> Users::list(const Actor& actor)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed.error();
    return context_.store->read([](store::ReadTx& tx) -> Result<std::vector<domain::User>> {
        auto users = store::UserTable(tx).all();
        std::erase_if(users, [](const domain::User& user) { return user.role == domain::Role::admin; });
        return users;
    });
}

Result<UserId> Users::create(const Actor& actor, const UserDraft& draft)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed.error();
    if (draft.name.empty() || !draft.password || draft.password->empty()) return make_error(Errc::invalid, "user.credentials");
    if (draft.name.size() > longest_user_name) return make_error(Errc::invalid, "user.name_length");
    const auto hash = hash_password(*draft.password);
    if (!hash) return hash.error();
    return context_.store->write([&](store::WriteTx& tx) -> Result<UserId> {
        store::UserTable users(tx);
        if (users.find_by_name(draft.name)) return make_error(Errc::conflict, "user.name");
        store::NewUser user;
        user.name = draft.name;
        user.password = *hash;
        user.enabled = draft.enabled;
        user.allowance = draft.allowance;
        user.created = context_.clock->wall();
        const auto id = users.insert(user);
        if (auto made = users.find(id); made && caps_into(draft, made->caps)) users.update(*made);
        audit(tx, context_, actor, "user.create", id.value, {}, draft.name);
        if (draft.groups) join(tx, id, *draft.groups);
        // A user who was not there has no forward that could stop.
        (void)reconcile_grants(tx, context_, actor);
        return id;
    });
}

Result<void> Users::update(const Actor& actor, UserId id, const UserDraft& draft)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed.error();
    if (draft.name.empty()) return make_error(Errc::invalid, "user.name");
    if (draft.name.size() > longest_user_name) return make_error(Errc::invalid, "user.name_length");
    std::optional<std::string> hash;
    if (draft.password && !draft.password->empty()) {
        auto made = hash_password(*draft.password);
        if (!made) return made.error();
        hash = std::move(*made);
    }
    auto revisions = context_.store->write([&](store::WriteTx& tx) -> Result<Revisions> {
        store::UserTable users(tx);
        auto user = users.find(id);
        if (!user) return make_error(Errc::not_found, "user");
        if (user->role == domain::Role::admin) return make_error(Errc::forbidden, "user.admin");
        if (const auto other = users.find_by_name(draft.name); other && other->id != id) return make_error(Errc::conflict, "user.name");
        const auto now = context_.clock->wall();
        const auto before = summary(*user);
        user->name = draft.name;
        user->enabled = draft.enabled;
        user->allowance = draft.allowance;
        user->updated = now;
        const bool recapped = caps_into(draft, user->caps);
        users.update(*user);
        if (hash) users.set_password(id, *hash, false, now);
        store::AssignmentTable assignments(tx);
        for (auto& assignment : assignments.of_user(id)) {
            assignment.allowance = draft.allowance;
            assignments.update(assignment);
        }
        if (hash || !draft.enabled) store::SessionTable(tx).remove_all_of(id, {});
        audit(tx, context_, actor, "user.update", id.value, before, summary(*user) + (hash ? ", new password" : ""));
        auto changed = stop_what_may_not_run(tx, context_, id);
        if (recapped) {
            const auto bumped = bump_nodes_of(tx, store::ForwardTable(tx).of_user(id));
            changed.insert(changed.end(), bumped.begin(), bumped.end());
        }
        if (draft.groups) {
            join(tx, id, *draft.groups);
            const auto granted = reconcile_grants(tx, context_, actor);
            changed.insert(changed.end(), granted.begin(), granted.end());
        }
        return changed;
    });
    if (!revisions) return revisions.error();
    announce_plans(context_, *revisions);
    return {};
}

Result<void> Users::remove(const Actor& actor, UserId id)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed.error();
    auto revisions = context_.store->write([&](store::WriteTx& tx) -> Result<Revisions> {
        store::UserTable users(tx);
        const auto user = users.find(id);
        if (!user) return make_error(Errc::not_found, "user");
        if (user->role == domain::Role::admin) return make_error(Errc::forbidden, "user.admin");
        auto changed = bump_nodes_of(tx, store::ForwardTable(tx).of_user(id));
        users.remove(id);
        audit(tx, context_, actor, "user.delete", id.value, summary(*user));
        return changed;
    });
    if (!revisions) return revisions.error();
    announce_plans(context_, *revisions);
    return {};
}

Result<void> Users::reset_traffic(const Actor& actor, UserId id)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed;
    return context_.store->write([&](store::WriteTx& tx) -> Result<void> {
        store::UserTable(tx).reset_traffic(id);
        store::AssignmentTable(tx).reset_traffic_of(id);
        audit(tx, context_, actor, "user.reset_traffic", id.value);
        return {};
    });
}

Result<void> Users::reset_assignment_traffic(const Actor& actor, AssignmentId id)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed;
    return context_.store->write([&](store::WriteTx& tx) -> Result<void> {
        store::AssignmentTable(tx).reset_traffic(id);
        audit(tx, context_, actor, "assignment.reset_traffic", id.value);
        return {};
    });
}

} // namespace sluice::panel
