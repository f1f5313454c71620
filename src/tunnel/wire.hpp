// Everything between a carrier's socket and its frames, as bytes in and out:
//
//   tcp, tls   our TLS 1.3 session on the socket itself
//   wss        our TLS 1.3 session inside WebSocket messages, inside an ordinary HTTPS or HTTP connection
//
// Only our own session counts for who the peer is: the outer one may end at a reverse proxy and proves nothing. The end that listens tells
// HTTPS from HTTP by the first byte.
#pragma once

#include "base/fingerprint.hpp"
#include "net/tls_session.hpp"
#include "net/ws_frame.hpp"
#include "plan/tunnel.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct ssl_ctx_st;

namespace sluice::tunnel {

struct WireContexts {
    std::shared_ptr<ssl_ctx_st> inner;        // of the node's identity
    std::shared_ptr<ssl_ctx_st> outer_server; // any certificate
    std::shared_ptr<ssl_ctx_st> outer_client; // verifies nothing
};
// The outer ones, made once per process. Throws std::runtime_error when OpenSSL fails, which is a bug.
WireContexts make_wire_contexts(std::shared_ptr<ssl_ctx_st> inner);

class Wire {
public:
    enum class State { connecting, open, closed, failed };
    using Accept = std::function<bool(const Fingerprint&)>;
    using Plain = std::function<bool(std::span<const char>)>; // false: the wire is to fail

    static std::unique_ptr<Wire> dialling(const WireContexts& contexts, const plan::Dial& dial, Accept accept);
    static std::unique_ptr<Wire> listening(const WireContexts& contexts, bool websocket, Accept accept);

    // Bytes of the socket; hands on what was inside. `failed` says why in problem(); what is in output() is sent even then.
    State received(std::span<const char> bytes, const Plain& plain);
    void send(std::span<const char> plain); // once open
    void close();

    std::string& output() { return output_; } // for the socket; whoever sends takes it away
    State state() const { return state_; }
    std::optional<Fingerprint> peer() const { return inner_->peer_key(); }
    const std::string& problem() const { return problem_; }

private:
    enum class Step { first_byte, outer_handshake, request, answer, inner };
    Wire(const WireContexts& contexts, bool websocket, net::WsRole role);

    State fail(std::string_view why);
    void start_dialling();
    State layer_outer(std::span<const char> bytes, const Plain& plain);
    State layer_websocket(std::span<const char> bytes, const Plain& plain);
    State layer_inner(std::span<const char> bytes, const Plain& plain);
    void flush_inner(); // what the inner session wants to say goes through the layers
    void send_below_websocket(std::string_view bytes);

    const WireContexts& contexts_;
    const bool websocket_;
    const net::WsRole role_;
    State state_ = State::connecting;
    Step step_ = Step::inner;
    std::unique_ptr<net::TlsSession> inner_;
    std::unique_ptr<net::TlsSession> outer_;
    std::string head_; // of the upgrade, while it is not complete
    std::string host_;
    std::string path_;
    std::string accept_key_;
    net::WsReader reader_;
    std::vector<net::WsEvent> events_;
    std::string output_;
    std::string problem_;
};

} // namespace sluice::tunnel
