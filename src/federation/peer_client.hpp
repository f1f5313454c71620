// Asks other panels over HTTP: the wire format of FLVX contract 5.10, and our own words beside it (peer_json.hpp). Every question has a deadline, every answer
// a largest size; certificates are verified, or a key is pinned. What an answer holds is checked like any other input.
#pragma once

#include "panel/peers.hpp"

#include <string>
#include <string_view>

namespace sluice::federation {

// Errors of all: those of panel::PeerGateway.
class PeerClient {
public:
    static constexpr Milliseconds usual_deadline{10'000};

    static Result<panel::ShareOffer> connect(const panel::PeerAddress& peer, Milliseconds deadline);
    static Result<panel::Reservation> reserve_port(const panel::PeerAddress& peer, const std::string& resource_key, const std::string& protocol,
                                                   std::uint16_t wanted);
    static Result<panel::Reservation> apply_role(const panel::PeerAddress& peer, const panel::RoleWish& wish);
    static Result<void> release_role(const panel::PeerAddress& peer, const domain::RemoteRole& role);
    static Result<plan::TcpPingResult> diagnose(const panel::PeerAddress& peer, const plan::TcpPingRequest& request, Milliseconds deadline);
    static Result<panel::PeerState> sync(const panel::PeerAddress& peer, const panel::PeerWish& wish, Milliseconds deadline);
};

} // namespace sluice::federation
