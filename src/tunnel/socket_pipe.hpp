// A TCP socket at the end of a stream: a client's at the entry, a target's at the exit. Bytes go from the socket straight into the carrier's buffer, and
// from the carrier's buffer straight to the socket; only what the socket does not take at once is kept, and that was paid with credit.
#pragma once

#include "forward/counters.hpp"
#include "forward/sockets.hpp"
#include "net/asio.hpp"
#include "plan/plan.hpp"
#include "tunnel/byte_queue.hpp"
#include "tunnel/line.hpp"
#include "tunnel/live_stream.hpp"

#include <asio/posix/stream_descriptor.hpp>
#include <functional>
#include <optional>

namespace sluice::tunnel {

using net::awaitable;
using net::error_code;

class SocketPipe : public StreamEnd, public LiveStream {
public:
    using OnOver = std::function<void(SocketPipe&)>; // last; the owner lets go

    SocketPipe(asio::io_context& io, const Clock& clock, TunnelId tunnel, const plan::Forward& plan, OnOver on_over);
    ~SocketPipe() override;

    void cut(Reason reason) override; // the line is reset, the socket too
    void tick(SteadyTime now) override;

protected:
    Taken take(std::span<char> into) override;
    void on_opened() override {}
    void on_data(std::span<const char> bytes) override;
    void on_datagram(std::span<const char>) override {}
    void on_finish() override;
    void on_end(Reason reason) override;

    virtual bool may_read() { return true; } // false: later, or over
    // How many of `most` bytes may go to the socket now; 0: later, and whoever says so calls drain() then.
    virtual std::size_t may_send(std::size_t most) { return most; }
    virtual void took(std::size_t bytes) { (void)bytes; } // from the socket
    // Sends to the socket; counts it where it is counted.
    virtual ssize_t send_some(std::span<const char> bytes);

    void use(forward::Descriptor socket); // a connected one
    void drain();                         // what is kept goes to the socket
    void wait_readable();
    void over(bool with_reset);
    bool is_over() const { return over_; }
    bool connected() const { return socket_.is_open(); }
    const plan::Forward& plan() const { return plan_; }

    asio::io_context& io_;
    const Clock& clock_;
    asio::posix::stream_descriptor socket_;
    Line* line_ = nullptr; // outlives this or is reset to null
    ByteQueue kept_;       // for the socket
    SteadyTime moved_;

private:
    void wait_writable();

    const plan::Forward plan_; // as it was when the stream began
    OnOver on_over_;
    bool reading_ = false; // waits until readable
    bool writing_ = false;
    bool socket_ended_ = false; // its end of file went into the stream
    bool line_ended_ = false;   // the stream's end of file came
    bool shut_ = false;         // and went into the socket
    bool stream_gone_ = false;  // both had ended; what is kept is still delivered
    bool over_ = false;
};

} // namespace sluice::tunnel
