#include "store/group_table.hpp"

#include "store/statement.hpp"

#include <unordered_map>

namespace sluice::store {

namespace {

struct Names {
    const char* groups;
    const char* links;
    const char* member;  // column of the link table
    const char* members; // table of the members
};

template <class GroupId>
constexpr Names names{};
template <>
constexpr Names names<UserGroupId>{"user_groups", "user_group_members", "user_id", "users"};
template <>
constexpr Names names<TunnelGroupId>{"tunnel_groups", "tunnel_group_members", "tunnel_id", "tunnels"};

// "$groups", "$links", "$member", "$members" of the kind; the names are constants of this file.
template <class GroupId>
std::string sql(std::string text)
{
    const auto replace = [&text](const std::string& mark, const char* name) {
        for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at)) text.replace(at, mark.size(), name);
    };
    replace("$groups", names<GroupId>.groups);
    replace("$links", names<GroupId>.links);
    replace("$members", names<GroupId>.members);
    replace("$member", names<GroupId>.member);
    return text;
}

GrantRow grant_row(Statement& from)
{
    GrantRow grant;
    grant.id = from.integer();
    grant.users = from.id<UserGroupId>();
    grant.tunnels = from.id<TunnelGroupId>();
    grant.assignment = from.id<AssignmentId>();
    grant.made_assignment = from.flag();
    return grant;
}

} // namespace

template <class GroupId, class MemberId>
std::vector<domain::MemberGroup<GroupId, MemberId>> GroupTable<GroupId, MemberId>::all()
{
    std::vector<Row> groups;
    std::unordered_map<GroupId, std::size_t> places;
    Statement query(tx_, sql<GroupId>("SELECT id, name, enabled, created, updated FROM $groups ORDER BY id").c_str());
    while (query.next()) {
        Row group;
        group.id = query.id<GroupId>();
        group.name = query.text();
        group.enabled = query.flag();
        group.created = query.time();
        group.updated = query.optional_time();
        places[group.id] = groups.size();
        groups.push_back(std::move(group));
    }
    Statement links(tx_, sql<GroupId>("SELECT l.group_id, m.id, m.name FROM $links l JOIN $members m ON m.id = l.$member ORDER BY m.id").c_str());
    while (links.next()) {
        const auto place = places.find(links.id<GroupId>());
        if (place == places.end()) continue;
        const auto member = links.id<MemberId>();
        groups[place->second].members.push_back({member, links.text()});
    }
    return groups;
}

template <class GroupId, class MemberId>
bool GroupTable<GroupId, MemberId>::exists(GroupId id)
{
    return Statement(tx_, sql<GroupId>("SELECT 1 FROM $groups WHERE id = ?").c_str(), id).next();
}

template <class GroupId, class MemberId>
std::optional<GroupId> GroupTable<GroupId, MemberId>::find_by_name(const std::string& name)
{
    Statement query(tx_, sql<GroupId>("SELECT id FROM $groups WHERE name = ?").c_str(), name);
    if (!query.next()) return std::nullopt;
    return query.id<GroupId>();
}

template <class GroupId, class MemberId>
std::vector<GroupId> GroupTable<GroupId, MemberId>::of_member(MemberId member)
{
    std::vector<GroupId> groups;
    Statement query(tx_, sql<GroupId>("SELECT group_id FROM $links WHERE $member = ? ORDER BY group_id").c_str(), member);
    while (query.next()) groups.push_back(query.id<GroupId>());
    return groups;
}

template <class GroupId, class MemberId>
GroupId GroupTable<GroupId, MemberId>::insert(const std::string& name, bool enabled, WallTime now)
{
    Statement(tx_, sql<GroupId>("INSERT INTO $groups (name, enabled, created) VALUES (?, ?, ?)").c_str(), name, enabled, now).run();
    return GroupId{last_id(tx_)};
}

template <class GroupId, class MemberId>
void GroupTable<GroupId, MemberId>::update(GroupId id, const std::string& name, bool enabled, WallTime now)
{
    Statement(tx_, sql<GroupId>("UPDATE $groups SET name = ?, enabled = ?, updated = ? WHERE id = ?").c_str(), name, enabled, now, id).run();
}

template <class GroupId, class MemberId>
void GroupTable<GroupId, MemberId>::remove(GroupId id)
{
    Statement(tx_, sql<GroupId>("DELETE FROM $groups WHERE id = ?").c_str(), id).run();
}

template <class GroupId, class MemberId>
void GroupTable<GroupId, MemberId>::set_members(GroupId id, const std::vector<MemberId>& members)
{
    Statement(tx_, sql<GroupId>("DELETE FROM $links WHERE group_id = ?").c_str(), id).run();
    for (const auto member : members) add_member(id, member);
}

template <class GroupId, class MemberId>
void GroupTable<GroupId, MemberId>::add_member(GroupId id, MemberId member)
{
    Statement(
        tx_,
        sql<GroupId>("INSERT OR IGNORE INTO $links (group_id, $member) SELECT g.id, m.id FROM $groups g, $members m WHERE g.id = ? AND m.id = ?")
            .c_str(),
        id, member)
        .run();
}

