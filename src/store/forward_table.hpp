// Forwards with their ports.
#pragma once

#include "domain/forward.hpp"
#include "store/store.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace sluice::store {

class ForwardTable {
public:
    explicit ForwardTable(ReadTx& tx) : tx_(tx) {}

    std::optional<domain::Forward> find(ForwardId id);
    std::vector<domain::Forward> all();                // by position, id
    std::vector<domain::Forward> of_user(UserId user); // by position, id
    std::vector<ForwardId> ids_of_user(UserId user);   // in no order
    // A part of all, or of one user's, by position, id.
    std::vector<domain::Forward> part(std::optional<UserId> user, std::size_t first, std::size_t count);
    std::int64_t count();
    std::vector<domain::Forward> of_tunnel(TunnelId tunnel);
    std::vector<domain::Forward> on_node(NodeId node); // with a port there; by id
    std::int64_t count_of(UserId user);
    // Who pays for which of these forwards, and on which tunnel: all that booking needs to know. One that is gone is left out.
    struct Payer {
        UserId owner;
        TunnelId tunnel;
    };
    std::unordered_map<ForwardId, Payer> payers(const std::vector<ForwardId>& ids);
    std::int64_t count_of(UserId user, TunnelId tunnel);

    // Ports that forwards and tunnel hops hold on a node. `except` does not count.
    std::vector<std::uint16_t> ports_taken(NodeId node, ForwardId except);

    ForwardId insert(const domain::Forward& forward); // with ports; position: last
    void update(const domain::Forward& forward);      // what its owner may edit, tunnel and ports
    void set_enabled(ForwardId id, bool enabled, WallTime now);
    void set_position(ForwardId id, std::int64_t position);
    void add_traffic(ForwardId id, const Traffic& traffic);
    void remove(ForwardId id);

private:
    template <class... Values>
    std::vector<domain::Forward> select(const std::string& where, const std::string& order, const Values&... values);
    void insert_ports(ForwardId id, const std::vector<domain::ForwardPort>& ports);
    ReadTx& tx_;
};

// "a:1,b:2" and back; the form in which targets are stored and FLVX shows them.
std::string join_targets(const std::vector<HostPort>& targets);
std::string join_networks(const std::vector<Cidr>& networks);

} // namespace sluice::store
