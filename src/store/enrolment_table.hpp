// Tokens that make a machine's key a node's (NodeTable keeps the key). Hashes have 32 bytes.
#pragma once

#include "base/id.hpp"
#include "base/time.hpp"
#include "store/store.hpp"

#include <optional>
#include <string>

namespace sluice::store {

struct EnrolmentToken {
    NodeId node;
    WallTime expires;
    std::optional<WallTime> used;
};

class EnrolmentTable {
public:
    explicit EnrolmentTable(ReadTx& tx) : tx_(tx) {}

    void add_token(const std::string& hash, NodeId node, WallTime now, WallTime expires);
    std::optional<EnrolmentToken> find_token(const std::string& hash);
    void use_token(const std::string& hash, WallTime now);
    // Those of the node that nobody used.
    void withdraw_tokens(NodeId node);
    void remove_expired_tokens(WallTime before);

private:
    ReadTx& tx_;
};

} // namespace sluice::store
