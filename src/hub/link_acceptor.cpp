#include "hub/link_acceptor.hpp"

#include "base/log.hpp"
#include "hub/link_peer.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace sluice::hub {

LinkAcceptor::LinkAcceptor(panel::Panel& panel, Hub& hub, const net::Identity& identity) : panel_(panel), hub_(hub), identity_(identity)
{
    thread_ = std::thread([this] {
        std::unique_lock lock(mutex_);
        while (!wake_.wait_for(lock, std::chrono::seconds(1), [this] { return stopping_; })) {
            lock.unlock();
            try {
                tick();
            } catch (const std::exception& problem) {
                log::error("link tick failed", {{"problem", problem.what()}});
            }
            lock.lock();
        }
    });
}

LinkAcceptor::~LinkAcceptor() { stop(); }

void LinkAcceptor::stop()
{
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
}

bool LinkAcceptor::has_room() const
{
    const std::lock_guard lock(mutex_);
    const auto strangers = std::count_if(peers_.begin(), peers_.end(), [](const auto& weak) {
        const auto peer = weak.lock();
        return peer && !peer->ended() && !peer->greeted();
    });
    return !stopping_ && static_cast<std::size_t>(strangers) < most_strangers;
}

std::shared_ptr<LinkPeer> LinkAcceptor::opened(std::shared_ptr<Wire> wire, std::string remote)
{
    auto peer = std::make_shared<LinkPeer>(panel_, hub_, identity_, std::move(wire), std::move(remote));
    const std::lock_guard lock(mutex_);
    peers_.push_back(peer);
    return peer;
}

void LinkAcceptor::received(const std::shared_ptr<LinkPeer>& peer, std::string_view bytes) { peer->received(bytes); }

void LinkAcceptor::closed(const std::shared_ptr<LinkPeer>& peer) { peer->closed(); }

void LinkAcceptor::tick()
{
    std::vector<std::shared_ptr<LinkPeer>> peers;
    {
        const std::lock_guard lock(mutex_);
        std::erase_if(peers_, [](const auto& weak) { return weak.expired(); });
        for (const auto& weak : peers_) {
            if (auto peer = weak.lock()) peers.push_back(std::move(peer));
        }
    }
    for (const auto& peer : peers) peer->tick();
    hub_.tick();
}

} // namespace sluice::hub
