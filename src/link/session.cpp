#include "link/session.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::link {

std::string_view to_text(EndReason reason)
{
    switch (reason) {
    case EndReason::wire_lost: return "wire_lost";
    case EndReason::wrong_peer: return "wrong_peer";
    case EndReason::tls_failed: return "tls_failed";
    case EndReason::protocol_error: return "protocol_error";
    case EndReason::too_slow: return "too_slow";
    case EndReason::silent: return "silent";
    case EndReason::overflow: return "overflow";
    case EndReason::refused: return "refused";
    case EndReason::peer_left: return "peer_left";
    case EndReason::left: return "left";
    }
    return "wire_lost";
}

Session::Session(const net::Identity& identity, std::optional<Fingerprint> pin, std::optional<Hello> hello, const SessionLimits& limits,
                 SteadyTime now)
    : limits_(limits), is_panel_(!pin), key_seen_(std::make_shared<KeySeen>()), hello_(std::move(hello)), began_(now), heard_(now), said_(now)
{
    // The panel lets any key in and asks later whose it is; the node wants one.
    net::TlsSession::Options options;
    options.accept = [pin, seen = key_seen_](const Fingerprint& key) {
        seen->key = key;
        seen->stranger = pin && key != *pin;
        return !seen->stranger;
    };
    const auto role = is_panel_ ? net::TlsSession::Role::server : net::TlsSession::Role::client;
    tls_ = std::make_unique<net::TlsSession>(identity.context(), role, std::move(options));
    if (!is_panel_) (void)tls_->handshake(); // its first words
    flush();
}

Session Session::panel(const net::Identity& identity, const SessionLimits& limits, SteadyTime now) { return Session{identity, {}, {}, limits, now}; }

Session Session::agent(const net::Identity& identity, const Fingerprint& pin, Hello hello, const SessionLimits& limits, SteadyTime now)
{
    return Session{identity, pin, std::move(hello), limits, now};
}

void Session::received(SteadyTime now, std::string_view bytes)
{
    if (ended() || bytes.empty()) return;
    heard_ = now;
    tls_->feed({bytes.data(), bytes.size()});
    std::string plain;
    const bool goes_on = decrypt(now, plain);
    // A client's last flight and its first words may come together, and so may good words and a bad record.
    reader_.feed(plain);
    read_frames(now);
    flush();
    if (goes_on) return;
    if (key_seen_->stranger) return fail(EndReason::wrong_peer, key_seen_->key.to_text() + " answered");
    if (tls_->problem().empty()) return fail(EndReason::wire_lost, "closed");
    fail(EndReason::tls_failed, tls_->problem());
}

bool Session::decrypt(SteadyTime now, std::string& plain)
{
    using Status = net::TlsSession::Status;
    if (state_ == State::handshake) {
        if (const auto status = tls_->handshake(); status != Status::ok) return status == Status::want_input;
        const auto key = tls_->peer_key();
        if (!key) return false;
        peer_ = *key;
        state_ = State::greeting;
        if (hello_) say(now, *std::exchange(hello_, std::nullopt));
    }
    std::array<char, 16 * 1024> buffer{};
    for (;;) {
        const auto read = tls_->read(buffer);
        if (read.status != Status::ok) return read.status == Status::want_input;
        plain.append(buffer.data(), read.size);
    }
}

void Session::read_frames(SteadyTime now)
{
    while (!ended()) {
        std::string text;
        const auto next = reader_.next(text);
        if (next == FrameReader::Next::incomplete) return;
        if (next == FrameReader::Next::broken) return fail(EndReason::protocol_error, "a frame that is empty or too long");
        auto message = decode(text);
        if (!message) return fail(EndReason::protocol_error, describe(message.error()));
        take(now, std::move(*message));
    }
}

// Who may say what, and when. Whatever is not listed ends the session.
bool Session::belongs_here(const Message& message) const
{
    struct Place {
        const Session& at;
        bool greeting_of_agent() const { return at.is_panel_ && at.state_ == State::greeting && !at.heard_hello_; }
        bool answer_of_panel() const { return !at.is_panel_ && at.state_ == State::greeting; }
        bool from_panel() const { return !at.is_panel_ && at.open(); }
        bool from_agent() const { return at.is_panel_ && at.open(); }

        bool operator()(const Hello&) const { return greeting_of_agent(); }
        bool operator()(const Welcome&) const { return answer_of_panel(); }
        bool operator()(const Refused&) const { return answer_of_panel(); }
        bool operator()(const plan::Plan&) const { return from_panel(); }
        bool operator()(const plan::Applied&) const { return from_agent(); }
        bool operator()(const plan::Report&) const { return from_agent(); }
        bool operator()(const Booked&) const { return from_panel(); }
        bool operator()(const Watch&) const { return from_panel(); }
        bool operator()(const Probe&) const { return from_panel(); }
        bool operator()(const ProbeResult&) const { return from_agent(); }
        bool operator()(const Upgrade&) const { return from_panel(); }
        bool operator()(const Rollback&) const { return from_panel(); }
        bool operator()(const UpgradeRead&) const { return from_agent(); }
        bool operator()(const UpgradeData&) const { return from_panel(); }
        bool operator()(const plan::UpgradeState&) const { return from_agent(); }
        bool operator()(const Ping&) const { return at.open(); }
        bool operator()(const Pong&) const { return at.open(); }
        bool operator()(const Goodbye&) const { return at.state_ == State::greeting || at.open(); }
    };
    return std::visit(Place{*this}, message);
}

