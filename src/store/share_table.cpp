#include "store/share_table.hpp"

#include "base/text.hpp"
#include "store/forward_table.hpp"
#include "store/names.hpp"
#include "store/statement.hpp"

#include <charconv>

namespace sluice::store {

namespace {

constexpr Names<domain::ShareRoleKind, 7> kinds{{{
    {domain::ShareRoleKind::reserved, "reserved"},
    {domain::ShareRoleKind::middle, "middle"},
    {domain::ShareRoleKind::exit, "exit"},
    {domain::ShareRoleKind::leg, "leg"},
    {domain::ShareRoleKind::entry, "entry"},
    {domain::ShareRoleKind::service, "service"},
    {domain::ShareRoleKind::limiter, "limiter"},
}}};

constexpr const char* share_columns =
    "SELECT id, name, node_id, quota, used, expires, port_first, port_last, allowed_domains, allowed_addresses, enabled, "
    "running, consumer, wish_revision, created, updated FROM shares ";
constexpr const char* role_columns =
    "SELECT id, share_id, reservation_id, resource_key, kind, protocol, strategy, port, peer_object, speed_limit, wish, "
    "applied, paused, active, created, updated FROM share_roles ";
constexpr const char* remote_columns =
    "SELECT node_id, url, pin, share_id, share_name, quota, used, expires, port_first, port_last, node_key, online, problem "
    "FROM remote_nodes ";
constexpr const char* remote_role_columns =
    "SELECT id, tunnel_id, node_id, role, place, resource_key, reservation_id, binding_id, port, updated FROM remote_roles ";

std::string join(const std::vector<std::string>& words)
{
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : ",") + word;
    return text;
}

std::uint16_t port_of(Statement& from) { return static_cast<std::uint16_t>(from.integer()); }

domain::Share share_row(Statement& from)
{
    domain::Share share;
    share.id = from.id<ShareId>();
    share.name = from.text();
    share.node = from.id<NodeId>();
    share.quota = {from.integer()};
    share.used = {from.integer()};
    share.expires = from.optional_time();
    share.port_first = port_of(from);
    share.port_last = port_of(from);
    const auto domains = from.text(); // split() refers to it
    for (const auto word : split(domains, ',')) {
        if (!word.empty()) share.domains.emplace_back(word);
    }
    const auto networks = from.text();
    for (const auto word : split(networks, ',')) {
        if (const auto network = Cidr::parse(word)) share.addresses.push_back(*network);
    }
    share.enabled = from.flag();
    share.running = from.flag();
    share.consumer = from.text();
    share.wish_revision = static_cast<std::uint64_t>(from.integer());
    share.created = from.time();
    share.updated = from.optional_time();
    return share;
}

domain::ShareRole role_row(Statement& from)
{
    domain::ShareRole role;
    role.id = from.id<ShareRoleId>();
    role.share = from.id<ShareId>();
    role.reservation = from.text();
    role.resource_key = from.text();
    role.kind = kinds.value(from.text(), domain::ShareRoleKind::reserved);
    role.protocol = from.text();
    role.strategy = from.text();
    if (const auto port = from.optional_integer()) role.port = static_cast<std::uint16_t>(*port);
    role.peer_object = from.integer();
    role.speed_limit = from.text();
    role.wish = from.text();
    role.applied = from.flag();
    role.paused = from.flag();
    role.active = from.flag();
    role.created = from.time();
    role.updated = from.time();
    return role;
}

domain::RemoteNode remote_row(Statement& from)
{
    domain::RemoteNode remote;
    remote.node = from.id<NodeId>();
    remote.url = from.text();
    remote.pin = from.text();
    remote.share = from.integer();
    remote.share_name = from.text();
    remote.quota = {from.integer()};
    remote.used = {from.integer()};
    remote.expires = from.optional_time();
    remote.port_first = port_of(from);
    remote.port_last = port_of(from);
    if (const auto key = from.optional_text()) {
        if (const auto print = Fingerprint::from_bytes(*key)) remote.key = *print;
    }
    remote.online = from.flag();
    remote.problem = from.text();
    return remote;
}

domain::RemoteRole remote_role_row(Statement& from)
{
    domain::RemoteRole role;
    role.id = from.integer();
    role.tunnel = from.id<TunnelId>();
    role.node = from.id<NodeId>();
    role.role = static_cast<domain::HopRole>(from.integer());
    role.place = static_cast<int>(from.integer());
    role.resource_key = from.text();
    role.reservation = from.text();
    role.binding = from.text();
    role.port = port_of(from);
    role.updated = from.time();
    return role;
}

template <class Row, class Read>
std::vector<Row> all_of(Statement& query, Read read)
{
    std::vector<Row> rows;
    while (query.next()) rows.push_back(read(query));
    return rows;
}

template <class Row, class Read>
std::optional<Row> one_of(Statement& query, Read read)
{
    if (!query.next()) return std::nullopt;
    return read(query);
}

std::string with(const char* columns, const char* rest) { return std::string{columns} + rest; }

} // namespace

