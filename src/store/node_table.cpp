#include "store/node_table.hpp"

#include "store/statement.hpp"

#include <algorithm>

namespace sluice::store {

namespace {

constexpr const char* columns = "SELECT id, uuid, position, name, address, address_v4, address_v6, ports, egress_interface, tcp_listen, udp_listen, "
                                "block_http, block_tls, block_socks, reachable, public_ports, "
                                "coalesce(key_fingerprint, (SELECT node_key FROM remote_nodes WHERE node_id = id)), version, local, "
                                "EXISTS (SELECT 1 FROM remote_nodes WHERE node_id = id), revision, created, updated FROM nodes ";

domain::Node row(Statement& from)
{
    domain::Node node;
    node.id = from.id<NodeId>();
    node.uuid = from.text();
    node.order = from.integer();
    node.name = from.text();
    node.address = from.text();
    node.address_v4 = from.optional_text();
    node.address_v6 = from.optional_text();
    node.ports = PortSet::parse(from.text()).value_or(PortSet{});
    node.egress_interface = from.optional_text();
    node.tcp_listen = from.text();
    node.udp_listen = from.text();
    node.blocks.http = from.flag();
    node.blocks.tls = from.flag();
    node.blocks.socks = from.flag();
    node.reachable = from.flag();
    node.public_ports = domain::PortMap::parse(from.text()).value_or(domain::PortMap{});
    if (const auto key = from.optional_text()) {
        if (auto print = Fingerprint::from_bytes(*key)) node.key = *print;
    }
    node.version = from.optional_text();
    node.local = from.flag();
    node.remote = from.flag();
    node.revision = static_cast<std::uint64_t>(from.integer());
    node.created = from.time();
    node.updated = from.optional_time();
    return node;
}

} // namespace

std::optional<domain::Node> NodeTable::find(NodeId id)
{
    Statement query(tx_, (std::string{columns} + "WHERE id = ?").c_str(), id);
    if (!query.next()) return std::nullopt;
    return row(query);
}

std::optional<NodeId> NodeTable::local()
{
    Statement query(tx_, "SELECT id FROM nodes WHERE local = 1");
    if (!query.next()) return std::nullopt;
    return query.id<NodeId>();
}

std::vector<domain::Node> NodeTable::all()
{
    std::vector<domain::Node> nodes;
    Statement query(tx_, (std::string{columns} + "ORDER BY position, id").c_str());
    while (query.next()) nodes.push_back(row(query));
    return nodes;
}

std::string NodeTable::secret_of(NodeId id)
{
    Statement query(tx_, "SELECT secret FROM nodes WHERE id = ?", id);
    return query.next() ? query.blob() : std::string{};
}

NodeId NodeTable::insert(const domain::Node& node, const std::string& secret, const std::string& secret_hash)
{
    Statement(tx_,
              "INSERT INTO nodes (uuid, position, name, address, address_v4, address_v6, ports, egress_interface, tcp_listen, udp_listen, "
              "block_http, block_tls, block_socks, reachable, public_ports, version, local, secret, secret_hash, created) "
              "VALUES (?, (SELECT coalesce(max(position) + 1, 0) FROM nodes), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
              node.uuid, node.name, node.address, node.address_v4, node.address_v6, node.ports.to_text(), node.egress_interface, node.tcp_listen,
              node.udp_listen, node.blocks.http, node.blocks.tls, node.blocks.socks, node.reachable, node.public_ports.to_text(), node.version,
              node.local, Statement::as_blob(secret), Statement::as_blob(secret_hash), node.created)
        .run();
    return NodeId{last_id(tx_)};
}

void NodeTable::update(const domain::Node& node)
{
    Statement(tx_,
              "UPDATE nodes SET name = ?, address = ?, address_v4 = ?, address_v6 = ?, ports = ?, egress_interface = ?, tcp_listen = ?, "
              "udp_listen = ?, block_http = ?, block_tls = ?, block_socks = ?, reachable = ?, public_ports = ?, updated = ? WHERE id = ?",
              node.name, node.address, node.address_v4, node.address_v6, node.ports.to_text(), node.egress_interface, node.tcp_listen,
              node.udp_listen, node.blocks.http, node.blocks.tls, node.blocks.socks, node.reachable, node.public_ports.to_text(), node.updated,
              node.id)
        .run();
}

void NodeTable::add_traffic(NodeId id, const Traffic& traffic)
{
    Statement(tx_, "UPDATE nodes SET total_up = total_up + ?, total_down = total_down + ? WHERE id = ?", traffic.up.value, traffic.down.value, id)
        .run();
}

void NodeTable::set_version(NodeId id, const std::string& version) { Statement(tx_, "UPDATE nodes SET version = ? WHERE id = ?", version, id).run(); }

void NodeTable::set_key(NodeId id, const std::optional<Fingerprint>& key)
{
    if (key)
        Statement(tx_, "UPDATE nodes SET key_fingerprint = ? WHERE id = ?", Statement::as_blob(key->to_bytes()), id).run();
    else
        Statement(tx_, "UPDATE nodes SET key_fingerprint = NULL WHERE id = ?", id).run();
}

std::optional<NodeId> NodeTable::find_by_key(const Fingerprint& key)
{
    const auto bytes = key.to_bytes();
    Statement query(tx_, "SELECT id FROM nodes WHERE key_fingerprint = ?", Statement::as_blob(bytes));
    if (!query.next()) return std::nullopt;
    return query.id<NodeId>();
}

void NodeTable::set_position(NodeId id, std::int64_t position) { Statement(tx_, "UPDATE nodes SET position = ? WHERE id = ?", position, id).run(); }

void NodeTable::remove(NodeId id) { Statement(tx_, "DELETE FROM nodes WHERE id = ?", id).run(); }

std::vector<std::pair<NodeId, std::uint64_t>> NodeTable::bump_revision(const std::vector<NodeId>& nodes)
{
    auto ids = nodes;
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    std::vector<std::pair<NodeId, std::uint64_t>> revisions;
    for (const auto id : ids) {
        Statement bump(tx_, "UPDATE nodes SET revision = revision + 1 WHERE id = ? RETURNING revision", id);
        if (!bump.next()) continue; // a node that is gone
        revisions.emplace_back(id, static_cast<std::uint64_t>(bump.integer()));
        while (bump.next()) { // to its end: an open statement would keep the transaction from committing
        }
    }
    return revisions;
}

} // namespace sluice::store
