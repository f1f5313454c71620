// Nodes of other panels, used here through a share: imported with an address and a token, then nodes like others (FLVX contract 4.9, 5.9).
#pragma once

#include "base/result.hpp"
#include "base/secret.hpp"
#include "domain/share.hpp"
#include "panel/actor.hpp"
#include "panel/peers.hpp"
#include "store/store.hpp"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace sluice::panel {

struct Context;

class RemoteNodes {
public:
    explicit RemoteNodes(Context& context) : context_(context) {}

    static constexpr const char* token_purpose = "remote token";

    struct Import {
        std::string url; // of the other panel
        Secret token;
        std::string pin;  // "sha256//" and base64, of that panel's TLS key; empty: its certificate is verified
        std::string name; // empty: "<its name there> (Remote)"
    };
    // What is offered there; nothing is stored. Errors: invalid "remote.url_or_token", "remote.url", "remote.pin"; those of PeerGateway.
    Result<ShareOffer> preview(const Actor& actor, const Import& import);
    // Errors: those of preview, conflict "remote.known" (this share is imported).
    Result<NodeId> import(const Actor& actor, const Import& import);

    struct RoleView {
        domain::RemoteRole role;
        std::string tunnel_name;
    };
    struct Usage {
        domain::RemoteNode remote; // `problem` says why the figures are old ones
        std::string node_name;
        std::vector<RoleView> roles;
    };
    // Newest first, after each panel was asked.
    Result<std::vector<Usage>> usage(const Actor& actor);

    // For who drives remote nodes.
    Result<std::vector<NodeId>> all();
    Result<PeerAddress> address(NodeId node);    // not_found "node"
    Result<domain::RemoteNode> get(NodeId node); // not_found "node"
    Result<std::string> own_id();                // which panel this is, for other panels: a random text, made when first asked for
    // What the other panel said, or why it did not.
    Result<void> note_offer(NodeId node, const ShareOffer& offer, domain::ShareStop stop);
    Result<void> note_problem(NodeId node, const Error& problem);

private:
    Context& context_;
};

// Where the panel of this node is, and with which token. Errors: not_found "node", conflict "tunnel.remote_config" (args node: its token cannot be read).
Result<PeerAddress> peer_address(store::ReadTx& tx, const Context& context, NodeId node);

// Why a remote node is not there, as the contract's clients know it: provider_share_deleted, provider_share_disabled, provider_share_expired, or what was said.
std::string problem_text(const Error& problem);

} // namespace sluice::panel
