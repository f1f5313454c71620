// What another panel may do with a node that is shared with it (FLVX contract 5.10): see what it got, reserve ports, give them roles, have them probed, take
// them back. It sees and touches what it made under its share and nothing else. Roles become part of the node's plan like everything there.
#pragma once

#include "base/result.hpp"
#include "base/secret.hpp"
#include "domain/share.hpp"
#include "panel/peers.hpp"

#include <string>
#include <vector>

namespace sluice::panel {

struct Context;

class SharePeers {
public:
    explicit SharePeers(Context& context) : context_(context) {}

    // Who asks. `domain`: what it calls itself. Errors: unauthenticated "share.token", forbidden "share.disabled", "share.expired", "share.address",
    // "share.no_domain", "share.domain". A stopped share still answers its panel of our kind, which has counters to fetch: `even_stopped`.
    Result<domain::Share> admit(const Secret& token, const IpAddress& from, const std::string& domain, bool even_stopped = false);

    Result<ShareOffer> connect(const domain::Share& share); // internal "share.node"

    // A port under a key of the other panel; the same one again while it is reserved. Errors: invalid "share.resource_key", quota_exceeded "share.quota",
    // invalid "share.port", conflict "share.no_port".
    Result<Reservation> reserve(const domain::Share& share, const std::string& resource_key, const std::string& protocol, std::int64_t wanted);
    // Errors: invalid "share.role", not_found "share.reservation", quota_exceeded "share.quota", forbidden "share.role_port" (args port, first, last), invalid
    // "share.targets", "share.target", "share.relay" (args role), conflict "share.tunnel".
    Result<Reservation> apply(const domain::Share& share, const RoleWish& wish);
    // By the first that is not empty. Errors: invalid "share.release".
    Result<void> release(const domain::Share& share, const std::string& binding, const std::string& reservation, const std::string& resource_key);
    // Errors: invalid "share.target", node_offline, timeout.
    Result<plan::TcpPingResult> diagnose(const domain::Share& share, const std::string& host, std::int64_t port, std::int64_t count,
                                         std::int64_t timeout_ms);

    // Forwards that an FLVX panel commands, by its names for them; TCP and UDP of one name share a port.
    struct Service {
        std::string name;
        plan::Forward forward; // its id and addresses mean nothing
        std::string limiter;   // its name; empty: none
    };
    // All of them, or none. Errors: quota_exceeded "share.quota", forbidden "share.role_port", conflict "share.port_taken" (args port), those of the node:
    // unavailable "share.deploy" (args fault, port), node_offline, timeout.
    Result<void> put_services(const domain::Share& share, const std::vector<Service>& services);
    struct ServiceName {
        std::string name;
        bool tcp = true;
        bool udp = true;
    };
    Result<void> remove_services(const domain::Share& share, const std::vector<ServiceName>& names); // not_found "share.service" (args name)
    Result<void> pause_services(const domain::Share& share, const std::vector<ServiceName>& names, bool paused); // the same
    Result<void> put_limiter(const domain::Share& share, const std::string& name, std::uint64_t up, std::uint64_t down);
    Result<void> remove_limiter(const domain::Share& share, const std::string& name); // not_found "share.limiter" (args name)
    // One TCP port to one target; returns the role. Errors: those of put_services, invalid "share.target".
    Result<ShareRoleId> make_forward(const domain::Share& share, std::int64_t port, const std::string& target, const std::string& protocol);

    // The whole wish of a panel of our kind, and how things are. What it cannot have is said object by object. Errors: conflict "share.consumer" (another panel
    // uses this share), invalid "share.wish".
    Result<PeerState> sync(const domain::Share& share, const PeerWish& wish);

private:
    Result<void> deploy(const domain::Share& share, std::uint64_t revision, const std::vector<ForwardId>& forwards);

    Context& context_;
};

} // namespace sluice::panel
