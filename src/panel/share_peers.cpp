#include "panel/share_peers.hpp"

#include "base/random.hpp"
#include "base/text.hpp"
#include "link/plan_json.hpp"
#include "panel/context.hpp"
#include "panel/node_gateway.hpp"
#include "panel/share_roles.hpp"
#include "panel/share_rows.hpp"
#include "panel/shares.hpp"
#include "panel/vault.hpp"
#include "store/node_table.hpp"

#include <algorithm>

namespace sluice::panel {

namespace {

using domain::Share;
using domain::ShareRole;
using domain::ShareRoleKind;

constexpr std::size_t longest_key = 255;
constexpr Milliseconds node_deadline{8'000}; // shorter than the ten seconds that the other panel waits
constexpr std::int64_t most_probes = 20;
constexpr std::int64_t longest_probe_ms = 9'000;

Result<void> check_quota(const Share& share, WallTime now)
{
    if (stop_of(share, now) == domain::ShareStop::used_up) return make_error(Errc::quota_exceeded, "share.quota");
    return {};
}

// What one transaction did to a share's roles.
struct Changed {
    std::uint64_t revision = 0; // of the node
    std::vector<ForwardId> forwards;
};

Result<Changed> changed_node(store::WriteTx& tx, const Share& share, std::vector<ForwardId> forwards = {})
{
    const auto revisions = store::NodeTable(tx).bump_revision({share.node});
    return Changed{revisions.empty() ? 0 : revisions.front().second, std::move(forwards)};
}

} // namespace

Result<domain::Share> SharePeers::admit(const Secret& token, const IpAddress& from, const std::string& domain, bool even_stopped)
{
    const auto hash = sha256(token.reveal());
    auto share = context_.store->read([&](store::ReadTx& tx) -> Result<Share> {
        auto found = store::ShareTable(tx).find_by_token(hash);
        if (!found) return make_error(Errc::unauthenticated, "share.token");
        // The hash found the row; that the token is the row's is decided without telling by the time how much of it fits.
        const auto stored = unseal(context_.key, Shares::token_purpose, store::ShareTable(tx).token_of(found->id));
        if (!stored) return stored.error();
        if (!equal_in_constant_time(stored->reveal(), token.reveal())) return make_error(Errc::unauthenticated, "share.token");
        return std::move(*found);
    });
    if (!share) return share;
    const auto stop = stop_of(*share, context_.clock->wall());
    if (!even_stopped && stop == domain::ShareStop::disabled) return make_error(Errc::forbidden, "share.disabled");
    if (!even_stopped && stop == domain::ShareStop::expired) return make_error(Errc::forbidden, "share.expired");
    const auto& networks = share->addresses;
    if (!networks.empty() && std::none_of(networks.begin(), networks.end(), [&](const Cidr& network) { return network.contains(from); }))
        return make_error(Errc::forbidden, "share.address");
    if (share->domains.empty()) return share;
    if (domain.empty()) return make_error(Errc::forbidden, "share.no_domain");
    const auto same = [&](const std::string& allowed) { return equals_ignoring_case(allowed, domain); };
    if (std::none_of(share->domains.begin(), share->domains.end(), same)) return make_error(Errc::forbidden, "share.domain");
    return share;
}

Result<ShareOffer> SharePeers::connect(const Share& share)
{
    const auto node =
        context_.store->read([&](store::ReadTx& tx) -> Result<std::optional<domain::Node>> { return store::NodeTable(tx).find(share.node); });
    if (!node) return node.error();
    if (!*node) return make_error(Errc::internal, "share.node");
    ShareOffer offer;
    offer.share = share.id.value;
    offer.share_name = share.name;
    offer.node = share.node.value;
    offer.node_name = (*node)->name;
    offer.address = (*node)->address;
    offer.online = context_.gateway->online(share.node);
    offer.quota = share.quota;
    offer.used = share.used;
    offer.expires = share.expires;
    offer.port_first = share.port_first;
    offer.port_last = share.port_last;
    offer.key = (*node)->key;
    offer.address_v4 = (*node)->address_v4;
    offer.address_v6 = (*node)->address_v6;
    offer.reachable = (*node)->reachable;
    return offer;
}

Result<Reservation> SharePeers::reserve(const Share& share, const std::string& resource_key, const std::string& protocol, std::int64_t wanted)
{
    if (resource_key.empty() || resource_key.size() > longest_key || !is_utf8(resource_key) || is_own_key(resource_key))
        return make_error(Errc::invalid, "share.resource_key");
    if (const auto quota = check_quota(share, context_.clock->wall()); !quota) return quota.error();
    return context_.store->write([&](store::WriteTx& tx) -> Result<Reservation> {
        store::ShareRoleTable roles(tx);
        const auto before = roles.find_by_key(share.id, resource_key);
        if (before && before->active) return Reservation{before->reservation, before->port.value_or(0), before->applied ? binding_of(*before) : ""};
        const auto port = free_port(tx, share, wanted);
        if (!port) return port.error();
        ShareRole role;
        role.resource_key = resource_key;
        role.protocol = protocol;
        role.port = *port;
        // Released and reserved again it keeps its name, and counts anew: a counter that a node was told to forget must not come back.
        if (before) {
            role.reservation = before->reservation;
            roles.remove(before->id);
        }
        role = make_role(tx, *context_.clock, share, std::move(role));
        return Reservation{role.reservation, *port, ""};
    });
}

Result<Reservation> SharePeers::apply(const Share& share, const RoleWish& wish)
{
    const bool middle = wish.role == "middle";
    if (!middle && wish.role != "exit") return make_error(Errc::invalid, "share.role");
    return context_.store->write([&](store::WriteTx& tx) -> Result<Reservation> {
        store::ShareRoleTable roles(tx);
        auto role = wish.reservation.empty() ? roles.find_by_key(share.id, wish.resource_key) : roles.find_by_reservation(share.id, wish.reservation);
        if (!role || !role->active || !role->port) return make_error(Errc::not_found, "share.reservation");
        if (const auto quota = check_quota(share, context_.clock->wall()); !quota) return quota.error();
        if (const auto inside = check_port(share, *role->port); !inside) return inside.error();
        if (middle && wish.targets.empty()) return make_error(Errc::invalid, "share.targets");
        for (const auto& target : wish.targets) {
            if (target.port < 1 || target.port > 65535 || (!IpAddress::parse(target.host) && !is_host_name(target.host)))
                return make_error(Errc::invalid, "share.target");
        }
        // Our nodes speak their own tunnels, encrypted and with both keys proven; gost's relay has neither. Said, not pretended.
        if (!wish.tunnel) return make_error(Errc::invalid, "share.relay", {}, {wish.role});
        if (role->applied && role->peer_object != wish.tunnel->value) return make_error(Errc::conflict, "share.tunnel");
        if (const auto own = check_tunnel_number(tx, share, *wish.tunnel); !own) return own.error();
        role->kind = middle ? ShareRoleKind::middle : ShareRoleKind::exit;
        role->protocol = wish.protocol;
        role->strategy = wish.strategy;
        role->peer_object = wish.tunnel->value;
        role->applied = true;
        role->updated = context_.clock->wall();
        roles.update(*role);
        remember_share(tx, share, *role);
        return Reservation{role->reservation, *role->port, binding_of(*role)};
    });
}

Result<void> SharePeers::release(const Share& share, const std::string& binding, const std::string& reservation, const std::string& resource_key)
{
    if (binding.empty() && reservation.empty() && resource_key.empty()) return make_error(Errc::invalid, "share.release");
    const auto changed = context_.store->write([&](store::WriteTx& tx) -> Result<Changed> {
        store::ShareRoleTable roles(tx);
        std::optional<ShareRole> role;
        if (const auto number = parse_int(binding); number && *number > 0) role = roles.find(share.id, ShareRoleId{*number});
        if (!role && !reservation.empty()) role = roles.find_by_reservation(share.id, reservation);
        if (!role && !resource_key.empty()) role = roles.find_by_key(share.id, resource_key);
        if (!role || !role->active) return Changed{};
        role->active = false;
        role->applied = false;
        role->wish.clear();
        role->kind = ShareRoleKind::reserved;
        role->updated = context_.clock->wall();
        roles.update(*role);
        return changed_node(tx, share);
    });
    if (!changed) return changed.error();
    if (changed->revision != 0) announce_plans(context_, {{share.node, changed->revision}});
    return {};
}

Result<plan::TcpPingResult> SharePeers::diagnose(const Share& share, const std::string& host, std::int64_t port, std::int64_t count,
                                                 std::int64_t timeout_ms)
{
    if (port < 1 || port > 65535 || (!IpAddress::parse(host) && !is_host_name(host))) return make_error(Errc::invalid, "share.target");
    NodeGateway::ProbeJob job;
    job.node = share.node;
    job.request.target = {to_lower(host), static_cast<std::uint16_t>(port)};
    job.request.count = static_cast<std::uint32_t>(std::clamp<std::int64_t>(count, 1, most_probes));
    job.request.connect_timeout = Milliseconds{std::clamp<std::int64_t>(timeout_ms, 100, longest_probe_ms)};
    auto answers = context_.gateway->probe({job}, node_deadline);
    if (answers.empty()) return make_error(Errc::timeout, "node");
    return std::move(answers.front());
}

Result<void> SharePeers::deploy(const Share& share, std::uint64_t revision, const std::vector<ForwardId>& forwards)
{
    announce_plans(context_, {{share.node, revision}});
    const auto applied = context_.gateway->converge(share.node, revision, node_deadline);
    if (!applied) return make_error(applied.error().code, "node", applied.error().detail);
    for (const auto& result : applied->forwards) {
        if (std::find(forwards.begin(), forwards.end(), result.id) == forwards.end() || result.listening) continue;
        return make_error(Errc::unavailable, "share.deploy", result.detail, {std::string{plan::to_text(result.fault)}});
    }
    return {};
}

Result<void> SharePeers::put_services(const Share& share, const std::vector<Service>& services)
{
    if (const auto quota = check_quota(share, context_.clock->wall()); !quota) return quota;
    std::vector<ShareRole> before; // what the services were, for an undo
    std::vector<ShareRoleId> made;
    const auto changed = context_.store->write([&](store::WriteTx& tx) -> Result<Changed> {
        before.clear();
        made.clear();
        store::ShareRoleTable roles(tx);
        std::vector<ForwardId> forwards;
        for (const auto& service : services) {
            if (const auto inside = check_port(share, service.forward.port); !inside) return inside.error();
            const auto key = service_key(service.name);
            auto role = roles.find_by_key(share.id, key);
            if (role && role->active && role->port == service.forward.port) {
                before.push_back(*role);
            } else {
                if (role) {
                    if (role->active) before.push_back(*role);
                    roles.remove(role->id);
                }
                if (!is_free(tx, share, service.forward.port))
                    return make_error(Errc::conflict, "share.port_taken", {}, {std::to_string(service.forward.port)});
                ShareRole fresh;
                fresh.resource_key = key;
                fresh.kind = ShareRoleKind::service;
                fresh.port = service.forward.port;
                role = make_role(tx, *context_.clock, share, std::move(fresh));
                made.push_back(role->id);
            }
            role->applied = true;
            role->wish = wish_of(service.forward);
            role->speed_limit = service.limiter.empty() ? "" : limiter_key(service.limiter);
            role->updated = context_.clock->wall();
            roles.update(*role);
            remember_share(tx, share, *role);
            if (!role->paused) forwards.emplace_back(ForwardId{number_of(*role)});
        }
        return changed_node(tx, share, std::move(forwards));
    });
    if (!changed) return changed.error();
    const auto deployed = deploy(share, changed->revision, changed->forwards);
    if (deployed || deployed.error().code != Errc::unavailable) return deployed;
    const auto undone = context_.store->write([&](store::WriteTx& tx) -> Result<Changed> {
        store::ShareRoleTable roles(tx);
        for (const auto id : made) roles.remove(id);
        for (auto& role : before) {
            if (roles.find(share.id, role.id))
                roles.update(role);
            else
                role.id = roles.insert(role);
            remember_share(tx, share, role);
        }
        return changed_node(tx, share);
    });
    if (!undone) return undone.error();
    announce_plans(context_, {{share.node, undone->revision}});
    return deployed;
}

Result<void> SharePeers::remove_services(const Share& share, const std::vector<ServiceName>& names)
{
    const auto changed = context_.store->write([&](store::WriteTx& tx) -> Result<Changed> {
        store::ShareRoleTable roles(tx);
        for (const auto& name : names) {
            auto role = roles.find_by_key(share.id, service_key(name.name));
            if (!role || !role->active) return make_error(Errc::not_found, "share.service", {}, {name.name});
            auto wish = link::decode_plan(role->wish);
            if (wish && !wish->forwards.empty()) {
                auto& forward = wish->forwards.front();
                forward.tcp = forward.tcp && !name.tcp;
                forward.udp = forward.udp && !name.udp;
                if (forward.tcp || forward.udp) {
                    role->wish = wish_of(forward);
                    role->updated = context_.clock->wall();
                    roles.update(*role);
                    continue;
                }
            }
            roles.remove(role->id);
        }
        return changed_node(tx, share);
    });
    if (!changed) return changed.error();
    return deploy(share, changed->revision, {});
}

Result<void> SharePeers::pause_services(const Share& share, const std::vector<ServiceName>& names, bool paused)
{
    const auto changed = context_.store->write([&](store::WriteTx& tx) -> Result<Changed> {
        store::ShareRoleTable roles(tx);
        std::vector<ForwardId> forwards;
        for (const auto& name : names) {
            auto role = roles.find_by_key(share.id, service_key(name.name));
            if (!role || !role->active) return make_error(Errc::not_found, "share.service", {}, {name.name});
            role->paused = paused;
            role->updated = context_.clock->wall();
            roles.update(*role);
            if (!paused) forwards.emplace_back(ForwardId{number_of(*role)});
        }
        return changed_node(tx, share, std::move(forwards));
    });
    if (!changed) return changed.error();
    return deploy(share, changed->revision, changed->forwards);
}

Result<void> SharePeers::put_limiter(const Share& share, const std::string& name, std::uint64_t up, std::uint64_t down)
{
    const auto changed = context_.store->write([&](store::WriteTx& tx) -> Result<Changed> {
        store::ShareRoleTable roles(tx);
        auto role = roles.find_by_key(share.id, limiter_key(name));
        if (!role) {
            if (const auto room = check_room(tx, share); !room) return room.error();
            ShareRole fresh;
            fresh.resource_key = limiter_key(name);
            fresh.kind = ShareRoleKind::limiter;
            role = make_role(tx, *context_.clock, share, std::move(fresh));
        }
        plan::Plan wish;
        wish.speed_limits = {{plan::LimitId{1}, up, down}};
        role->wish = link::encode_plan(wish);
        role->applied = true;
        role->active = true;
        role->updated = context_.clock->wall();
        roles.update(*role);
        return changed_node(tx, share);
    });
    if (!changed) return changed.error();
    return deploy(share, changed->revision, {});
}

Result<void> SharePeers::remove_limiter(const Share& share, const std::string& name)
{
    const auto changed = context_.store->write([&](store::WriteTx& tx) -> Result<Changed> {
        store::ShareRoleTable roles(tx);
        const auto role = roles.find_by_key(share.id, limiter_key(name));
        if (!role) return make_error(Errc::not_found, "share.limiter", {}, {name});
        roles.remove(role->id);
        return changed_node(tx, share);
    });
    if (!changed) return changed.error();
    return deploy(share, changed->revision, {});
}

Result<ShareRoleId> SharePeers::make_forward(const Share& share, std::int64_t port, const std::string& target, const std::string& protocol)
{
    if (const auto quota = check_quota(share, context_.clock->wall()); !quota) return quota.error();
    if (const auto inside = check_port(share, port); !inside) return make_error(Errc::forbidden, "share.port");
    auto where = HostPort::parse(target);
    if (!where) return make_error(Errc::invalid, "share.target");
    Service service;
    service.name = "port:" + std::to_string(port);
    service.forward.port = static_cast<std::uint16_t>(port);
    service.forward.tcp = protocol != "udp";
    service.forward.udp = protocol != "tcp";
    service.forward.targets = {std::move(*where)};
    if (const auto put = put_services(share, {service}); !put) return put.error();
    return context_.store->read([&](store::ReadTx& tx) -> Result<ShareRoleId> {
        const auto role = store::ShareRoleTable(tx).find_by_key(share.id, service_key(service.name));
        return role ? role->id : ShareRoleId{};
    });
}

} // namespace sluice::panel
