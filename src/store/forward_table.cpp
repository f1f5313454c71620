#include "store/forward_table.hpp"

#include "base/text.hpp"
#include "store/names.hpp"
#include "store/statement.hpp"

#include <unordered_map>

namespace sluice::store {

namespace {

constexpr const char* columns =
    "SELECT f.id, f.uuid, f.position, f.user_id, f.owner_name, f.name, f.tunnel_id, f.targets, f.pick, f.bind_address, f.tcp, f.udp, f.allow, "
    "f.deny, f.max_connections, f.max_clients, f.replace_clients, f.used_up, f.used_down, f.enabled, f.created, f.updated FROM forwards f ";

constexpr const char* by_place = "ORDER BY f.position, f.id";

std::vector<Cidr> networks_of(const std::string& text)
{
    std::vector<Cidr> networks;
    if (text.empty()) return networks;
    for (const auto item : split(text, ',')) {
        if (auto network = Cidr::parse(item)) networks.push_back(*network);
    }
    return networks;
}

domain::Forward row(Statement& from)
{
    domain::Forward forward;
    forward.id = from.id<ForwardId>();
    forward.uuid = from.text();
    forward.order = from.integer();
    forward.owner = from.id<UserId>();
    forward.owner_name = from.text();
    forward.name = from.text();
    forward.tunnel = from.id<TunnelId>();
    const auto targets = from.text();
    for (const auto item : split(targets, ',')) {
        if (auto target = HostPort::parse(item)) forward.targets.push_back(std::move(*target));
    }
    forward.pick = picks.value(from.text(), domain::Pick::first);
    if (const auto address = from.optional_text()) {
        if (const auto parsed = IpAddress::parse(*address)) forward.options.bind_address = *parsed;
    }
    forward.options.tcp = from.flag();
    forward.options.udp = from.flag();
    forward.options.allow = networks_of(from.text());
    forward.options.deny = networks_of(from.text());
    forward.options.max_connections = static_cast<std::uint32_t>(from.integer());
    forward.options.clients.most = static_cast<std::uint32_t>(from.integer());
    forward.options.clients.replace = from.flag();
    forward.used.up = {from.integer()};
    forward.used.down = {from.integer()};
    forward.enabled = from.flag();
    forward.created = from.time();
    forward.updated = from.optional_time();
    return forward;
}

std::optional<std::string> text_of(const std::optional<IpAddress>& address)
{
    if (!address) return std::nullopt;
    return address->to_text();
}

} // namespace

std::string join_targets(const std::vector<HostPort>& targets)
{
    std::string text;
    for (const auto& target : targets) text += (text.empty() ? "" : ",") + target.to_text();
    return text;
}

std::string join_networks(const std::vector<Cidr>& networks)
{
    std::string text;
    for (const auto& network : networks) text += (text.empty() ? "" : ",") + network.to_text();
    return text;
}

// Two queries however many there are: the forwards, and the ports of all of them.
template <class... Values>
std::vector<domain::Forward> ForwardTable::select(const std::string& where, const std::string& order, const Values&... values)
{
    std::vector<domain::Forward> forwards;
    std::unordered_map<ForwardId, std::size_t> places;
    Statement query(tx_, columns + where + order, values...);
    while (query.next()) {
        forwards.push_back(row(query));
        places[forwards.back().id] = forwards.size() - 1;
    }
    if (forwards.empty()) return forwards;
    Statement ports(tx_,
                    "SELECT q.forward_id, q.node_id, q.port FROM forward_ports q WHERE q.forward_id IN (SELECT f.id FROM forwards f " + where +
                        ") ORDER BY q.forward_id, q.node_id",
                    values...);
    while (ports.next()) {
        const auto place = places.find(ports.id<ForwardId>());
        if (place == places.end()) continue;
        const auto node = ports.id<NodeId>();
        forwards[place->second].ports.push_back({node, static_cast<std::uint16_t>(ports.integer())});
    }
    return forwards;
}

std::optional<domain::Forward> ForwardTable::find(ForwardId id)
{
    auto found = select("WHERE f.id = ? ", "", id.value);
    if (found.empty()) return std::nullopt;
    return std::move(found.front());
}

std::vector<domain::Forward> ForwardTable::all() { return select("WHERE f.id > ? ", by_place, 0); }

std::vector<domain::Forward> ForwardTable::of_user(UserId user) { return select("WHERE f.user_id = ? ", by_place, user.value); }

std::vector<ForwardId> ForwardTable::ids_of_user(UserId user)
{
    std::vector<ForwardId> ids;
    Statement query(tx_, "SELECT id FROM forwards WHERE user_id = ?", user);
    while (query.next()) ids.push_back(query.id<ForwardId>());
    return ids;
}

std::vector<domain::Forward> ForwardTable::part(std::optional<UserId> user, std::size_t first, std::size_t count)
{
    const std::string whose = user ? "user_id = ?" : "id > ?";
    return select("WHERE f.id IN (SELECT id FROM forwards WHERE " + whose + " ORDER BY position, id LIMIT ? OFFSET ?) ", by_place,
                  user.value_or(UserId{0}), static_cast<std::int64_t>(count), static_cast<std::int64_t>(first));
}

std::int64_t ForwardTable::count()
{
    Statement query(tx_, "SELECT count(*) FROM forwards");
    query.next();
    return query.integer();
}

std::vector<domain::Forward> ForwardTable::of_tunnel(TunnelId tunnel) { return select("WHERE f.tunnel_id = ? ", by_place, tunnel.value); }

std::vector<domain::Forward> ForwardTable::on_node(NodeId node)
{
    return select("JOIN forward_ports p ON p.forward_id = f.id WHERE p.node_id = ? ", "ORDER BY f.id", node.value);
}

std::unordered_map<ForwardId, ForwardTable::Payer> ForwardTable::payers(const std::vector<ForwardId>& ids)
{
    std::unordered_map<ForwardId, Payer> payers;
    if (ids.empty()) return payers;
    Statement query(tx_, "SELECT user_id, tunnel_id FROM forwards WHERE id = ?", ids.front());
    for (std::size_t i = 0; i < ids.size(); ++i) {
        if (i > 0) query.again(ids[i]);
        if (!query.next()) continue;
        const auto owner = query.id<UserId>();
        payers.emplace(ids[i], Payer{owner, query.id<TunnelId>()});
    }
    return payers;
}

std::int64_t ForwardTable::count_of(UserId user)
{
    Statement query(tx_, "SELECT count(*) FROM forwards WHERE user_id = ?", user);
    query.next();
    return query.integer();
}

std::int64_t ForwardTable::count_of(UserId user, TunnelId tunnel)
{
    Statement query(tx_, "SELECT count(*) FROM forwards WHERE user_id = ? AND tunnel_id = ?", user, tunnel);
    query.next();
    return query.integer();
}

std::vector<std::uint16_t> ForwardTable::ports_taken(NodeId node, ForwardId except)
{
    std::vector<std::uint16_t> ports;
    Statement query(
        tx_,
        "SELECT port FROM forward_ports WHERE node_id = ?1 AND forward_id <> ?2 "
        "UNION SELECT port FROM tunnel_hops WHERE node_id = ?1 AND port IS NOT NULL "
        "UNION SELECT port FROM share_roles WHERE active = 1 AND port IS NOT NULL AND share_id IN (SELECT id FROM shares WHERE node_id = ?1)",
        node, except);
    while (query.next()) ports.push_back(static_cast<std::uint16_t>(query.integer()));
    return ports;
}

void ForwardTable::insert_ports(ForwardId id, const std::vector<domain::ForwardPort>& ports)
{
    for (const auto& port : ports)
        Statement(tx_, "INSERT INTO forward_ports (forward_id, node_id, port) VALUES (?, ?, ?)", id, port.node, port.port).run();
}

ForwardId ForwardTable::insert(const domain::Forward& forward)
{
    const auto& options = forward.options;
    Statement(tx_,
              "INSERT INTO forwards (uuid, position, user_id, owner_name, name, tunnel_id, targets, pick, bind_address, tcp, udp, allow, deny, "
              "max_connections, max_clients, replace_clients, enabled, created, updated) "
              "VALUES (?, (SELECT coalesce(max(position) + 1, 0) FROM forwards), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
              forward.uuid, forward.owner, forward.owner_name, forward.name, forward.tunnel, join_targets(forward.targets), picks.name(forward.pick),
              text_of(options.bind_address), options.tcp, options.udp, join_networks(options.allow), join_networks(options.deny),
              options.max_connections, options.clients.most, options.clients.replace, forward.enabled, forward.created, forward.updated)
        .run();
    const ForwardId id{last_id(tx_)};
    insert_ports(id, forward.ports);
    return id;
}

void ForwardTable::update(const domain::Forward& forward)
{
    const auto& options = forward.options;
    Statement(tx_,
              "UPDATE forwards SET name = ?, tunnel_id = ?, targets = ?, pick = ?, bind_address = ?, tcp = ?, udp = ?, allow = ?, deny = ?, "
              "max_connections = ?, max_clients = ?, replace_clients = ?, updated = ? WHERE id = ?",
              forward.name, forward.tunnel, join_targets(forward.targets), picks.name(forward.pick), text_of(options.bind_address), options.tcp,
              options.udp, join_networks(options.allow), join_networks(options.deny), options.max_connections, options.clients.most,
              options.clients.replace, forward.updated, forward.id)
        .run();
    Statement(tx_, "DELETE FROM forward_ports WHERE forward_id = ?", forward.id).run();
    insert_ports(forward.id, forward.ports);
}

void ForwardTable::set_enabled(ForwardId id, bool enabled, WallTime now)
{
    Statement(tx_, "UPDATE forwards SET enabled = ?, updated = ? WHERE id = ?", enabled, now, id).run();
}

void ForwardTable::set_position(ForwardId id, std::int64_t position)
{
    Statement(tx_, "UPDATE forwards SET position = ? WHERE id = ?", position, id).run();
}

void ForwardTable::add_traffic(ForwardId id, const Traffic& traffic)
{
    Statement(
        tx_,
        "UPDATE forwards SET used_up = used_up + ?1, used_down = used_down + ?2, total_up = total_up + ?1, total_down = total_down + ?2 WHERE id = ?3",
        traffic.up.value, traffic.down.value, id)
        .run();
}

void ForwardTable::remove(ForwardId id) { Statement(tx_, "DELETE FROM forwards WHERE id = ?", id).run(); }

} // namespace sluice::store
