// One conversation between a panel and a node, from the first byte to the last, as a state machine: bytes in, events and bytes out. No sockets, no
// threads, no clock of its own; the same class at both ends, so that two of them can be tested on a wire that misbehaves.
//
//     handshake   TLS 1.3, both keys proven
//     greeting    agent: hello sent, waits for welcome or refused.  panel: waits for hello, then for welcome() or refuse()
//     open        messages both ways, pings both ways
//     ended       the first reason wins; what is left in take_output() is still worth sending
#pragma once

#include "base/fingerprint.hpp"
#include "link/frames.hpp"
#include "link/messages.hpp"
#include "net/identity.hpp"
#include "net/tls_session.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sluice::link {

struct SessionLimits {
    Milliseconds greeting_deadline{20'000};             // from the first byte to welcome
    Milliseconds ping_every{15'000};                    // when nothing else was sent
    Milliseconds silent_for{45'000};                    // without a byte from the peer
    std::size_t output = std::size_t{32} * 1024 * 1024; // waiting in take_output()
};

enum class EndReason {
    wire_lost,      // the connection underneath ended
    wrong_peer,     // another key than the pinned one: a man in the middle, or a panel that was made anew
    tls_failed,     // garbage, or tampering
    protocol_error, // a message that does not decode, or that does not belong here
    too_slow,       // no welcome before the deadline
    silent,         // nothing heard
    overflow,       // the wire takes less than is said
    refused,        // see Ended::refusal
    peer_left,      // see Ended::farewell
    left,           // we said goodbye
};
std::string_view to_text(EndReason reason);

struct Ended {
    EndReason reason = EndReason::wire_lost;
    std::string detail; // for the log
    std::optional<Refusal> refusal;
    std::optional<Farewell> farewell;
};

// Messages that the owner has to know about (not Ping, Pong, Refused, Goodbye), in order; Ended last and once.
using Event = std::variant<Message, Ended>;

class Session {
public:
    // `identity` outlives the session.
    static Session panel(const net::Identity& identity, const SessionLimits& limits, SteadyTime now);
    // Begins to speak at once: see take_output().
    static Session agent(const net::Identity& identity, const Fingerprint& pin, Hello hello, const SessionLimits& limits, SteadyTime now);

    void received(SteadyTime now, std::string_view bytes);
    void tick(SteadyTime now);
    SteadyTime wake_at() const;    // when tick() will do something; max() once it ended
    void lost(std::string detail); // the wire ended

    // Panel, once, after Hello. Returns false when it is too late.
    bool welcome(SteadyTime now, const Welcome& welcome);
    bool refuse(SteadyTime now, Refusal reason);
    // False when the session is not open, or ends by it (overflow).
    bool send(SteadyTime now, const Message& message);
    void leave(SteadyTime now, Farewell reason); // ends it, with last words when there is somebody to hear them

    std::vector<Event> take_events();
    std::string take_output();

    bool open() const { return state_ == State::open; }
    bool ended() const { return state_ == State::ended; }
    const Fingerprint& peer() const { return peer_; } // proven before the first event that is a message

private:
    enum class State { handshake, greeting, open, ended };
    Session(const net::Identity& identity, std::optional<Fingerprint> pin, std::optional<Hello> hello, const SessionLimits& limits, SteadyTime now);

    // Decrypts into `plain` what was fed; false when TLS has ended, well or not.
    bool decrypt(SteadyTime now, std::string& plain);
    void read_frames(SteadyTime now);
    void take(SteadyTime now, Message message);
    bool belongs_here(const Message& message) const;
    bool say(SteadyTime now, const Message& message);
    void flush();
    void end(Ended ended);
    void fail(EndReason reason, std::string detail) { end({reason, std::move(detail), {}, {}}); }

    SessionLimits limits_;
    bool is_panel_;
    State state_ = State::handshake;
    struct KeySeen {
        bool stranger = false; // another one than the pinned one
        Fingerprint key;
    };
    std::shared_ptr<KeySeen> key_seen_;    // told by TLS while it decides; shared, for a session may move
    std::unique_ptr<net::TlsSession> tls_; // has a fixed place: OpenSSL points to it
    Fingerprint peer_;
    std::optional<Hello> hello_; // agent: until it is said
    bool heard_hello_ = false;   // panel
    FrameReader reader_{greeting_limit};
    std::string output_;
    std::vector<Event> events_;
    SteadyTime began_;
    SteadyTime heard_;
    SteadyTime said_;
    std::uint64_t next_ping_ = 1;
};

} // namespace sluice::link
