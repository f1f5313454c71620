// Steps of SharePeers: ports of a share, keys of its roles, and how a role is made. For the sources of that service.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "domain/share.hpp"
#include "plan/plan.hpp"
#include "store/share_table.hpp"

#include <string>
#include <string_view>

namespace sluice::panel {

// Keys that this panel makes for objects without a reservation. Another panel's own keys may not look like them.
std::string service_key(const std::string& name);
std::string limiter_key(const std::string& name);
std::string entry_key(ForwardId forward);
std::string leg_key(TunnelId tunnel);
bool is_own_key(std::string_view key);

std::string binding_of(const domain::ShareRole& role); // what the other panel calls it once it is applied
std::string wish_of(const plan::Forward& forward, const std::vector<plan::SpeedLimit>& limits = {});
std::string wish_of(const plan::Tunnel& tunnel);

Result<void> check_port(const domain::Share& share, std::int64_t port); // forbidden "share.role_port" (args port, first, last)
Result<void> check_room(store::ReadTx& tx, const domain::Share& share); // conflict "share.no_port": it has a thousand roles
bool is_free(store::ReadTx& tx, const domain::Share& share, std::uint16_t port);
// `wanted` 0: the lowest. Errors: invalid "share.port", conflict "share.no_port".
Result<std::uint16_t> free_port(store::ReadTx& tx, const domain::Share& share, std::int64_t wanted);
// A number that no tunnel of ours and no other share has on this node. Errors: conflict "share.tunnel".
Result<void> check_tunnel_number(store::ReadTx& tx, const domain::Share& share, TunnelId number);

domain::ShareRole make_role(store::WriteTx& tx, const Clock& clock, const domain::Share& share, domain::ShareRole draft);

} // namespace sluice::panel
