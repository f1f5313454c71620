// Shares of nodes: administrators give another panel a part of a node under a token (FLVX contract 5.9). What that panel then does is SharePeers.
#pragma once

#include "base/result.hpp"
#include "base/secret.hpp"
#include "domain/share.hpp"
#include "panel/actor.hpp"

#include <functional>
#include <string>
#include <vector>

namespace sluice::panel {

struct Context;

struct ShareView {
    domain::Share share;
    Secret token;
    std::string node_name;
    domain::ShareStop stop = domain::ShareStop::none;
    std::vector<domain::ShareRole> roles; // active ones; by port, then id
};

class Shares {
public:
    explicit Shares(Context& context) : context_(context) {}

    static constexpr const char* token_purpose = "share token";

    Result<std::vector<ShareView>> list(const Actor& actor); // newest first

    Result<domain::Share> get(const Actor& actor, ShareId id); // not_found "share"

    struct Created {
        ShareId id;
        Secret token; // 64 hex characters; encrypted at rest, since the contract shows it again
    };
    // Errors: invalid "share.name_or_node", "share.name" (too long), "share.quota", "share.expires", "share.range", "share.range_order", "share.domains";
    // not_found "share.node"; invalid "share.remote_node".
    Result<Created> create(const Actor& actor, const domain::ShareDraft& draft);
    // The node, the token and what was used stay; `enabled` absent: as it is. Errors: not_found "share", invalid "share.name", those of create.
    Result<void> update(const Actor& actor, ShareId id, const domain::ShareDraft& draft, std::optional<bool> enabled);
    Result<void> remove(const Actor& actor, ShareId id);     // its traffic ends; an unknown id is fine
    Result<void> reset_used(const Actor& actor, ShareId id); // errors: not_found "share"

    // Every second: those that expired end, reservations that nobody uses are released.
    Result<void> keep_up();

private:
    Context& context_;
};

} // namespace sluice::panel
