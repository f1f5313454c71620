// Nodes that other panels use, and nodes of other panels that are used here.
#pragma once

#include "domain/share.hpp"
#include "plan/report.hpp"
#include "store/store.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::store {

class ShareTable {
public:
    explicit ShareTable(ReadTx& tx) : tx_(tx) {}

    std::optional<domain::Share> find(ShareId id);
    std::optional<domain::Share> find_by_token(const std::string& hash); // 32 bytes
    std::vector<domain::Share> all();                                    // newest first
    std::vector<domain::Share> of_node(NodeId node);                     // by id
    std::string token_of(ShareId id);                                    // as stored: encrypted

    ShareId insert(const domain::Share& share, const std::string& token, const std::string& token_hash);
    void update(const domain::Share& share); // all but the node, the token and what was used
    void add_used(ShareId id, ByteCount used);
    void reset_used(ShareId id, WallTime now);
    void remove(ShareId id); // with its roles and counters

private:
    ReadTx& tx_;
};

class ShareRoleTable {
public:
    explicit ShareRoleTable(ReadTx& tx) : tx_(tx) {}

    std::vector<domain::ShareRole> of_share(ShareId share); // also released ones; by id
    std::vector<domain::ShareRole> of_node(NodeId node);    // active ones; by id
    std::optional<domain::ShareRole> find(ShareId share, ShareRoleId id);
    std::optional<domain::ShareRole> find_by_key(ShareId share, const std::string& resource_key);
    std::optional<domain::ShareRole> find_by_reservation(ShareId share, const std::string& reservation);

    ShareRoleId insert(const domain::ShareRole& role);
    void update(const domain::ShareRole& role);
    void remove(ShareRoleId id);
    void remove_released_before(WallTime time);

private:
    ReadTx& tx_;
};

// What was counted for forwards of other panels, under their numbers.
class ShareCounterTable {
public:
    explicit ShareCounterTable(ReadTx& tx) : tx_(tx) {}

    std::vector<plan::ForwardCounters> of_share(ShareId share); // ascending
    void add(ShareId share, ForwardId forward, const Traffic& traffic, std::uint64_t connections, std::uint64_t epoch_if_new);
    void remove(ShareId share, ForwardId forward);

private:
    ReadTx& tx_;
};

class RemoteNodeTable {
public:
    explicit RemoteNodeTable(ReadTx& tx) : tx_(tx) {}

    std::optional<domain::RemoteNode> find(NodeId node);
    std::vector<domain::RemoteNode> all(); // newest first
    bool has(const std::string& url, std::int64_t share);
    std::string token_of(NodeId node); // as stored: encrypted

    void insert(const domain::RemoteNode& remote, const std::string& token);
    void update(const domain::RemoteNode& remote); // what the other panel says

private:
    ReadTx& tx_;
};

class RemoteRoleTable {
public:
    explicit RemoteRoleTable(ReadTx& tx) : tx_(tx) {}

    std::vector<domain::RemoteRole> of_tunnel(TunnelId tunnel);
    std::vector<domain::RemoteRole> of_node(NodeId node);
    // Those of the tunnel become these.
    void replace(TunnelId tunnel, const std::vector<domain::RemoteRole>& roles);

private:
    ReadTx& tx_;
};

} // namespace sluice::store
