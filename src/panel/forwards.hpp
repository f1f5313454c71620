// Forwards: users act on their own, administrators on all. A foreign forward answers exactly like one that does not exist.
#pragma once

#include "base/result.hpp"
#include "domain/forward.hpp"
#include "domain/quota.hpp"
#include "panel/actor.hpp"
#include "panel/diagnosis.hpp"
#include "plan/report.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::panel {

struct Context;

// Reality beside the wish.
enum class ForwardState { listening, failed, paused, waiting, stopped }; // stopped: by a quota

struct ForwardView {
    domain::Forward forward;
    std::string tunnel_name;     // empty when the tunnel is gone
    std::string entry_addresses; // every address:port that clients can use, comma-separated, IPv6 bracketed; empty without ports
    ForwardState state = ForwardState::waiting;
    plan::Fault fault = plan::Fault::none;
    std::string fault_detail;             // first node's words
    std::optional<domain::Quota> held_by; // the quota that stops it, or slows it down
    std::uint32_t connections = 0;        // open now, over all entry nodes
    double up_rate = 0;                   // bytes per second, last sample
    double down_rate = 0;
};

class Forwards {
public:
    explicit Forwards(Context& context) : context_(context) {}

    Result<std::vector<ForwardView>> list(const Actor& actor); // by order, id
    struct Part {
        std::vector<ForwardView> views;
        std::size_t total = 0;
    };
    // Some of them, and how many there are; costs what it shows. At most 1000.
    Result<Part> list(const Actor& actor, std::size_t first, std::size_t count);
    Result<ForwardView> get(const Actor& actor, ForwardId id);
    Result<std::vector<ForwardId>> own(UserId user); // which forwards are his; cheap enough for every few seconds

    // What is said before anything about the rest of a draft or patch: may this actor use the tunnel, is it there and on; is the forward there. For callers
    // whose own reading failed. Errors: as the first ones of create and update.
    Result<void> may_create(const Actor& actor, TunnelId tunnel);
    Result<void> may_update(const Actor& actor, ForwardId id, const domain::Patch<TunnelId>& tunnel);

    struct Created {
        ForwardId id;
        std::uint16_t port = 0;
    };
    // All or nothing: when an entry node cannot listen, nothing remains. Errors in order: forbidden "tunnel" (no enabled assignment), not_found
    // "tunnel", conflict "tunnel.disabled", invalid "forward.name" / "forward.targets", the owner's checks (owner_may_run), invalid "forward.port" (outside
    // the node's ports; args node, port), conflict "forward.port" (taken by another forward; args node, port), conflict "forward.entries" (tunnel without
    // entry node), node_offline / timeout "forward.deploy" (args node), unavailable "forward.deploy" (args node, fault text, detail).
    // A port that was not wished and turns out to be taken on a node is replaced by another one.
    Result<Created> create(const Actor& actor, const domain::ForwardDraft& draft);
    // As create; a failed deployment restores the old row and ports and redeploys the old state.
    Result<void> update(const Actor& actor, ForwardId id, const domain::ForwardPatch& patch);
    Result<void> remove(const Actor& actor, ForwardId id);       // waits for its nodes; node_offline keeps the forward
    Result<void> force_remove(const Actor& actor, ForwardId id); // whatever the nodes say
    Result<void> pause(const Actor& actor, ForwardId id);
    Result<void> resume(const Actor& actor, ForwardId id);   // owner's checks as in create
    Result<void> redeploy(const Actor& actor, ForwardId id); // to its nodes again, and waits for them; a paused one stays paused
    Result<void> reorder(const Actor& actor, const std::vector<std::pair<ForwardId, std::int64_t>>& order); // foreign ids are ignored
    Result<ForwardDiagnosis> diagnose(const Actor& actor, ForwardId id); // not_found "forward", not_found "tunnel", invalid "forward.targets"

private:
    Result<Created> create_once(const Actor& actor, const domain::ForwardDraft& draft, const std::vector<std::uint16_t>& tried);
    Context& context_;
};

} // namespace sluice::panel
