// Tunnels with their hops, and assignments of users to them.
#pragma once

#include "domain/tunnel.hpp"
#include "domain/user.hpp"
#include "store/store.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::store {

class TunnelTable {
public:
    explicit TunnelTable(ReadTx& tx) : tx_(tx) {}

    std::optional<domain::Tunnel> find(TunnelId id);
    std::optional<TunnelId> find_by_name(const std::string& name);
    std::vector<domain::Tunnel> all(); // by position, id
    std::vector<TunnelId> using_node(NodeId node);

    TunnelId insert(const domain::Tunnel& tunnel); // with hops; position: last
    void update(const domain::Tunnel& tunnel);     // hops are replaced
    void set_position(TunnelId id, std::int64_t position);
    void remove(TunnelId id);

private:
    void insert_hops(TunnelId id, const std::vector<domain::HopNode>& hops);
    std::vector<domain::HopNode> hops_of(TunnelId id);
    ReadTx& tx_;
};

class AssignmentTable {
public:
    explicit AssignmentTable(ReadTx& tx) : tx_(tx) {}

    std::optional<domain::Assignment> find(AssignmentId id);
    std::optional<domain::Assignment> find(UserId user, TunnelId tunnel);
    std::vector<domain::Assignment> of_user(UserId user); // by id
    std::vector<domain::Assignment> all();                // by id
    std::vector<domain::Assignment> limited();            // those with a speed limit; by id
    AssignmentId insert(const domain::Assignment& assignment);
    void update(const domain::Assignment& assignment);                      // everything but id, user, tunnel, used
    void add_traffic(UserId user, TunnelId tunnel, const Traffic& traffic); // a missing row is fine
    void reset_traffic(AssignmentId id);
    void reset_traffic_of(UserId user);
    void remove(AssignmentId id);

private:
    ReadTx& tx_;
};

} // namespace sluice::store
