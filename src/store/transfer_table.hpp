// Rows as they are carried from one panel to another: whole, with the ids they have. Writing one replaces what has its id but for the time at
// which that was made; nothing else is touched. Also remembers what came from where (migration 0003).
#pragma once

#include "domain/snapshot.hpp"
#include "store/store.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::store {

enum class GroupKind { users, tunnels };

class TransferTable {
public:
    explicit TransferTable(ReadTx& tx) : tx_(tx) {}

    std::vector<domain::UserRow> users();              // by id
    std::vector<domain::SpeedLimitRow> speed_limits(); // by id
    std::vector<domain::Group> groups(GroupKind kind); // by id, members by id
    std::vector<domain::Permission> permissions();     // by id, grants by id

    // The ids that a table holds. `table` is one of this schema's names.
    std::vector<std::int64_t> ids(const char* table);

    void put(const domain::UserRow& row);
    void put(const domain::Node& node, const std::string& sealed_secret, const std::string& secret_hash);
    void put(const domain::Tunnel& tunnel);                // without hops
    void put(TunnelId tunnel, const domain::HopNode& hop); // by hop id, else by node; a new one for this tunnel
    void put(const domain::SpeedLimitRow& limit);
    void put(const domain::Assignment& assignment);
    void put(const domain::Forward& forward); // without ports
    void put_ports(ForwardId forward, const std::vector<domain::ForwardPort>& ports);
    void remove_ports(ForwardId forward);
    void put(GroupKind kind, const domain::Group& group); // members are replaced
    void put(const domain::Permission& permission);       // without grants
    void put(const domain::Grant& grant);                 // one that is there changes its assignment and who made it, nothing else

    std::optional<std::int64_t> group_named(GroupKind kind, const std::string& name);
    // Who listens on this port of a node; forwards only.
    std::optional<ForwardId> forward_on(NodeId node, std::uint16_t port);
    std::optional<NodeId> node_with_secret(const std::string& secret_hash);

    // Takes a name away from a row that is about to get another one, so that two rows may exchange theirs.
    void release_name(domain::Section section, std::int64_t id);

    // The row and everything that refers to it gets another, unused id, which will not be given out again.
    void renumber_node(NodeId from, NodeId to);

    std::optional<std::string> imported(std::string_view section, std::int64_t id); // 32 bytes
    void remember_imported(std::string_view section, std::int64_t id, const std::string& digest);

private:
    ReadTx& tx_;
};

} // namespace sluice::store