std::optional<domain::Share> ShareTable::find(ShareId id)
{
    Statement query(tx_, with(share_columns, "WHERE id = ?").c_str(), id);
    return one_of<domain::Share>(query, share_row);
}

std::optional<domain::Share> ShareTable::find_by_token(const std::string& hash)
{
    Statement query(tx_, with(share_columns, "WHERE token_hash = ?").c_str(), Statement::as_blob(hash));
    return one_of<domain::Share>(query, share_row);
}

std::vector<domain::Share> ShareTable::all()
{
    Statement query(tx_, with(share_columns, "ORDER BY id DESC").c_str());
    return all_of<domain::Share>(query, share_row);
}

std::vector<domain::Share> ShareTable::of_node(NodeId node)
{
    Statement query(tx_, with(share_columns, "WHERE node_id = ? ORDER BY id").c_str(), node);
    return all_of<domain::Share>(query, share_row);
}

std::string ShareTable::token_of(ShareId id)
{
    Statement query(tx_, "SELECT token FROM shares WHERE id = ?", id);
    return query.next() ? query.blob() : std::string{};
}

ShareId ShareTable::insert(const domain::Share& share, const std::string& token, const std::string& token_hash)
{
    Statement(
        tx_,
        "INSERT INTO shares (name, node_id, token, token_hash, quota, expires, port_first, port_last, allowed_domains, allowed_addresses, created) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        share.name, share.node, Statement::as_blob(token), Statement::as_blob(token_hash), share.quota.value, share.expires, share.port_first,
        share.port_last, join(share.domains), join_networks(share.addresses), share.created)
        .run();
    return ShareId{last_id(tx_)};
}

void ShareTable::update(const domain::Share& share)
{
    Statement(
        tx_,
        "UPDATE shares SET name = ?, quota = ?, expires = ?, port_first = ?, port_last = ?, allowed_domains = ?, allowed_addresses = ?, enabled = ?, "
        "running = ?, consumer = ?, wish_revision = ?, updated = ? WHERE id = ?",
        share.name, share.quota.value, share.expires, share.port_first, share.port_last, join(share.domains), join_networks(share.addresses),
        share.enabled, share.running, share.consumer, static_cast<std::int64_t>(share.wish_revision), share.updated, share.id)
        .run();
}

void ShareTable::add_used(ShareId id, ByteCount used) { Statement(tx_, "UPDATE shares SET used = used + ? WHERE id = ?", used.value, id).run(); }

void ShareTable::reset_used(ShareId id, WallTime now) { Statement(tx_, "UPDATE shares SET used = 0, updated = ? WHERE id = ?", now, id).run(); }

void ShareTable::remove(ShareId id) { Statement(tx_, "DELETE FROM shares WHERE id = ?", id).run(); }

