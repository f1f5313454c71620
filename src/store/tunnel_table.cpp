#include "store/tunnel_table.hpp"

#include "store/names.hpp"
#include "store/statement.hpp"

#include <map>

namespace sluice::store {

namespace {

constexpr const char* tunnel_columns =
    "SELECT id, uuid, position, name, type, factor, ratio, enabled, entry_addresses, preference, created, updated, wire_id FROM tunnels ";
constexpr const char* hop_columns =
    "SELECT tunnel_id, id, node_id, role, place, port, strategy, carrier, public_host, public_port, server_name, alpn, path FROM tunnel_hops ";
constexpr const char* assignment_columns = "SELECT id, user_id, tunnel_id, speed_limit_id, quota, max_forwards, expires, reset_day, used_up, "
                                           "used_down, enabled FROM assignments ";

domain::Tunnel tunnel_row(Statement& from)
{
    domain::Tunnel tunnel;
    tunnel.id = from.id<TunnelId>();
    tunnel.uuid = from.text();
    tunnel.order = from.integer();
    tunnel.name = from.text();
    tunnel.type = static_cast<domain::TunnelType>(from.integer());
    tunnel.billing.factor = static_cast<int>(from.integer());
    tunnel.billing.ratio = from.real();
    tunnel.enabled = from.flag();
    tunnel.entry_addresses = from.optional_text();
    const auto preference = from.integer();
    tunnel.preference = preference == 4 ? domain::AddressFamily::v4 : preference == 6 ? domain::AddressFamily::v6 : domain::AddressFamily::automatic;
    tunnel.created = from.time();
    tunnel.updated = from.optional_time();
    if (const auto wire = from.optional_integer()) tunnel.wire_id = TunnelId{*wire};
    return tunnel;
}

std::pair<TunnelId, domain::HopNode> hop_row(Statement& from)
{
    const auto tunnel = from.id<TunnelId>();
    domain::HopNode hop;
    hop.id = from.integer();
    hop.node = from.id<NodeId>();
    hop.role = static_cast<domain::HopRole>(from.integer());
    hop.place = static_cast<int>(from.integer());
    if (const auto port = from.optional_integer()) hop.port = static_cast<std::uint16_t>(*port);
    hop.strategy = hop_strategies.value(from.text(), domain::HopStrategy::round_robin);
    hop.carrier = carriers.value(from.text(), domain::Carrier::tls);
    hop.public_host = from.text();
    if (const auto port = from.optional_integer()) hop.public_port = static_cast<std::uint16_t>(*port);
    hop.server_name = from.text();
    hop.alpn = from.text();
    hop.path = from.text();
    return {tunnel, hop};
}

domain::Assignment assignment_row(Statement& from)
{
    domain::Assignment assignment;
    assignment.id = from.id<AssignmentId>();
    assignment.user = from.id<UserId>();
    assignment.tunnel = from.id<TunnelId>();
    if (const auto limit = from.optional_integer()) assignment.speed_limit = SpeedLimitId{*limit};
    assignment.allowance.quota = {from.integer()};
    assignment.allowance.max_forwards = from.integer();
    assignment.allowance.expires = from.optional_time();
    assignment.allowance.reset_day = static_cast<int>(from.integer());
    assignment.used.up = {from.integer()};
    assignment.used.down = {from.integer()};
    assignment.enabled = from.flag();
    return assignment;
}

int preference_number(domain::AddressFamily family)
{
    switch (family) {
    case domain::AddressFamily::automatic: return 0;
    case domain::AddressFamily::v4: return 4;
    case domain::AddressFamily::v6: return 6;
    }
    return 0;
}

} // namespace

std::optional<domain::Tunnel> TunnelTable::find(TunnelId id)
{
    Statement query(tx_, (std::string{tunnel_columns} + "WHERE id = ?").c_str(), id);
    if (!query.next()) return std::nullopt;
    auto tunnel = tunnel_row(query);
    tunnel.hops = hops_of(id);
    return tunnel;
}

std::optional<TunnelId> TunnelTable::find_by_name(const std::string& name)
{
    Statement query(tx_, "SELECT id FROM tunnels WHERE name = ?", name);
    if (!query.next()) return std::nullopt;
    return query.id<TunnelId>();
}

std::vector<domain::Tunnel> TunnelTable::all()
{
    std::map<TunnelId, std::vector<domain::HopNode>> hops;
    Statement hop_query(tx_, (std::string{hop_columns} + "ORDER BY role, place, id").c_str());
    while (hop_query.next()) {
        auto [tunnel, hop] = hop_row(hop_query);
        hops[tunnel].push_back(hop);
    }
    std::vector<domain::Tunnel> tunnels;
    Statement query(tx_, (std::string{tunnel_columns} + "ORDER BY position, id").c_str());
    while (query.next()) {
        tunnels.push_back(tunnel_row(query));
        tunnels.back().hops = std::move(hops[tunnels.back().id]);
    }
    return tunnels;
}

std::vector<TunnelId> TunnelTable::using_node(NodeId node)
{
    std::vector<TunnelId> ids;
    Statement query(tx_, "SELECT DISTINCT tunnel_id FROM tunnel_hops WHERE node_id = ? ORDER BY tunnel_id", node);
    while (query.next()) ids.push_back(query.id<TunnelId>());
    return ids;
}

std::vector<domain::HopNode> TunnelTable::hops_of(TunnelId id)
{
    std::vector<domain::HopNode> hops;
    Statement query(tx_, (std::string{hop_columns} + "WHERE tunnel_id = ? ORDER BY role, place, id").c_str(), id);
    while (query.next()) hops.push_back(hop_row(query).second);
    return hops;
}

void TunnelTable::insert_hops(TunnelId id, const std::vector<domain::HopNode>& hops)
{
    for (const auto& hop : hops) {
        Statement(
            tx_,
            "INSERT INTO tunnel_hops (tunnel_id, node_id, role, place, port, strategy, carrier, public_host, public_port, server_name, alpn, path) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            id, hop.node, static_cast<int>(hop.role), hop.place, hop.port, hop_strategies.name(hop.strategy), carriers.name(hop.carrier),
            hop.public_host, hop.public_port, hop.server_name, hop.alpn, hop.path)
            .run();
    }
}

TunnelId TunnelTable::insert(const domain::Tunnel& tunnel)
{
    Statement(tx_,
              "INSERT INTO tunnels (uuid, position, name, type, factor, ratio, enabled, entry_addresses, preference, created, wire_id) "
              "VALUES (?, (SELECT coalesce(max(position) + 1, 0) FROM tunnels), ?, ?, ?, ?, ?, ?, ?, ?, ?)",
              tunnel.uuid, tunnel.name, static_cast<int>(tunnel.type), tunnel.billing.factor, tunnel.billing.ratio, tunnel.enabled,
              tunnel.entry_addresses, preference_number(tunnel.preference), tunnel.created, tunnel.wire_id)
        .run();
    const TunnelId id{last_id(tx_)};
    insert_hops(id, tunnel.hops);
    return id;
}

void TunnelTable::update(const domain::Tunnel& tunnel)
{
    Statement(
        tx_,
        "UPDATE tunnels SET name = ?, factor = ?, ratio = ?, enabled = ?, entry_addresses = ?, preference = ?, updated = ?, wire_id = ? WHERE id = ?",
        tunnel.name, tunnel.billing.factor, tunnel.billing.ratio, tunnel.enabled, tunnel.entry_addresses, preference_number(tunnel.preference),
        tunnel.updated, tunnel.wire_id, tunnel.id)
        .run();
    Statement(tx_, "DELETE FROM tunnel_hops WHERE tunnel_id = ?", tunnel.id).run();
    insert_hops(tunnel.id, tunnel.hops);
}

void TunnelTable::set_position(TunnelId id, std::int64_t position)
{
    Statement(tx_, "UPDATE tunnels SET position = ? WHERE id = ?", position, id).run();
}

void TunnelTable::remove(TunnelId id) { Statement(tx_, "DELETE FROM tunnels WHERE id = ?", id).run(); }

std::optional<domain::Assignment> AssignmentTable::find(AssignmentId id)
{
    Statement query(tx_, (std::string{assignment_columns} + "WHERE id = ?").c_str(), id);
    if (!query.next()) return std::nullopt;
    return assignment_row(query);
}

std::optional<domain::Assignment> AssignmentTable::find(UserId user, TunnelId tunnel)
{
    Statement query(tx_, (std::string{assignment_columns} + "WHERE user_id = ? AND tunnel_id = ?").c_str(), user, tunnel);
    if (!query.next()) return std::nullopt;
    return assignment_row(query);
}

std::vector<domain::Assignment> AssignmentTable::of_user(UserId user)
{
    std::vector<domain::Assignment> assignments;
    Statement query(tx_, (std::string{assignment_columns} + "WHERE user_id = ? ORDER BY id").c_str(), user);
    while (query.next()) assignments.push_back(assignment_row(query));
    return assignments;
}

std::vector<domain::Assignment> AssignmentTable::all()
{
    std::vector<domain::Assignment> assignments;
    Statement query(tx_, (std::string{assignment_columns} + "ORDER BY id").c_str());
    while (query.next()) assignments.push_back(assignment_row(query));
    return assignments;
}

std::vector<domain::Assignment> AssignmentTable::limited()
{
    std::vector<domain::Assignment> assignments;
    Statement query(tx_, (std::string{assignment_columns} + "WHERE speed_limit_id IS NOT NULL ORDER BY id").c_str());
    while (query.next()) assignments.push_back(assignment_row(query));
    return assignments;
}

AssignmentId AssignmentTable::insert(const domain::Assignment& assignment)
{
    Statement(tx_,
              "INSERT INTO assignments (user_id, tunnel_id, speed_limit_id, quota, max_forwards, expires, reset_day, enabled) "
              "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
              assignment.user, assignment.tunnel, assignment.speed_limit, assignment.allowance.quota.value, assignment.allowance.max_forwards,
              assignment.allowance.expires, assignment.allowance.reset_day, assignment.enabled)
        .run();
    return AssignmentId{last_id(tx_)};
}

void AssignmentTable::update(const domain::Assignment& assignment)
{
    Statement(tx_,
              "UPDATE assignments SET speed_limit_id = ?, quota = ?, max_forwards = ?, expiry_noticed = CASE WHEN expires IS ?4 THEN expiry_noticed "
              "ELSE 0 END, expires = ?4, reset_day = ?, enabled = ? WHERE id = ?",
              assignment.speed_limit, assignment.allowance.quota.value, assignment.allowance.max_forwards, assignment.allowance.expires,
              assignment.allowance.reset_day, assignment.enabled, assignment.id)
        .run();
}

void AssignmentTable::add_traffic(UserId user, TunnelId tunnel, const Traffic& traffic)
{
    Statement(tx_,
              "UPDATE assignments SET used_up = used_up + ?1, used_down = used_down + ?2, total_up = total_up + ?1, total_down = total_down + ?2 "
              "WHERE user_id = ?3 AND tunnel_id = ?4",
              traffic.up.value, traffic.down.value, user, tunnel)
        .run();
}

void AssignmentTable::reset_traffic(AssignmentId id)
{
    Statement(tx_, "UPDATE assignments SET used_up = 0, used_down = 0, noticed = 0 WHERE id = ?", id).run();
}

void AssignmentTable::reset_traffic_of(UserId user)
{
    Statement(tx_, "UPDATE assignments SET used_up = 0, used_down = 0, noticed = 0 WHERE user_id = ?", user).run();
}

void AssignmentTable::remove(AssignmentId id) { Statement(tx_, "DELETE FROM assignments WHERE id = ?", id).run(); }

} // namespace sluice::store
