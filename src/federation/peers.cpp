#include "federation/peers.hpp"

#include "base/log.hpp"
#include "federation/peer_client.hpp"

#include <utility>

namespace sluice::federation {

Peers::Peers(panel::Panel& panel, hub::Hub& hub) : panel_(panel), hub_(hub) {}

Peers::~Peers() { stop(); }

void Peers::start()
{
    const auto nodes = panel_.remote_nodes().all();
    if (!nodes) {
        log::error("remote nodes are not known", {{"problem", describe(nodes.error())}});
        return;
    }
    for (const auto node : *nodes) imported(node);
}

void Peers::stop()
{
    std::map<NodeId, std::shared_ptr<RemoteNode>> nodes;
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        nodes.swap(nodes_);
    }
    for (auto& [id, node] : nodes) node->stop();
    for (auto& [id, node] : nodes) node->join();
    for (auto& [id, node] : nodes) hub_.detach(id);
}

void Peers::imported(NodeId id)
{
    const std::lock_guard lock(mutex_);
    for (auto it = nodes_.begin(); it != nodes_.end();) {
        if (it->second->ended()) {
            it->second->join();
            it = nodes_.erase(it);
        } else {
            ++it;
        }
    }
    if (stopping_ || nodes_.contains(id)) return;
    const auto node = std::make_shared<RemoteNode>(panel_, hub_, id);
    nodes_.emplace(id, node);
    node->start();
}

Result<panel::ShareOffer> Peers::connect(const panel::PeerAddress& peer, Milliseconds deadline) { return PeerClient::connect(peer, deadline); }

Result<panel::Reservation> Peers::reserve_port(const panel::PeerAddress& peer, const std::string& resource_key, const std::string& protocol,
                                               std::uint16_t wanted)
{
    return PeerClient::reserve_port(peer, resource_key, protocol, wanted);
}

Result<panel::Reservation> Peers::apply_role(const panel::PeerAddress& peer, const panel::RoleWish& wish)
{
    return PeerClient::apply_role(peer, wish);
}

Result<void> Peers::release_role(const panel::PeerAddress& peer, const domain::RemoteRole& role) { return PeerClient::release_role(peer, role); }

} // namespace sluice::federation
