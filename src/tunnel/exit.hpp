// The last place: streams that came in, and the sockets of their targets. Where a stream may go is what this node's plan says of its forward; nothing that a
// neighbour says chooses an address.
#pragma once

#include "forward/runtime.hpp"
#include "tunnel/next_place.hpp"
#include "tunnel/socket_pipe.hpp"

#include <memory>
#include <vector>

namespace sluice::tunnel {

class ExitTcp final : public SocketPipe {
public:
    ExitTcp(Loop& loop, TunnelId tunnel, forward::WishPtr wish, Mux& mux, StreamId stream, Open& open, forward::Slot& slot);
    ~ExitTcp() override;
    StreamEnd& end() { return *this; }
    void start(); // after it was attached; may be over at once

    void tick(SteadyTime now) override;

private:
    void took(std::size_t bytes) override { forward::Slot::add(slot_.down, bytes); }
    ssize_t send_some(std::span<const char> bytes) override;
    void connect_next();
    void connected();
    void settle(int problem);

    Loop& loop_;
    InLine in_;
    const forward::WishPtr wish_;
    forward::Slot& slot_;
    std::vector<forward::Candidate> candidates_; // not yet tried, best last
    forward::TargetPtr current_;
    bool connecting_ = false;
    bool counted_ = false; // in current_->open
    Reason last_problem_ = Reason::unresolved;
    SteadyTime attempt_began_{};
    unsigned attempt_ = 0;
    std::unique_ptr<asio::posix::stream_descriptor> trying_;
};

class ExitUdp final : public StreamEnd, public LiveStream {
public:
    ExitUdp(Loop& loop, TunnelId tunnel, forward::WishPtr wish, Mux& mux, StreamId stream, forward::Slot& slot);
    ~ExitUdp() override;
    StreamEnd& end() { return *this; }
    void start(const Endpoint& client);

    void cut(Reason reason) override;
    void tick(SteadyTime now) override;

private:
    Taken take(std::span<char>) override { return {}; }
    void on_opened() override {}
    void on_data(std::span<const char>) override { cut(Reason::aborted); } // no bytes on a stream of datagrams
    void on_datagram(std::span<const char> bytes) override;
    void on_finish() override { cut(Reason::closed); }
    void on_end(Reason reason) override;
    void wait_readable();
    void receive();
    void over();

    Loop& loop_;
    InLine in_;
    const forward::WishPtr wish_;
    forward::Slot& slot_;
    forward::TargetPtr target_;
    asio::posix::stream_descriptor socket_;
    SteadyTime moved_;
    bool over_ = false;
};

Reason reason_of(int problem); // of a connect

} // namespace sluice::tunnel
