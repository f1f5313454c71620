// Groups with their members, permissions between them, and the grants that remember which assignment a permission stands behind.
#pragma once

#include "domain/group.hpp"
#include "store/store.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::store {

// The two kinds of groups differ in their tables' names only.
template <class GroupId, class MemberId>
class GroupTable {
public:
    using Row = domain::MemberGroup<GroupId, MemberId>;
    explicit GroupTable(ReadTx& tx) : tx_(tx) {}

    std::vector<Row> all(); // by id
    bool exists(GroupId id);
    std::optional<GroupId> find_by_name(const std::string& name);
    std::vector<GroupId> of_member(MemberId member); // by id
    GroupId insert(const std::string& name, bool enabled, WallTime now);
    void update(GroupId id, const std::string& name, bool enabled, WallTime now);
    void remove(GroupId id);
    // Replaces all of them. Members that do not exist are left out.
    void set_members(GroupId id, const std::vector<MemberId>& members);
    void add_member(GroupId id, MemberId member);
    void remove_member_from_all(MemberId member);

private:
    ReadTx& tx_;
};

using UserGroupTable = GroupTable<UserGroupId, UserId>;
using TunnelGroupTable = GroupTable<TunnelGroupId, TunnelId>;

class PermissionTable {
public:
    explicit PermissionTable(ReadTx& tx) : tx_(tx) {}

    std::vector<domain::GroupPermission> all(); // by id
    bool exists(UserGroupId users, TunnelGroupId tunnels);
    std::int64_t insert(UserGroupId users, TunnelGroupId tunnels, WallTime now);
    bool remove(std::int64_t id); // whether it was there

private:
    ReadTx& tx_;
};

// One assignment that one permission stands behind.
struct GrantRow {
    std::int64_t id = 0;
    UserGroupId users;
    TunnelGroupId tunnels;
    AssignmentId assignment;
    bool made_assignment = false; // the assignment exists because of a permission, not because somebody assigned it by hand
};

class GrantTable {
public:
    explicit GrantTable(ReadTx& tx) : tx_(tx) {}

    // Memberships times permissions that no grant remembers yet.
    struct Missing {
        UserGroupId users;
        TunnelGroupId tunnels;
        UserId user;
        TunnelId tunnel;
    };
    std::vector<Missing> missing();
    std::vector<GrantRow> stale(); // nothing stands behind them any more
    void insert(const GrantRow& grant, WallTime now);
    void remove(std::int64_t id);
    // The oldest grant of an assignment, if any.
    std::optional<GrantRow> first_of(AssignmentId assignment);
    void set_made_assignment(std::int64_t id);

private:
    ReadTx& tx_;
};

} // namespace sluice::store
