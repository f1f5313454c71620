// Many streams on one carrier, as bytes in and bytes out: no sockets, no TLS, no clock of its own.
//
//   peer's bytes ──received()──▶ on_data, on_datagram, ... of the stream's end
//   end has bytes ──ready()──▶ queued ──produce()──▶ takes them from the end, straight into the carrier's buffer
//
// Bytes are pulled: they stay where they are (in a socket, in the neighbour's stream) until the carrier has room and the peer gave credit, so
// nothing piles up here. What comes in is bounded by the credit that we gave. One thread.
#pragma once

#include "base/time.hpp"
#include "tunnel/frames.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

namespace sluice::tunnel {

// What is behind a stream on this side. It lives until on_end() or until it called Mux::reset(); no function is called after that.
class StreamEnd {
public:
    struct Taken {
        std::size_t size = 0;
        bool finished = false; // nothing comes after these
    };
    virtual ~StreamEnd() = default;
    // Writes what there is now into `into`. Less than its size: dry, until Mux::ready() is called again. May call Mux::reset().
    virtual Taken take(std::span<char> into) = 0;
    virtual void on_opened() = 0;                          // at the end that opened it
    virtual void on_data(std::span<const char> bytes) = 0; // all of it is the end's now; Mux::consumed() when it has left
    virtual void on_datagram(std::span<const char> bytes) = 0;
    virtual void on_finish() = 0;           // nothing more comes from the peer
    virtual void on_end(Reason reason) = 0; // `closed` when both sides had finished
};

class CarrierEvents {
public:
    virtual ~CarrierEvents() = default;
    virtual void on_hello(const Hello& hello) = 0;
    // Calls Mux::attach() or Mux::reset() before it returns.
    virtual void on_open(StreamId stream, Open& open) = 0;
    virtual void on_want(std::uint16_t carriers) = 0;
    virtual void output_waits() = 0; // produce() has something to do
    virtual void stream_gone() = 0;  // one fewer
};

struct MuxLimits {
    std::uint32_t first_window = 64 * 1024; // of a stream, both directions: both ends must agree (protocol version)
    std::uint32_t largest_window = 16 * 1024 * 1024;
    std::size_t growth = 64 * 1024 * 1024; // by which all windows of a carrier together may exceed the first
    std::uint32_t streams = 1024;
    std::size_t queued = 1024 * 1024; // control frames and datagrams; beyond it datagrams are dropped
    std::size_t datagrams_of_stream = 256 * 1024;
    Milliseconds ping_every{2'000};
    Milliseconds silence{6'000}; // with a ping unanswered: the carrier is dead
};

class Mux {
public:
    // `opens`: this side is the earlier place of the tunnel. Says hello first.
    Mux(bool opens, const Hello& hello, CarrierEvents& events, MuxLimits limits = {});
    ~Mux();
    Mux(const Mux&) = delete;
    Mux& operator=(const Mux&) = delete;

    // False when the peer broke the protocol: the carrier is to be closed, see problem().
    bool received(SteadyTime now, std::span<const char> bytes);
    // Fills `room` with frames; the bytes used. Less than its size: nothing more to send now.
    std::size_t produce(SteadyTime now, std::span<char> room);
    // About once a second. False when the peer is silent: the carrier is dead.
    bool tick(SteadyTime now);
    void lost(Reason reason); // the carrier is gone: every end hears it

    // 0 when the carrier has all the streams that it may.
    StreamId open(const Open& open, StreamEnd& end);
    void attach(StreamId stream, StreamEnd& end);
    void opened(StreamId stream);
    void ready(StreamId stream); // take() would give something
    void consumed(StreamId stream, std::size_t bytes);
    bool datagram(StreamId stream, std::span<const char> bytes); // false: dropped
    void reset(StreamId stream, Reason reason);                  // a stream that is gone is fine
    void want(std::uint16_t carriers);

    std::size_t streams() const { return streams_.size(); }
    bool has_output() const { return queue_at_ < queue_.size() || !urgent_.empty() || !bulk_.empty(); }
    bool greeted() const { return greeted_; }
    Milliseconds round_trip() const { return std::chrono::duration_cast<Milliseconds>(round_trip_); }
    const std::string& problem() const { return problem_; }

private:
    struct Stream {
        StreamEnd* end = nullptr;
        std::uint64_t credit = 0;  // that we may send
        std::uint32_t window = 0;  // that we let the peer have unconsumed
        std::uint32_t allowed = 0; // of it, what the peer may still send
        std::uint32_t owed = 0;    // consumed, not yet given back
        SteadyTime credited{};
        bool wants = false;  // has something to send
        bool queued = false; // in one of the queues
        bool bulk = false;   // its last frames were full ones
        bool sent_finish = false;
        bool got_finish = false;
        std::uint64_t datagram_round = 0;
        std::size_t datagrams = 0; // bytes in the queue, of this round
    };
    using Streams = std::unordered_map<StreamId, Stream>;

    bool broke(std::string_view why);
    bool handle(const Header& header, std::span<const char> payload);
    bool handle_open(StreamId id, std::span<const char> payload);
    void remove(Streams::iterator at);
    void finish_if_done(StreamId id);
    void enqueue(StreamId id, Stream& stream);
    void said(); // something was put into queue_
    std::size_t produce_data(std::deque<StreamId>& from, std::span<char> room);
    void give_credit(StreamId id, Stream& stream);

    const bool opens_;
    CarrierEvents& events_;
    const MuxLimits limits_;
    Streams streams_;
    StreamId last_id_ = 0;
    std::string partial_; // an unfinished frame of the peer
    std::string queue_;   // encoded, waiting; from queue_at_
    std::size_t queue_at_ = 0;
    std::uint64_t queue_round_ = 1; // grows when the queue ran empty
    std::deque<StreamId> urgent_;
    std::deque<StreamId> bulk_;
    unsigned urgent_run_ = 0; // frames of urgent_ since the last of bulk_
    std::size_t growth_left_;
    bool greeted_ = false;
    bool over_ = false;
    SteadyTime now_{};
    SteadyTime heard_{};
    SteadyTime pinged_{};
    std::uint64_t ping_token_ = 0;
    bool ping_waits_ = false;
    std::chrono::nanoseconds round_trip_{std::chrono::milliseconds(50)}; // until measured
    std::string problem_;
};

} // namespace sluice::tunnel