template <class GroupId, class MemberId>
void GroupTable<GroupId, MemberId>::remove_member_from_all(MemberId member)
{
    Statement(tx_, sql<GroupId>("DELETE FROM $links WHERE $member = ?").c_str(), member).run();
}

template class GroupTable<UserGroupId, UserId>;
template class GroupTable<TunnelGroupId, TunnelId>;

std::vector<domain::GroupPermission> PermissionTable::all()
{
    std::vector<domain::GroupPermission> permissions;
    Statement query(tx_, "SELECT p.id, p.user_group_id, p.tunnel_group_id, u.name, t.name, p.created FROM group_permissions p "
                         "JOIN user_groups u ON u.id = p.user_group_id JOIN tunnel_groups t ON t.id = p.tunnel_group_id ORDER BY p.id");
    while (query.next()) {
        domain::GroupPermission permission;
        permission.id = query.integer();
        permission.users = query.id<UserGroupId>();
        permission.tunnels = query.id<TunnelGroupId>();
        permission.users_name = query.text();
        permission.tunnels_name = query.text();
        permission.created = query.time();
        permissions.push_back(std::move(permission));
    }
    return permissions;
}

bool PermissionTable::exists(UserGroupId users, TunnelGroupId tunnels)
{
    return Statement(tx_, "SELECT 1 FROM group_permissions WHERE user_group_id = ? AND tunnel_group_id = ?", users, tunnels).next();
}

std::int64_t PermissionTable::insert(UserGroupId users, TunnelGroupId tunnels, WallTime now)
{
    Statement(tx_, "INSERT INTO group_permissions (user_group_id, tunnel_group_id, created) VALUES (?, ?, ?)", users, tunnels, now).run();
    return last_id(tx_);
}

bool PermissionTable::remove(std::int64_t id) { return Statement(tx_, "DELETE FROM group_permissions WHERE id = ?", id).run() > 0; }

std::vector<GrantTable::Missing> GrantTable::missing()
{
    std::vector<Missing> rows;
    Statement query(
        tx_, "SELECT p.user_group_id, p.tunnel_group_id, u.user_id, t.tunnel_id FROM group_permissions p "
             "JOIN user_group_members u ON u.group_id = p.user_group_id JOIN tunnel_group_members t ON t.group_id = p.tunnel_group_id "
             "LEFT JOIN assignments a ON a.user_id = u.user_id AND a.tunnel_id = t.tunnel_id "
             "LEFT JOIN group_grants g ON g.user_group_id = p.user_group_id AND g.tunnel_group_id = p.tunnel_group_id AND g.assignment_id = a.id "
             "WHERE g.id IS NULL ORDER BY p.id, u.user_id, t.tunnel_id");
    while (query.next()) {
        Missing row;
        row.users = query.id<UserGroupId>();
        row.tunnels = query.id<TunnelGroupId>();
        row.user = query.id<UserId>();
        row.tunnel = query.id<TunnelId>();
        rows.push_back(row);
    }
    return rows;
}

std::vector<GrantRow> GrantTable::stale()
{
    std::vector<GrantRow> grants;
    Statement query(tx_, "SELECT g.id, g.user_group_id, g.tunnel_group_id, g.assignment_id, g.created_by_group FROM group_grants g "
                         "JOIN assignments a ON a.id = g.assignment_id WHERE NOT EXISTS (SELECT 1 FROM group_permissions p "
                         "JOIN user_group_members u ON u.group_id = p.user_group_id JOIN tunnel_group_members t ON t.group_id = p.tunnel_group_id "
                         "WHERE p.user_group_id = g.user_group_id AND p.tunnel_group_id = g.tunnel_group_id AND u.user_id = a.user_id "
                         "AND t.tunnel_id = a.tunnel_id) ORDER BY g.id");
    while (query.next()) grants.push_back(grant_row(query));
    return grants;
}

void GrantTable::insert(const GrantRow& grant, WallTime now)
{
    Statement(tx_, "INSERT INTO group_grants (user_group_id, tunnel_group_id, assignment_id, created_by_group, created) VALUES (?, ?, ?, ?, ?)",
              grant.users, grant.tunnels, grant.assignment, grant.made_assignment, now)
        .run();
}

void GrantTable::remove(std::int64_t id) { Statement(tx_, "DELETE FROM group_grants WHERE id = ?", id).run(); }

std::optional<GrantRow> GrantTable::first_of(AssignmentId assignment)
{
    Statement query(tx_,
                    "SELECT id, user_group_id, tunnel_group_id, assignment_id, created_by_group FROM group_grants WHERE assignment_id = ? "
                    "ORDER BY id LIMIT 1",
                    assignment);
    if (!query.next()) return std::nullopt;
    return grant_row(query);
}

void GrantTable::set_made_assignment(std::int64_t id) { Statement(tx_, "UPDATE group_grants SET created_by_group = 1 WHERE id = ?", id).run(); }

} // namespace sluice::store