std::vector<domain::ShareRole> ShareRoleTable::of_share(ShareId share)
{
    Statement query(tx_, with(role_columns, "WHERE share_id = ? ORDER BY id").c_str(), share);
    return all_of<domain::ShareRole>(query, role_row);
}

std::vector<domain::ShareRole> ShareRoleTable::of_node(NodeId node)
{
    Statement query(tx_, with(role_columns, "WHERE active = 1 AND share_id IN (SELECT id FROM shares WHERE node_id = ?) ORDER BY id").c_str(), node);
    return all_of<domain::ShareRole>(query, role_row);
}

std::optional<domain::ShareRole> ShareRoleTable::find(ShareId share, ShareRoleId id)
{
    Statement query(tx_, with(role_columns, "WHERE share_id = ? AND id = ?").c_str(), share, id);
    return one_of<domain::ShareRole>(query, role_row);
}

std::optional<domain::ShareRole> ShareRoleTable::find_by_key(ShareId share, const std::string& resource_key)
{
    Statement query(tx_, with(role_columns, "WHERE share_id = ? AND resource_key = ?").c_str(), share, resource_key);
    return one_of<domain::ShareRole>(query, role_row);
}

std::optional<domain::ShareRole> ShareRoleTable::find_by_reservation(ShareId share, const std::string& reservation)
{
    Statement query(tx_, with(role_columns, "WHERE share_id = ? AND reservation_id = ?").c_str(), share, reservation);
    return one_of<domain::ShareRole>(query, role_row);
}

ShareRoleId ShareRoleTable::insert(const domain::ShareRole& role)
{
    Statement(
        tx_,
        "INSERT INTO share_roles (share_id, reservation_id, resource_key, kind, protocol, strategy, port, peer_object, speed_limit, wish, applied, paused, "
        "active, created, updated) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        role.share, role.reservation, role.resource_key, kinds.name(role.kind), role.protocol, role.strategy, role.port, role.peer_object,
        role.speed_limit, role.wish, role.applied, role.paused, role.active, role.created, role.updated)
        .run();
    return ShareRoleId{last_id(tx_)};
}

void ShareRoleTable::update(const domain::ShareRole& role)
{
    Statement(
        tx_,
        "UPDATE share_roles SET kind = ?, protocol = ?, strategy = ?, port = ?, peer_object = ?, speed_limit = ?, wish = ?, applied = ?, paused = ?, "
        "active = ?, updated = ? WHERE id = ?",
        kinds.name(role.kind), role.protocol, role.strategy, role.port, role.peer_object, role.speed_limit, role.wish, role.applied, role.paused,
        role.active, role.updated, role.id)
        .run();
}

void ShareRoleTable::remove(ShareRoleId id) { Statement(tx_, "DELETE FROM share_roles WHERE id = ?", id).run(); }

void ShareRoleTable::remove_released_before(WallTime time) { Statement(tx_, "DELETE FROM share_roles WHERE active = 0 AND updated < ?", time).run(); }

std::vector<plan::ForwardCounters> ShareCounterTable::of_share(ShareId share)
{
    std::vector<plan::ForwardCounters> counters;
    Statement query(tx_, "SELECT forward_id, epoch, up, down, connections FROM share_counters WHERE share_id = ? ORDER BY forward_id", share);
    while (query.next()) {
        plan::ForwardCounters counter;
        counter.id = query.id<ForwardId>();
        const auto epoch = query.text();
        std::from_chars(epoch.data(), epoch.data() + epoch.size(), counter.epoch);
        counter.traffic.up = {query.integer()};
        counter.traffic.down = {query.integer()};
        counter.connections = static_cast<std::uint64_t>(query.integer());
        counters.push_back(counter);
    }
    return counters;
}

