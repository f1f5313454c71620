// The first place: a forward's listeners on one loop, and the clients that came in through them. Admission, limits and counting are those of direct
// forwards; what differs is that bytes leave through a tunnel or not at all.
#pragma once

#include "forward/runtime.hpp"
#include "forward/udp_batch.hpp"
#include "tunnel/next_place.hpp"
#include "tunnel/socket_pipe.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

namespace sluice::tunnel {

class Entry {
public:
    using FindPlace = std::function<NextPlace*(TunnelId)>; // null: the tunnel is not there

    Entry(Loop& loop, std::shared_ptr<forward::Runtime> runtime, plan::Forward plan, FindPlace find, forward::Descriptor tcp,
          forward::Descriptor udp);
    ~Entry();
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

    void use(const plan::Forward& plan); // for new clients
    void close();                        // listeners; streams are cut by whoever closes
    void tick();                         // looks again after a shortage

private:
    struct Client;  // TCP
    struct Session; // UDP
    struct Key {
        Endpoint client;
        IpAddress local;
        bool operator==(const Key&) const = default;
    };
    struct KeyHash {
        std::size_t operator()(const Key& key) const noexcept;
    };

    void wait_tcp();
    void wait_udp();
    bool accept_some();
    void admit(forward::Descriptor client, const Endpoint& from);
    std::optional<SteadyTime::duration> receive_udp();
    Session* session_for(const forward::Datagrams& run);

    Loop& loop_;
    const std::shared_ptr<forward::Runtime> runtime_;
    forward::Slot& slot_;
    plan::Forward plan_;
    FindPlace find_;
    asio::posix::stream_descriptor tcp_;
    asio::steady_timer udp_again_;
    std::shared_ptr<asio::posix::stream_descriptor> udp_; // sessions answer through it
    bool udp_is_v6_ = false;
    std::shared_ptr<std::uint16_t> largest_segment_ = std::make_shared<std::uint16_t>(forward::UdpSender::any_segment);
    bool short_of_descriptors_ = false;
    std::shared_ptr<std::unordered_map<Key, Session*, KeyHash>> sessions_ = std::make_shared<std::unordered_map<Key, Session*, KeyHash>>();
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

} // namespace sluice::tunnel
