#include "store/transfer_table.hpp"

#include "base/random.hpp"
#include "store/forward_table.hpp"
#include "store/names.hpp"
#include "store/statement.hpp"
#include "store/user_table.hpp"

namespace sluice::store {

namespace {

struct GroupNames {
    const char* select;
    const char* select_members;
    const char* put;
    const char* clear;
    const char* add;
    const char* find;
};

constexpr GroupNames user_groups{"SELECT id, name, enabled, created, updated FROM user_groups ORDER BY id",
                                 "SELECT user_id FROM user_group_members WHERE group_id = ? ORDER BY user_id",
                                 "INSERT INTO user_groups (id, name, enabled, created, updated) VALUES (?, ?, ?, ?, ?) "
                                 "ON CONFLICT (id) DO UPDATE SET name = excluded.name, enabled = excluded.enabled, updated = excluded.updated",
                                 "DELETE FROM user_group_members WHERE group_id = ?",
                                 "INSERT OR IGNORE INTO user_group_members (group_id, user_id) VALUES (?, ?)",
                                 "SELECT id FROM user_groups WHERE name = ?"};

constexpr GroupNames tunnel_groups{"SELECT id, name, enabled, created, updated FROM tunnel_groups ORDER BY id",
                                   "SELECT tunnel_id FROM tunnel_group_members WHERE group_id = ? ORDER BY tunnel_id",
                                   "INSERT INTO tunnel_groups (id, name, enabled, created, updated) VALUES (?, ?, ?, ?, ?) "
                                   "ON CONFLICT (id) DO UPDATE SET name = excluded.name, enabled = excluded.enabled, updated = excluded.updated",
                                   "DELETE FROM tunnel_group_members WHERE group_id = ?",
                                   "INSERT OR IGNORE INTO tunnel_group_members (group_id, tunnel_id) VALUES (?, ?)",
                                   "SELECT id FROM tunnel_groups WHERE name = ?"};

const GroupNames& names_of(GroupKind kind) { return kind == GroupKind::users ? user_groups : tunnel_groups; }

int preference_number(domain::AddressFamily family)
{
    switch (family) {
    case domain::AddressFamily::automatic: return 0;
    case domain::AddressFamily::v4: return 4;
    case domain::AddressFamily::v6: return 6;
    }
    return 0;
}

// 0: none. A tunnel that was edited has new hop ids; the node's place is then known by its node.
std::int64_t hop_to_replace(ReadTx& tx, TunnelId tunnel, const domain::HopNode& hop)
{
    Statement known(tx, "SELECT id FROM tunnel_hops WHERE id = ?1 OR (tunnel_id = ?2 AND node_id = ?3) ORDER BY id = ?1 DESC LIMIT 1", hop.id, tunnel,
                    hop.node);
    return known.next() ? known.integer() : 0;
}

std::string uuid_or_new(const std::string& uuid) { return uuid.empty() ? make_uuid() : uuid; }

} // namespace

std::vector<domain::UserRow> TransferTable::users()
{
    UserTable table(tx_);
    std::vector<domain::UserRow> rows;
    for (auto& user : table.all()) {
        const auto id = user.id;
        rows.push_back({std::move(user), table.password_of(id)});
    }
    return rows;
}

std::vector<domain::SpeedLimitRow> TransferTable::speed_limits()
{
    std::vector<domain::SpeedLimitRow> limits;
    Statement query(tx_, "SELECT l.id, l.name, l.mbit, l.tunnel_id, t.name, l.enabled, l.created, l.updated FROM speed_limits l "
                         "LEFT JOIN tunnels t ON t.id = l.tunnel_id ORDER BY l.id");
    while (query.next()) {
        domain::SpeedLimitRow limit;
        limit.id = query.id<SpeedLimitId>();
        limit.name = query.text();
        limit.mbit = query.integer();
        if (const auto tunnel = query.optional_integer()) limit.tunnel = TunnelId{*tunnel};
        limit.tunnel_name = query.optional_text().value_or("");
        limit.enabled = query.flag();
        limit.created = query.time();
        limit.updated = query.optional_time();
        limits.push_back(std::move(limit));
    }
    return limits;
}

std::vector<domain::Group> TransferTable::groups(GroupKind kind)
{
    std::vector<domain::Group> groups;
    Statement query(tx_, names_of(kind).select);
    while (query.next()) {
        domain::Group group;
        group.id = query.integer();
        group.name = query.text();
        group.enabled = query.flag();
        group.created = query.time();
        group.updated = query.optional_time();
        groups.push_back(std::move(group));
    }
    for (auto& group : groups) {
        Statement members(tx_, names_of(kind).select_members, group.id);
        while (members.next()) group.members.push_back(members.integer());
    }
    return groups;
}

std::vector<domain::Permission> TransferTable::permissions()
{
    std::vector<domain::Permission> permissions;
    Statement query(tx_, "SELECT id, user_group_id, tunnel_group_id, created FROM group_permissions ORDER BY id");
    while (query.next()) {
        domain::Permission permission;
        permission.id = query.integer();
        permission.user_group = query.integer();
        permission.tunnel_group = query.integer();
        permission.created = query.time();
        permissions.push_back(std::move(permission));
    }
    for (auto& permission : permissions) {
        Statement grants(tx_,
                         "SELECT id, user_group_id, tunnel_group_id, assignment_id, created_by_group, created FROM group_grants "
                         "WHERE user_group_id = ? AND tunnel_group_id = ? ORDER BY id",
                         permission.user_group, permission.tunnel_group);
        while (grants.next()) {
            domain::Grant grant;
            grant.id = grants.integer();
            grant.user_group = grants.integer();
            grant.tunnel_group = grants.integer();
            grant.assignment = grants.id<AssignmentId>();
            grant.created_by_group = grants.flag();
            grant.created = grants.time();
            permission.grants.push_back(grant);
        }
    }
    return permissions;
}

std::vector<std::int64_t> TransferTable::ids(const char* table)
{
    std::vector<std::int64_t> ids;
    Statement query(tx_, (std::string{"SELECT id FROM "} + table + " ORDER BY id").c_str());
    while (query.next()) ids.push_back(query.integer());
    return ids;
}

void TransferTable::put(const domain::UserRow& row)
{
    const auto& user = row.user;
    Statement(tx_,
              "INSERT INTO users (id, uuid, name, password, role, enabled, quota, max_forwards, expires, reset_day, used_up, used_down, created, "
              "updated) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET name = excluded.name, "
              "must_change_password = CASE WHEN password = excluded.password THEN must_change_password ELSE 0 END, password = excluded.password, "
              "role = excluded.role, enabled = excluded.enabled, quota = excluded.quota, max_forwards = excluded.max_forwards, "
              "expires = excluded.expires, reset_day = excluded.reset_day, used_up = excluded.used_up, used_down = excluded.used_down, "
              "updated = excluded.updated",
              user.id, uuid_or_new(user.uuid), user.name, row.password, user.role == domain::Role::admin ? 0 : 1, user.enabled,
              user.allowance.quota.value, user.allowance.max_forwards, user.allowance.expires, user.allowance.reset_day, user.used.up.value,
              user.used.down.value, user.created, user.updated)
        .run();
}

void TransferTable::put(const domain::Node& node, const std::string& sealed_secret, const std::string& secret_hash)
{
    Statement(tx_,
              "INSERT INTO nodes (id, uuid, position, name, address, address_v4, address_v6, ports, egress_interface, tcp_listen, udp_listen, "
              "block_http, block_tls, block_socks, version, secret, secret_hash, created, updated) "
              "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET position = excluded.position, "
              "name = excluded.name, address = excluded.address, address_v4 = excluded.address_v4, address_v6 = excluded.address_v6, "
              "ports = excluded.ports, egress_interface = excluded.egress_interface, tcp_listen = excluded.tcp_listen, "
              "udp_listen = excluded.udp_listen, block_http = excluded.block_http, block_tls = excluded.block_tls, "
              "block_socks = excluded.block_socks, version = excluded.version, secret = excluded.secret, secret_hash = excluded.secret_hash, "
              "updated = excluded.updated",
              node.id, uuid_or_new(node.uuid), node.order, node.name, node.address, node.address_v4, node.address_v6, node.ports.to_text(),
              node.egress_interface, node.tcp_listen, node.udp_listen, node.blocks.http, node.blocks.tls, node.blocks.socks, node.version,
              Statement::as_blob(sealed_secret), Statement::as_blob(secret_hash), node.created, node.updated)
        .run();
}

void TransferTable::put(const domain::Tunnel& tunnel)
{
    Statement(tx_,
              "INSERT INTO tunnels (id, uuid, position, name, type, factor, ratio, enabled, entry_addresses, preference, created, updated) "
              "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET position = excluded.position, name = excluded.name, "
              "type = excluded.type, factor = excluded.factor, ratio = excluded.ratio, enabled = excluded.enabled, "
              "entry_addresses = excluded.entry_addresses, preference = excluded.preference, updated = excluded.updated",
              tunnel.id, uuid_or_new(tunnel.uuid), tunnel.order, tunnel.name, static_cast<int>(tunnel.type), tunnel.billing.factor,
              tunnel.billing.ratio, tunnel.enabled, tunnel.entry_addresses, preference_number(tunnel.preference), tunnel.created, tunnel.updated)
        .run();
}

void TransferTable::put(TunnelId tunnel, const domain::HopNode& hop)
{
    if (const auto id = hop_to_replace(tx_, tunnel, hop); id > 0) {
        Statement(tx_, "UPDATE OR REPLACE tunnel_hops SET node_id = ?, role = ?, place = ?, port = ?, strategy = ?, carrier = ? WHERE id = ?",
                  hop.node, static_cast<int>(hop.role), hop.place, hop.port, hop_strategies.name(hop.strategy), carriers.name(hop.carrier), id)
            .run();
        return;
    }
    Statement(
        tx_, "INSERT INTO tunnel_hops (id, tunnel_id, node_id, role, place, port, strategy, carrier) VALUES (nullif(?, 0), ?, ?, ?, ?, ?, ?, ?)",
        hop.id, tunnel, hop.node, static_cast<int>(hop.role), hop.place, hop.port, hop_strategies.name(hop.strategy), carriers.name(hop.carrier))
        .run();
}

void TransferTable::put(const domain::SpeedLimitRow& limit)
{
    Statement(tx_,
              "INSERT INTO speed_limits (id, name, mbit, tunnel_id, enabled, created, updated) VALUES (?, ?, ?, ?, ?, ?, ?) "
              "ON CONFLICT (id) DO UPDATE SET name = excluded.name, mbit = excluded.mbit, tunnel_id = excluded.tunnel_id, "
              "enabled = excluded.enabled, updated = excluded.updated",
              limit.id, limit.name, limit.mbit, limit.tunnel, limit.enabled, limit.created, limit.updated)
        .run();
}

void TransferTable::put(const domain::Assignment& assignment)
{
    Statement(tx_,
              "INSERT INTO assignments (id, user_id, tunnel_id, speed_limit_id, quota, max_forwards, expires, reset_day, used_up, used_down, "
              "enabled) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET user_id = excluded.user_id, "
              "tunnel_id = excluded.tunnel_id, speed_limit_id = excluded.speed_limit_id, quota = excluded.quota, "
              "max_forwards = excluded.max_forwards, expires = excluded.expires, reset_day = excluded.reset_day, used_up = excluded.used_up, "
              "used_down = excluded.used_down, enabled = excluded.enabled",
              assignment.id, assignment.user, assignment.tunnel, assignment.speed_limit, assignment.allowance.quota.value,
              assignment.allowance.max_forwards, assignment.allowance.expires, assignment.allowance.reset_day, assignment.used.up.value,
              assignment.used.down.value, assignment.enabled)
        .run();
}

void TransferTable::put(const domain::Forward& forward)
{
    Statement(tx_,
              "INSERT INTO forwards (id, uuid, position, user_id, owner_name, name, tunnel_id, targets, pick, used_up, used_down, enabled, created, "
              "updated) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET position = excluded.position, "
              "user_id = excluded.user_id, owner_name = excluded.owner_name, name = excluded.name, tunnel_id = excluded.tunnel_id, "
              "targets = excluded.targets, pick = excluded.pick, used_up = excluded.used_up, used_down = excluded.used_down, "
              "enabled = excluded.enabled, updated = excluded.updated",
              forward.id, uuid_or_new(forward.uuid), forward.order, forward.owner, forward.owner_name, forward.name, forward.tunnel,
              join_targets(forward.targets), picks.name(forward.pick), forward.used.up.value, forward.used.down.value, forward.enabled,
              forward.created, forward.updated)
        .run();
}

void TransferTable::put_ports(ForwardId forward, const std::vector<domain::ForwardPort>& ports)
{
    for (const auto& port : ports)
        Statement(tx_, "INSERT INTO forward_ports (forward_id, node_id, port) VALUES (?, ?, ?)", forward, port.node, port.port).run();
}

void TransferTable::remove_ports(ForwardId forward) { Statement(tx_, "DELETE FROM forward_ports WHERE forward_id = ?", forward).run(); }

void TransferTable::put(GroupKind kind, const domain::Group& group)
{
    const auto& names = names_of(kind);
    Statement(tx_, names.put, group.id, group.name, group.enabled, group.created, group.updated).run();
    Statement(tx_, names.clear, group.id).run();
    for (const auto member : group.members) Statement(tx_, names.add, group.id, member).run();
}

void TransferTable::put(const domain::Permission& permission)
{
    Statement(tx_,
              "INSERT INTO group_permissions (id, user_group_id, tunnel_group_id, created) VALUES (?, ?, ?, ?) "
              "ON CONFLICT (id) DO UPDATE SET user_group_id = excluded.user_group_id, tunnel_group_id = excluded.tunnel_group_id",
              permission.id, permission.user_group, permission.tunnel_group, permission.created)
        .run();
}

void TransferTable::put(const domain::Grant& grant)
{
    Statement(tx_,
              "INSERT INTO group_grants (id, user_group_id, tunnel_group_id, assignment_id, created_by_group, created) VALUES (?, ?, ?, ?, ?, ?) "
              "ON CONFLICT (id) DO UPDATE SET assignment_id = excluded.assignment_id, created_by_group = excluded.created_by_group",
              grant.id, grant.user_group, grant.tunnel_group, grant.assignment, grant.created_by_group, grant.created)
        .run();
}

std::optional<std::int64_t> TransferTable::group_named(GroupKind kind, const std::string& name)
{
    Statement query(tx_, names_of(kind).find, name);
    if (!query.next()) return std::nullopt;
    return query.integer();
}

std::optional<ForwardId> TransferTable::forward_on(NodeId node, std::uint16_t port)
{
    Statement query(tx_, "SELECT forward_id FROM forward_ports WHERE node_id = ? AND port = ?", node, port);
    if (!query.next()) return std::nullopt;
    return query.id<ForwardId>();
}

std::optional<NodeId> TransferTable::node_with_secret(const std::string& secret_hash)
{
    Statement query(tx_, "SELECT id FROM nodes WHERE secret_hash = ?", Statement::as_blob(secret_hash));
    if (!query.next()) return std::nullopt;
    return query.id<NodeId>();
}

void TransferTable::release_name(domain::Section section, std::int64_t id)
{
    const char* sql = nullptr;
    switch (section) {
    case domain::Section::users: sql = "UPDATE users SET name = uuid WHERE id = ?"; break;
    case domain::Section::tunnels: sql = "UPDATE tunnels SET name = uuid WHERE id = ?"; break;
    case domain::Section::user_groups: sql = "UPDATE user_groups SET name = hex(randomblob(16)) WHERE id = ?"; break;
    case domain::Section::tunnel_groups: sql = "UPDATE tunnel_groups SET name = hex(randomblob(16)) WHERE id = ?"; break;
    case domain::Section::nodes:
    case domain::Section::speed_limits:
    case domain::Section::assignments:
    case domain::Section::forwards:
    case domain::Section::permissions:
    case domain::Section::settings: return; // no unique name, or it is the key
    }
    Statement(tx_, sql, id).run();
}

void TransferTable::renumber_node(NodeId from, NodeId to)
{
    tx_.database().exec("PRAGMA defer_foreign_keys = ON"); // until this transaction ends: rows that refer to it follow one after another
    Statement(tx_, "UPDATE nodes SET id = ? WHERE id = ?", to, from).run();
    for (const char* sql : {"UPDATE tunnel_hops SET node_id = ? WHERE node_id = ?", "UPDATE forward_ports SET node_id = ? WHERE node_id = ?",
                            "UPDATE booked_counters SET node_id = ? WHERE node_id = ?", "UPDATE node_metrics SET node_id = ? WHERE node_id = ?",
                            "UPDATE events SET node_id = ? WHERE node_id = ?", "UPDATE quotas SET node_id = ? WHERE node_id = ?"})
        Statement(tx_, sql, to, from).run();
    Statement(tx_, "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'nodes'", to).run();
}

std::optional<std::string> TransferTable::imported(std::string_view section, std::int64_t id)
{
    Statement query(tx_, "SELECT source FROM imported_rows WHERE section = ? AND id = ?", section, id);
    if (!query.next()) return std::nullopt;
    return query.blob();
}

void TransferTable::remember_imported(std::string_view section, std::int64_t id, const std::string& digest)
{
    Statement(tx_,
              "INSERT INTO imported_rows (section, id, source) VALUES (?, ?, ?) ON CONFLICT (section, id) DO UPDATE SET source = excluded.source",
              section, id, Statement::as_blob(digest))
        .run();
}

} // namespace sluice::store
