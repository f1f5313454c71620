// Tunnels: administrators make them; users see those that are assigned to them.
#pragma once

#include "base/result.hpp"
#include "domain/share.hpp"
#include "domain/tunnel.hpp"
#include "panel/actor.hpp"
#include "panel/diagnosis.hpp"

#include <optional>
#include <utility>
#include <vector>

namespace sluice::panel {

struct Context;
class RemoteRoles;

struct TunnelView {
    domain::Tunnel tunnel;
    std::string entry_addresses; // stored ones, else the entry nodes' addresses
};

class Tunnels {
public:
    explicit Tunnels(Context& context) : context_(context) {}

    Result<std::vector<TunnelView>> list(const Actor& actor); // by order, id
    Result<TunnelView> get(const Actor& actor, TunnelId id);
    // Errors in order: invalid "tunnel.name" (empty) or "tunnel.name_length", conflict "tunnel.name", invalid "tunnel.entries", invalid "tunnel.exits", conflict
    // "tunnel.no_port" (args node), invalid "tunnel.nodes" (a node twice), not_found "node", node_offline "tunnel.nodes", invalid "tunnel.families",
    // invalid "tunnel.unreachable", invalid "tunnel.billing", invalid "tunnel.entry_addresses".
    // invalid "tunnel.remote_kind", and those of RemoteRoles::take().
    // A chain that a node does not make real is not there at all: those of deploy_tunnel() (panel/chains.hpp).
    Result<TunnelId> create(const Actor& actor, const domain::TunnelDraft& draft);
    Result<void> update(const Actor& actor, TunnelId id, const domain::TunnelDraft& draft); // also not_found "tunnel"; the type may not change
    Result<void> remove(const Actor& actor, TunnelId id); // with its forwards and assignments; an unknown id is fine
    // Its forwards to their nodes again; answers for the first that does not work. Errors: not_found "tunnel", those of deploying a forward.
    Result<void> redeploy(const Actor& actor, TunnelId id);
    Result<void> reorder(const Actor& actor, const std::vector<std::pair<TunnelId, std::int64_t>>& order);

    struct Usable {
        TunnelId id;
        std::string name;
        domain::TunnelType type = domain::TunnelType::direct;
        std::uint16_t port_min = 0; // of the entry nodes' common ports; 0 when there is none
        std::uint16_t port_max = 0;
    };
    // Enabled tunnels: all for an administrator, the assigned ones for a user.
    Result<std::vector<Usable>> usable(const Actor& actor);

    Result<TunnelDiagnosis> diagnose(const Actor& actor, TunnelId id); // not_found "tunnel", invalid "tunnel.incomplete"

private:
    // What the draft needs on other panels' nodes, after everything that can be said without asking them. A tunnel with such a node gets its number on the wire.
    Result<void> reserve(std::optional<TunnelId> id, domain::Tunnel& tunnel, domain::TunnelDraft& draft, const std::vector<domain::RemoteRole>& have,
                         RemoteRoles& remote);
    Result<void> reserve_again(TunnelId id);

    Context& context_;
};

} // namespace sluice::panel
