// Everything that goes from this panel to others: questions about shares, and one RemoteNode for each node that was imported.
#pragma once

#include "federation/remote_node.hpp"
#include "panel/peers.hpp"

#include <map>
#include <memory>
#include <mutex>

namespace sluice::federation {

class Peers final : public panel::PeerGateway {
public:
    Peers(panel::Panel& panel, hub::Hub& hub); // both outlive this
    ~Peers() override;

    void start(); // drives the nodes that are known
    void stop();  // before the hub ends; waits for questions under way

    Result<panel::ShareOffer> connect(const panel::PeerAddress& peer, Milliseconds deadline) override;
    Result<panel::Reservation> reserve_port(const panel::PeerAddress& peer, const std::string& resource_key, const std::string& protocol,
                                            std::uint16_t wanted) override;
    Result<panel::Reservation> apply_role(const panel::PeerAddress& peer, const panel::RoleWish& wish) override;
    Result<void> release_role(const panel::PeerAddress& peer, const domain::RemoteRole& role) override;
    void imported(NodeId node) override;

private:
    panel::Panel& panel_;
    hub::Hub& hub_;
    std::mutex mutex_; // guards the two below
    std::map<NodeId, std::shared_ptr<RemoteNode>> nodes_;
    bool stopping_ = false;
};

} // namespace sluice::federation
