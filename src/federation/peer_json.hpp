// What panels say to each other about a shared node, as JSON: read at one end, written at the other, so both are here. Names are the contract's (5.10); ours
// stand in an object "sluice", which a panel that does not know it ignores.
#pragma once

#include "panel/peers.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>

namespace sluice::federation {

using Json = nlohmann::json;

Json offer_json(const panel::ShareOffer& offer);
std::optional<panel::ShareOffer> offer_of(const Json& json); // absent: not what connect answers

Json role_json(const panel::RoleWish& wish);
std::optional<TunnelId> tunnel_of(const Json& role); // what "sluice" says of it

Json wish_json(const panel::PeerWish& wish);
Result<panel::PeerWish> wish_of(const Json& json); // errors: invalid "share.wish"

Json state_json(const panel::PeerState& state);
std::optional<panel::PeerState> state_of(const Json& json);

} // namespace sluice::federation
