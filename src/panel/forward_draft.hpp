// A new forward's way into the database: may its owner have it, is what it says possible, and which port is free. For every service that makes
// forwards. Announces nothing.
#pragma once

#include "base/result.hpp"
#include "domain/forward.hpp"
#include "domain/tunnel.hpp"
#include "domain/user.hpp"
#include "panel/actor.hpp"
#include "panel/context.hpp"
#include "panel/forward_rows.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace sluice::panel {

// The tunnel of a draft. Errors: forbidden "tunnel" (not assigned, or switched off for him), not_found "tunnel", conflict "tunnel.disabled".
Result<domain::Tunnel> usable_tunnel(store::ReadTx& tx, const Actor& actor, TunnelId id);

struct ForwardOwner {
    domain::User user;
    std::optional<domain::Assignment> assignment;
};
// Who pays, by which right. Errors: not_found "user", forbidden "tunnel".
Result<ForwardOwner> owner_of(store::ReadTx& tx, UserId user, TunnelId tunnel);

// Errors: invalid "forward.name_or_targets", "forward.name", "forward.targets", "forward.protocol", "forward.sources".
Result<void> check_fields(const domain::Forward& forward);

// The actor's own new forward, with ports on all entry nodes and a line in the audit table. Ports in `tried` are not chosen. Errors: those above, of
// domain::may_run and domain::may_add_forward, and of choose_port.
Result<domain::Forward> insert_forward(store::WriteTx& tx, const Context& context, const Actor& actor, const domain::ForwardDraft& draft,
                                       const std::vector<std::uint16_t>& tried = {});

} // namespace sluice::panel
