// One connection between two neighbours: a socket, the wire on it, and the streams in the wire. On one loop. Whoever made it hears when it is
// usable, when a stream ended, and when it is gone; that is all there is to its life.
#pragma once

#include "base/fingerprint.hpp"
#include "base/time.hpp"
#include "forward/sockets.hpp"
#include "net/asio.hpp"
#include "tunnel/mux.hpp"
#include "tunnel/wire.hpp"

#include <asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace sluice::tunnel {

using net::awaitable;
using net::error_code;

class Carrier;

class CarrierOwner {
public:
    virtual ~CarrierOwner() = default;
    virtual void carrier_open(Carrier& carrier) = 0; // the peer proved its key and said hello
    virtual void carrier_gone(Carrier& carrier) = 0;
    virtual void carrier_has_room(Carrier& carrier) = 0;
    virtual void carrier_wanted(Carrier& carrier, std::uint16_t carriers) = 0;
    virtual void carrier_stream(Carrier& carrier, StreamId stream, Open& open) = 0; // attaches or resets it
};

class Carrier final : public CarrierEvents, public std::enable_shared_from_this<Carrier> {
public:
    struct Role {
        CarrierOwner* owner = nullptr;
        bool opens = false; // we are the earlier place
    };
    using FindRole = std::function<Role(const Fingerprint&)>; // of a peer that proved this key; no owner: nobody's
    using Gone = std::function<void(Carrier&)>;               // the very last call, also for one that was never usable

    Carrier(asio::io_context& loop, const Clock& clock, forward::Descriptor socket, std::unique_ptr<Wire> wire, Hello hello, FindRole find_role,
            Gone gone);
    ~Carrier() override;

    void start();
    void end(Reason reason); // streams hear the reason; twice is harmless
    void tick(SteadyTime now);

    bool greeted() const { return greeted_; }
    Mux& mux() { return *mux_; } // once greeted
    bool is_of(const CarrierOwner& owner) const { return owner_ == &owner; }
    std::uint16_t peer_wants() const { return peer_wants_; }
    SteadyTime idle_since() const { return idle_since_; } // when the last stream ended

    bool for_datagrams = false; // the owner's mark: shared by datagram streams

private:
    void on_hello(const Hello& hello) override;
    void on_open(StreamId stream, Open& open) override;
    void on_want(std::uint16_t carriers) override;
    void output_waits() override;
    void stream_gone() override;

    awaitable<void> read_until_over(std::shared_ptr<Carrier> self);
    bool read_some(); // false: over
    bool proved();
    bool handle_plain(std::span<const char> plain);
    void flush();
    bool drain_output();

    asio::io_context& loop_;
    const Clock& clock_;
    asio::posix::stream_descriptor socket_;
    std::unique_ptr<Wire> wire_;
    const Hello hello_;
    FindRole find_role_;
    Gone gone_;
    CarrierOwner* owner_ = nullptr;
    std::unique_ptr<Mux> mux_;
    SteadyTime started_;
    SteadyTime idle_since_;
    std::size_t output_at_ = 0;
    std::uint16_t peer_wants_ = 1;
    bool greeted_ = false;
    bool ending_ = false;
    bool over_ = false;
    bool flush_posted_ = false;
    bool write_waits_ = false;
};

} // namespace sluice::tunnel
