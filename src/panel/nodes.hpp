// The machines that forward: administrators only.
#pragma once

#include "base/result.hpp"
#include "base/secret.hpp"
#include "domain/node.hpp"
#include "domain/share.hpp"
#include "panel/actor.hpp"
#include "plan/report.hpp"

#include <optional>
#include <utility>
#include <vector>

namespace sluice::panel {

struct Context;

struct NodeView {
    domain::Node node;
    bool online = false;
    std::optional<domain::RemoteNode> remote; // of another panel's node
};

class Nodes {
public:
    explicit Nodes(Context& context) : context_(context) {}

    static constexpr const char* secret_purpose = "node secret"; // what a node's secret is sealed for

    Result<std::vector<NodeView>> list(const Actor& actor); // by order, id
    Result<NodeView> get(const Actor& actor, NodeId id);

    struct Created {
        NodeId id;
        Secret secret; // 32 hex characters; stored encrypted, since it is shown again
    };
    // Errors: those of domain::check_node.
    Result<Created> create(const Actor& actor, const domain::NodeDraft& draft);
    // Errors: not_found "node" and those of create. The new wish is sent to the node.
    Result<void> update(const Actor& actor, NodeId id, const domain::NodePatch& patch);
    // Removes the node, its places in tunnels and the ports of forwards on it. The local node cannot be removed: conflict "node.local".
    Result<void> remove(const Actor& actor, NodeId id);
    Result<void> reorder(const Actor& actor, const std::vector<std::pair<NodeId, std::int64_t>>& order); // unknown ids are ignored

    // The hub says when a node comes and goes; it is kept as an event.
    Result<void> note_connection(NodeId id, bool online);
    // A forward of the node's plan stopped or began to work; it is kept as an event.
    // The key that the node proved; its neighbours in tunnels are told. Errors: not_found "node", conflict "node.key" (another node's).
    Result<void> note_key(NodeId id, const Fingerprint& key);
    Result<void> note_result(NodeId id, const plan::ForwardResult& result);

    // The node inside this process: made at first boot with the host's name and addresses.
    Result<NodeId> ensure_local(const std::string& name, const std::string& address, const std::string& version);

private:
    Context& context_;
};

} // namespace sluice::panel