void ShareCounterTable::add(ShareId share, ForwardId forward, const Traffic& traffic, std::uint64_t connections, std::uint64_t epoch_if_new)
{
    Statement(
        tx_,
        "INSERT INTO share_counters (share_id, forward_id, epoch, up, down, connections) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (share_id, forward_id) "
        "DO UPDATE SET up = up + excluded.up, down = down + excluded.down, connections = connections + excluded.connections",
        share, forward, std::to_string(epoch_if_new), traffic.up.value, traffic.down.value, static_cast<std::int64_t>(connections))
        .run();
}

void ShareCounterTable::remove(ShareId share, ForwardId forward)
{
    Statement(tx_, "DELETE FROM share_counters WHERE share_id = ? AND forward_id = ?", share, forward).run();
}

std::optional<domain::RemoteNode> RemoteNodeTable::find(NodeId node)
{
    Statement query(tx_, with(remote_columns, "WHERE node_id = ?").c_str(), node);
    return one_of<domain::RemoteNode>(query, remote_row);
}

std::vector<domain::RemoteNode> RemoteNodeTable::all()
{
    Statement query(tx_, with(remote_columns, "ORDER BY node_id DESC").c_str());
    return all_of<domain::RemoteNode>(query, remote_row);
}

bool RemoteNodeTable::has(const std::string& url, std::int64_t share)
{
    return Statement(tx_, "SELECT 1 FROM remote_nodes WHERE url = ? AND share_id = ?", url, share).next();
}

std::string RemoteNodeTable::token_of(NodeId node)
{
    Statement query(tx_, "SELECT token FROM remote_nodes WHERE node_id = ?", node);
    return query.next() ? query.blob() : std::string{};
}

void RemoteNodeTable::insert(const domain::RemoteNode& remote, const std::string& token)
{
    Statement(tx_, "INSERT INTO remote_nodes (node_id, url, pin, token, share_id, port_first, port_last) VALUES (?, ?, ?, ?, ?, ?, ?)", remote.node,
              remote.url, remote.pin, Statement::as_blob(token), remote.share, remote.port_first, remote.port_last)
        .run();
    update(remote);
}

void RemoteNodeTable::update(const domain::RemoteNode& remote)
{
    Statement(
        tx_,
        "UPDATE remote_nodes SET share_name = ?, quota = ?, used = ?, expires = ?, port_first = ?, port_last = ?, online = ?, problem = ? WHERE node_id = ?",
        remote.share_name, remote.quota.value, remote.used.value, remote.expires, remote.port_first, remote.port_last, remote.online, remote.problem,
        remote.node)
        .run();
    if (remote.key)
        Statement(tx_, "UPDATE remote_nodes SET node_key = ? WHERE node_id = ?", Statement::as_blob(remote.key->to_bytes()), remote.node).run();
}

std::vector<domain::RemoteRole> RemoteRoleTable::of_tunnel(TunnelId tunnel)
{
    Statement query(tx_, with(remote_role_columns, "WHERE tunnel_id = ? ORDER BY role, place, id").c_str(), tunnel);
    return all_of<domain::RemoteRole>(query, remote_role_row);
}

std::vector<domain::RemoteRole> RemoteRoleTable::of_node(NodeId node)
{
    Statement query(tx_, with(remote_role_columns, "WHERE node_id = ? ORDER BY tunnel_id, role, place, id").c_str(), node);
    return all_of<domain::RemoteRole>(query, remote_role_row);
}

void RemoteRoleTable::replace(TunnelId tunnel, const std::vector<domain::RemoteRole>& roles)
{
    Statement(tx_, "DELETE FROM remote_roles WHERE tunnel_id = ?", tunnel).run();
    for (const auto& role : roles) {
        Statement(tx_,
                  "INSERT INTO remote_roles (tunnel_id, node_id, role, place, resource_key, reservation_id, binding_id, port, updated) "
                  "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                  tunnel, role.node, static_cast<int>(role.role), role.place, role.resource_key, role.reservation, role.binding, role.port,
                  role.updated)
            .run();
    }
}

} // namespace sluice::store
