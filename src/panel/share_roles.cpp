#include "panel/share_roles.hpp"

#include "base/port_set.hpp"
#include "base/random.hpp"
#include "link/plan_json.hpp"
#include "store/forward_table.hpp"
#include "store/tunnel_table.hpp"

#include <algorithm>

namespace sluice::panel {

namespace {

constexpr std::size_t most_roles = 1'000; // of a share
constexpr std::size_t reservation_bytes = 24;

} // namespace

std::string service_key(const std::string& name) { return "sluice:service:" + name; }
std::string limiter_key(const std::string& name) { return "sluice:limiter:" + name; }
std::string entry_key(ForwardId forward) { return "sluice:entry:" + std::to_string(forward.value); }
std::string leg_key(TunnelId tunnel) { return "sluice:leg:" + std::to_string(tunnel.value); }
bool is_own_key(std::string_view key) { return key.starts_with("sluice:"); }

std::string binding_of(const domain::ShareRole& role) { return std::to_string(role.id.value); }

std::string wish_of(const plan::Forward& forward, const std::vector<plan::SpeedLimit>& limits)
{
    plan::Plan plan;
    plan.forwards = {forward};
    if (!plan.forwards.front().id) plan.forwards.front().id = ForwardId{1};
    for (const auto& limit : limits) {
        const auto& named = forward.speed_limits;
        if (std::find(named.begin(), named.end(), limit.id) != named.end()) plan.speed_limits.push_back(limit);
    }
    return link::encode_plan(plan);
}

std::string wish_of(const plan::Tunnel& tunnel)
{
    plan::Plan plan;
    plan.tunnels = {tunnel};
    return link::encode_plan(plan);
}

Result<void> check_port(const domain::Share& share, std::int64_t port)
{
    if (port > 0 && port >= share.port_first && port <= share.port_last) return {};
    return make_error(Errc::forbidden, "share.role_port", {},
                      {std::to_string(port), std::to_string(share.port_first), std::to_string(share.port_last)});
}

Result<void> check_room(store::ReadTx& tx, const domain::Share& share)
{
    if (store::ShareRoleTable(tx).of_share(share.id).size() >= most_roles) return make_error(Errc::conflict, "share.no_port");
    return {};
}

bool is_free(store::ReadTx& tx, const domain::Share& share, std::uint16_t port)
{
    const auto taken = store::ForwardTable(tx).ports_taken(share.node, {});
    return std::find(taken.begin(), taken.end(), port) == taken.end();
}

Result<std::uint16_t> free_port(store::ReadTx& tx, const domain::Share& share, std::int64_t wanted)
{
    if (wanted != 0 && !check_port(share, wanted)) return make_error(Errc::invalid, "share.port");
    if (const auto room = check_room(tx, share); !room) return room.error();
    const auto taken = store::ForwardTable(tx).ports_taken(share.node, {});
    if (wanted != 0) {
        if (std::find(taken.begin(), taken.end(), wanted) != taken.end()) return make_error(Errc::conflict, "share.no_port");
        return static_cast<std::uint16_t>(wanted);
    }
    if (share.port_last == 0) return make_error(Errc::conflict, "share.no_port");
    const auto first = std::max<std::uint16_t>(share.port_first, 1);
    const auto lowest = PortSet::range(first, share.port_last).minus(taken).at(0);
    if (!lowest) return make_error(Errc::conflict, "share.no_port");
    return *lowest;
}

Result<void> check_tunnel_number(store::ReadTx& tx, const domain::Share& share, TunnelId number)
{
    if (number.value < domain::shared_ids) return make_error(Errc::conflict, "share.tunnel");
    for (const auto& role : store::ShareRoleTable(tx).of_node(share.node)) {
        const bool tunnel =
            role.kind == domain::ShareRoleKind::middle || role.kind == domain::ShareRoleKind::exit || role.kind == domain::ShareRoleKind::leg;
        if (tunnel && role.peer_object == number.value && role.share != share.id) return make_error(Errc::conflict, "share.tunnel");
    }
    for (const auto id : store::TunnelTable(tx).using_node(share.node)) {
        const auto own = store::TunnelTable(tx).find(id);
        if (own && own->on_wire() == number) return make_error(Errc::conflict, "share.tunnel");
    }
    return {};
}

domain::ShareRole make_role(store::WriteTx& tx, const Clock& clock, const domain::Share& share, domain::ShareRole draft)
{
    draft.share = share.id;
    if (draft.reservation.empty()) draft.reservation = random_hex(reservation_bytes);
    draft.created = draft.updated = clock.wall();
    draft.id = store::ShareRoleTable(tx).insert(draft);
    return draft;
}

} // namespace sluice::panel
