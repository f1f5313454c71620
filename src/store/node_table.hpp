// Nodes. The secret is stored encrypted (it is shown again) and as a hash (it is looked up).
#pragma once

#include "base/bytes.hpp"
#include "domain/node.hpp"
#include "store/store.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::store {

class NodeTable {
public:
    explicit NodeTable(ReadTx& tx) : tx_(tx) {}

    std::optional<domain::Node> find(NodeId id);
    std::optional<NodeId> local();
    std::vector<domain::Node> all();  // by position, id
    std::string secret_of(NodeId id); // as stored: encrypted

    NodeId insert(const domain::Node& node, const std::string& secret, const std::string& secret_hash); // position: last
    void update(const domain::Node& node); // what an administrator may edit, and `updated`
    // Passed it, billed to whomever.
    void add_traffic(NodeId id, const Traffic& traffic);
    void set_version(NodeId id, const std::string& version);
    void set_key(NodeId id, const std::optional<Fingerprint>& key); // absent: revoked
    std::optional<NodeId> find_by_key(const Fingerprint& key);
    void set_position(NodeId id, std::int64_t position);
    void remove(NodeId id);

    // What these nodes should do changes in this transaction. Returns each node's new revision.
    std::vector<std::pair<NodeId, std::uint64_t>> bump_revision(const std::vector<NodeId>& nodes);

private:
    ReadTx& tx_;
};

} // namespace sluice::store