void Session::take(SteadyTime now, Message message)
{
    if (!belongs_here(message)) return fail(EndReason::protocol_error, "unexpected " + std::string{name_of(message)});
    if (const auto* ping = std::get_if<Ping>(&message)) {
        say(now, Pong{ping->id});
        return;
    }
    if (std::holds_alternative<Pong>(message)) return;
    if (const auto* refused = std::get_if<Refused>(&message)) return end({EndReason::refused, {}, refused->reason, {}});
    if (const auto* goodbye = std::get_if<Goodbye>(&message)) return end({EndReason::peer_left, {}, {}, goodbye->reason});
    if (const auto* hello = std::get_if<Hello>(&message)) {
        heard_hello_ = true;
        if (hello->major != protocol_major) {
            refuse(now, Refusal::protocol);
            return;
        }
    }
    if (const auto* welcome = std::get_if<Welcome>(&message)) {
        if (welcome->major != protocol_major) return fail(EndReason::protocol_error, "version " + std::to_string(welcome->major));
        state_ = State::open;
        reader_.set_limit(message_limit);
    }
    events_.emplace_back(std::move(message));
}

bool Session::welcome(SteadyTime now, const Welcome& welcome)
{
    if (!is_panel_ || state_ != State::greeting || !heard_hello_ || !say(now, welcome)) return false;
    state_ = State::open;
    reader_.set_limit(message_limit);
    return true;
}

bool Session::refuse(SteadyTime now, Refusal reason)
{
    if (!is_panel_ || state_ != State::greeting || !heard_hello_) return false;
    say(now, Refused{reason});
    end({EndReason::refused, {}, reason, {}});
    return true;
}

bool Session::send(SteadyTime now, const Message& message) { return open() && say(now, message); }

void Session::leave(SteadyTime now, Farewell reason)
{
    if (ended()) return;
    if (open()) say(now, Goodbye{reason});
    end({EndReason::left, {}, {}, reason});
}

void Session::lost(std::string detail) { fail(EndReason::wire_lost, std::move(detail)); }

bool Session::say(SteadyTime now, const Message& message)
{
    if (ended()) return false;
    const auto text = encode(message);
    if (text.size() > message_limit) {
        fail(EndReason::overflow, std::string{name_of(message)} + " of " + std::to_string(text.size()) + " bytes");
        return false;
    }
    if (tls_->write(frame(text)) != net::TlsSession::Status::ok) {
        fail(EndReason::tls_failed, tls_->problem());
        return false;
    }
    said_ = now;
    flush();
    if (output_.size() > limits_.output) {
        fail(EndReason::overflow, std::to_string(output_.size()) + " bytes wait");
        return false;
    }
    return true;
}

void Session::flush()
{
    output_ += tls_->output();
    tls_->output().clear();
}

void Session::end(Ended ended)
{
    if (this->ended()) return;
    const bool polite = ended.reason != EndReason::wire_lost && ended.reason != EndReason::overflow && ended.reason != EndReason::silent;
    if (polite) {
        tls_->close();
        flush(); // with the alert that tells a peer what was wrong with it
    } else {
        output_.clear();
    }
    state_ = State::ended;
    events_.emplace_back(std::move(ended));
}

void Session::tick(SteadyTime now)
{
    if (ended()) return;
    if (!open() && now - began_ >= limits_.greeting_deadline) return fail(EndReason::too_slow, "no welcome in time");
    if (now - heard_ >= limits_.silent_for) return fail(EndReason::silent, "nothing heard");
    if (open() && now - said_ >= limits_.ping_every) say(now, Ping{next_ping_++});
}

SteadyTime Session::wake_at() const
{
    if (ended()) return SteadyTime::max();
    const auto silence = heard_ + limits_.silent_for;
    if (!open()) return std::min(silence, began_ + limits_.greeting_deadline);
    return std::min(silence, said_ + limits_.ping_every);
}

std::vector<Event> Session::take_events() { return std::exchange(events_, {}); }

std::string Session::take_output() { return std::exchange(output_, {}); }

} // namespace sluice::link
