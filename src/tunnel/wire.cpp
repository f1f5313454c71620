#include "tunnel/wire.hpp"

#include "base/random.hpp"
#include "base/text.hpp"
#include "net/certificate.hpp"
#include "tunnel/upgrade.hpp"

#include <array>
#include <chrono>
#include <openssl/ssl.h>
#include <stdexcept>

namespace sluice::tunnel {

using net::TlsSession;
using net::WsEvent;
using net::WsOpcode;
using net::WsRole;

namespace {

constexpr std::size_t most_message = 1024 * 1024;
constexpr std::size_t record = 16 * 1024;

std::span<char> plain_room()
{
    thread_local std::array<char, record + 1024> room;
    return room;
}

} // namespace

WireContexts make_wire_contexts(std::shared_ptr<ssl_ctx_st> inner)
{
    WireContexts contexts;
    contexts.inner = std::move(inner);
    const auto now = std::chrono::time_point_cast<Milliseconds>(std::chrono::system_clock::now());
    const auto pair = net::make_self_signed_pair({"localhost"}, {}, now);
    auto credentials = net::parse_credentials(pair.certificates, pair.key);
    if (!credentials) throw std::runtime_error("outer certificate");
    auto server = net::make_server_context(*credentials);
    if (!server) throw std::runtime_error("outer certificate");
    contexts.outer_server = *server;
    contexts.outer_client.reset(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
    if (!contexts.outer_client) throw std::runtime_error("TLS context");
    SSL_CTX_set_min_proto_version(contexts.outer_client.get(), TLS1_2_VERSION);
    SSL_CTX_set_verify(contexts.outer_client.get(), SSL_VERIFY_NONE, nullptr); // see wire.hpp: it proves nothing
    SSL_CTX_set_mode(contexts.outer_client.get(), SSL_MODE_RELEASE_BUFFERS);
    return contexts;
}

Wire::Wire(const WireContexts& contexts, bool websocket, WsRole role)
    : contexts_(contexts), websocket_(websocket), role_(role), reader_(role, most_message)
{
}

std::unique_ptr<Wire> Wire::dialling(const WireContexts& contexts, const plan::Dial& dial, Accept accept)
{
    std::unique_ptr<Wire> wire(new Wire(contexts, dial.websocket, WsRole::client));
    TlsSession::Options inner;
    inner.accept = std::move(accept);
    if (!dial.websocket) {
        inner.server_name = dial.server_name;
        inner.alpn = dial.alpn;
    }
    wire->inner_ = std::make_unique<TlsSession>(contexts.inner, TlsSession::Role::client, std::move(inner));
    wire->host_ = dial.server_name.empty() ? dial.address.host : dial.server_name;
    wire->path_ = dial.path;
    if (dial.websocket && dial.outer_tls)
        wire->outer_ =
            std::make_unique<TlsSession>(contexts.outer_client, TlsSession::Role::client, TlsSession::Options{wire->host_, {"http/1.1"}, {}});
    wire->start_dialling();
    return wire;
}

std::unique_ptr<Wire> Wire::listening(const WireContexts& contexts, bool websocket, Accept accept)
{
    std::unique_ptr<Wire> wire(new Wire(contexts, websocket, WsRole::server));
    TlsSession::Options inner;
    inner.accept = std::move(accept);
    wire->inner_ = std::make_unique<TlsSession>(contexts.inner, TlsSession::Role::server, std::move(inner));
    if (websocket) wire->step_ = Step::first_byte;
    return wire;
}

Wire::State Wire::fail(std::string_view why)
{
    if (problem_.empty()) problem_ = why;
    state_ = State::failed;
    return state_;
}

void Wire::start_dialling()
{
    if (outer_) {
        step_ = Step::outer_handshake;
        outer_->handshake();
        output_.append(std::exchange(outer_->output(), {}));
        return;
    }
    if (websocket_) {
        const auto key = to_base64(random_bytes(16));
        accept_key_ = net::ws_accept_key(key);
        step_ = Step::answer;
        send_below_websocket(upgrade_request(host_, path_, key));
        return;
    }
    step_ = Step::inner;
    inner_->handshake();
    flush_inner();
}

Wire::State Wire::received(std::span<const char> bytes, const Plain& plain)
{
    if (state_ == State::failed || state_ == State::closed || bytes.empty()) return state_;
    if (!websocket_) return layer_inner(bytes, plain);
    if (step_ == Step::first_byte) {
        constexpr char tls_handshake = 0x16;
        if (bytes[0] == tls_handshake) {
            outer_ = std::make_unique<TlsSession>(contexts_.outer_server, TlsSession::Role::server, TlsSession::Options{});
            step_ = Step::outer_handshake;
        } else {
            step_ = Step::request;
        }
    }
    return outer_ ? layer_outer(bytes, plain) : layer_websocket(bytes, plain);
}

Wire::State Wire::layer_outer(std::span<const char> bytes, const Plain& plain)
{
    outer_->feed(bytes);
    if (step_ == Step::outer_handshake) {
        const auto status = outer_->handshake();
        output_.append(std::exchange(outer_->output(), {}));
        if (status == TlsSession::Status::want_input) return state_;
        if (status != TlsSession::Status::ok) return fail("outer TLS: " + outer_->problem());
        if (role_ == WsRole::server) {
            step_ = Step::request;
        } else {
            const auto key = to_base64(random_bytes(16));
            accept_key_ = net::ws_accept_key(key);
            step_ = Step::answer;
            send_below_websocket(upgrade_request(host_, path_, key));
        }
    }
    std::array<char, record> room;
    for (;;) {
        const auto got = outer_->read(room);
        if (got.status == TlsSession::Status::want_input) break;
        if (got.status == TlsSession::Status::closed) return state_ = State::closed;
        if (got.status != TlsSession::Status::ok) return fail("outer TLS: " + outer_->problem());
        const auto state = layer_websocket(std::span{room}.first(got.size), plain);
        if (state == State::failed || state == State::closed) return state;
    }
    if (!outer_->output().empty()) output_.append(std::exchange(outer_->output(), {})); // key updates
    return state_;
}

Wire::State Wire::layer_websocket(std::span<const char> bytes, const Plain& plain)
{
    std::string rest;
    if (step_ == Step::request || step_ == Step::answer) {
        head_.append(bytes.data(), bytes.size());
        const auto head = step_ == Step::request ? read_upgrade_request(head_) : read_upgrade_answer(head_, accept_key_);
        if (!head) return state_;
        if (!head->valid) {
            if (step_ == Step::request) send_below_websocket(upgrade_refusal());
            return fail(step_ == Step::request
                            ? "not a WebSocket request"
                            : "the listener or its proxy refused the WebSocket: " + head_.substr(0, head_.find("\r\n")).substr(0, 80));
        }
        if (step_ == Step::request) send_below_websocket(upgrade_answer(head->accept_key));
        const bool dials = step_ == Step::answer;
        step_ = Step::inner;
        rest = head_.substr(head->size);
        head_.clear();
        head_.shrink_to_fit();
        if (dials) {
            inner_->handshake();
            flush_inner();
        }
        if (rest.empty()) return state_;
        bytes = rest;
    }
    events_.clear();
    const auto broken = reader_.feed({bytes.data(), bytes.size()}, events_);
    for (auto& event : events_) {
        switch (event.kind) {
        case WsEvent::Kind::binary: {
            if (event.data.empty()) break;
            const auto state = layer_inner(event.data, plain);
            if (state == State::failed || state == State::closed) return state;
            break;
        }
        case WsEvent::Kind::ping: { // proxies ask
            std::array<std::uint8_t, 4> mask{};
            fill_random(mask);
            send_below_websocket(net::ws_encode(WsOpcode::pong, event.data, role_ == WsRole::client ? std::optional{mask} : std::nullopt));
            break;
        }
        case WsEvent::Kind::pong: break;
        case WsEvent::Kind::close: return state_ = State::closed;
        case WsEvent::Kind::text: return fail("a text message");
        }
    }
    if (broken != 0) return fail("malformed WebSocket frame");
    return state_;
}

Wire::State Wire::layer_inner(std::span<const char> bytes, const Plain& plain)
{
    inner_->feed(bytes);
    if (state_ == State::connecting) {
        const auto status = inner_->handshake();
        flush_inner();
        if (status == TlsSession::Status::want_input) return state_;
        if (status != TlsSession::Status::ok) return fail(inner_->problem());
        state_ = State::open;
    }
    const auto room = plain_room();
    for (;;) {
        const auto got = inner_->read(room);
        if (got.status == TlsSession::Status::want_input) break;
        if (got.status == TlsSession::Status::closed) return state_ = State::closed;
        if (got.status != TlsSession::Status::ok) return fail(inner_->problem());
        if (!plain(room.first(got.size))) return fail("protocol");
        if (state_ != State::open) return state_; // closed from inside
    }
    if (!inner_->output().empty()) flush_inner();
    return state_;
}

void Wire::send(std::span<const char> plain)
{
    if (state_ != State::open) return;
    if (!websocket_) {
        // Straight into the socket's buffer: the records are not copied once more.
        inner_->output().swap(output_);
        const auto status = inner_->write(plain);
        inner_->output().swap(output_);
        if (status != TlsSession::Status::ok) fail(inner_->problem());
        return;
    }
    if (inner_->write(plain) != TlsSession::Status::ok) fail(inner_->problem());
    flush_inner();
}

void Wire::close()
{
    if (state_ == State::open) {
        inner_->close();
        flush_inner();
    }
    if (state_ != State::failed) state_ = State::closed;
}

void Wire::flush_inner()
{
    auto& said = inner_->output();
    if (said.empty()) return;
    if (!websocket_) {
        output_.append(said);
    } else {
        std::array<std::uint8_t, 4> mask{};
        if (role_ == WsRole::client) fill_random(mask);
        send_below_websocket(net::ws_encode(WsOpcode::binary, said, role_ == WsRole::client ? std::optional{mask} : std::nullopt));
    }
    said.clear();
}

void Wire::send_below_websocket(std::string_view bytes)
{
    if (!outer_) {
        output_.append(bytes);
        return;
    }
    if (outer_->write({bytes.data(), bytes.size()}) != TlsSession::Status::ok) fail("outer TLS: " + outer_->problem());
    output_.append(std::exchange(outer_->output(), {}));
}

} // namespace sluice::tunnel
