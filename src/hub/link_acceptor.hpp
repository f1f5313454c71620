// Nodes that come over the link: proves who they are, asks the panel whether they are welcome, and gives those that are to the hub. Knows no sockets: a
// Wire carries bytes, whoever has it.
#pragma once

#include "base/time.hpp"
#include "hub/hub.hpp"
#include "link/session.hpp"

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace sluice::hub {

// Carries bytes to a peer, in order, or closes. Thread-safe; returns at once; a wire that does not take what it is given is closed by its owner.
class Wire {
public:
    virtual ~Wire() = default;
    virtual bool send(std::string bytes) = 0;
    virtual void close() = 0;
};

class LinkPeer;

class LinkAcceptor {
public:
    // All outlive the acceptor. Its thread ticks sessions and the hub, once a second.
    LinkAcceptor(panel::Panel& panel, Hub& hub, const net::Identity& identity);
    ~LinkAcceptor(); // calls stop()

    // Whether one more stranger may begin: those who have not been welcomed are bounded.
    bool has_room() const;

    // Bytes of one connection. received() calls come one at a time and in order, and may block.
    std::shared_ptr<LinkPeer> opened(std::shared_ptr<Wire> wire, std::string remote);
    void received(const std::shared_ptr<LinkPeer>& peer, std::string_view bytes);
    void closed(const std::shared_ptr<LinkPeer>& peer);

    void tick();
    void stop(); // no more ticks; twice is harmless

private:
    static constexpr std::size_t most_strangers = 1024;

    panel::Panel& panel_;
    Hub& hub_;
    const net::Identity& identity_;
    mutable std::mutex mutex_; // guards the two below
    std::vector<std::weak_ptr<LinkPeer>> peers_;
    bool stopping_ = false;
    std::condition_variable wake_;
    std::thread thread_; // last
};

} // namespace sluice::hub
