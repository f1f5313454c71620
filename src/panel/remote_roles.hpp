// Ports of a tunnel on other panels' nodes: reserved and given a role there before the tunnel is written here, given back when that fails or when the tunnel
// needs them no longer (FLVX contract 4.9). Asks other panels, so it is used between transactions only.
#pragma once

#include "base/result.hpp"
#include "domain/node.hpp"
#include "domain/share.hpp"
#include "domain/tunnel.hpp"
#include "panel/context.hpp"
#include "panel/peers.hpp"
#include "store/store.hpp"

#include <string>
#include <utility>
#include <vector>

namespace sluice::panel {

// Whether a node of the draft that counts is another panel's. Errors: invalid "tunnel.remote_kind" (args node: its panel does not speak our tunnels).
Result<bool> uses_remote_nodes(store::ReadTx& tx, const domain::TunnelDraft& draft);

TunnelId random_wire_id();

class RemoteRoles {
public:
    explicit RemoteRoles(const Context& context) : context_(context) {}

    // Exits first, then middle places from the last to the first. What the tunnel has already (`have`) is kept; with `again` it is asked for once more, which
    // changes nothing where it is still there. The ports land in the draft. Errors, after which nothing new is taken: invalid "tunnel.remote_port" (args port,
    // first, last), conflict "tunnel.remote_config", "tunnel.remote_reserve", "tunnel.remote_apply" (args node, what was said).
    Result<void> take(const domain::Tunnel& tunnel, domain::TunnelDraft& draft, const std::vector<domain::RemoteRole>& have, bool again = false);

    const std::vector<domain::RemoteRole>& roles() const { return roles_; } // what the tunnel has when the draft is written

    void keep();      // the draft was written: what it needs no longer is released
    void give_back(); // it was not: what was taken for it is released

private:
    struct Held {
        PeerAddress peer;
        domain::RemoteRole role;
    };
    Result<domain::RemoteRole> take_one(const PeerAddress& peer, const domain::Node& node, const domain::Tunnel& tunnel, const domain::HopNode& hop,
                                        std::vector<RoleTarget> targets);
    void release(const std::vector<Held>& held);

    const Context& context_;
    std::vector<domain::RemoteRole> roles_;
    std::vector<Held> taken_;
    std::vector<Held> left_;
};

// Before rows go away: where their roles are. After: they are released, as far as the other panels answer.
struct RemoteLeavings {
    std::vector<std::pair<PeerAddress, domain::RemoteRole>> roles;
};
RemoteLeavings leavings_of(store::ReadTx& tx, const Context& context, const std::vector<domain::RemoteRole>& roles);
void release(const Context& context, const RemoteLeavings& leavings);

} // namespace sluice::panel
