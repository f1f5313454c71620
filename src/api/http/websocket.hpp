// A WebSocket (RFC 6455) as its user sees it: messages in, messages out, one end. The front owns the socket, the framing, the
// pings and the deadlines.
#pragma once

#include "base/address.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "api/http/message.hpp"
#include "base/time.hpp"

namespace sluice::http {

class WorkerPool;

// RFC 6455 section 7.4.1.
namespace close_code {
inline constexpr std::uint16_t normal = 1000;
inline constexpr std::uint16_t going_away = 1001;
inline constexpr std::uint16_t protocol_error = 1002;
inline constexpr std::uint16_t unsupported = 1003;
inline constexpr std::uint16_t absent = 1005;   // never sent: the peer closed without a code
inline constexpr std::uint16_t abnormal = 1006; // never sent: the connection broke, or did not answer pings
inline constexpr std::uint16_t bad_data = 1007; // text that is not UTF-8
inline constexpr std::uint16_t policy = 1008;
inline constexpr std::uint16_t too_big = 1009;
inline constexpr std::uint16_t internal = 1011;
inline constexpr std::uint16_t try_later = 1013; // also: it reads slower than we send, and its queue is full
} // namespace close_code

// One open WebSocket. Thread-safe; keep a shared_ptr or a weak_ptr as you like: after the end every call is harmless.
class WebSocket {
public:
    virtual ~WebSocket() = default;
    // Queues a message and returns at once. False when it is closed, or when the queue is full: then the socket is being closed
    // with 1013, for a peer that does not read must not take memory.
    virtual bool send(std::string text) = 0;
    virtual bool send_binary(std::string bytes) = 0;
    virtual void close(std::uint16_t code = close_code::normal, std::string_view reason = {}) = 0;
    virtual bool open() const = 0;
    virtual const Endpoint& remote() const = 0;
    virtual const std::string& request_id() const = 0;
};

using WebSocketPtr = std::shared_ptr<WebSocket>;

struct WebSocketMessage {
    std::string data;
    bool binary = false; // else data is valid UTF-8
};

// Callbacks run on workers, never two of one socket at a time, in order: on_open, on_message..., on_close. They may block
// within reason: reading from this peer waits meanwhile. on_close comes exactly once after on_open.
struct WebSocketHandler {
    std::function<void(const WebSocketPtr&)> on_open;
    std::function<void(const WebSocketPtr&, WebSocketMessage)> on_message; // absent: messages are read and dropped
    std::function<void(const WebSocketPtr&, std::uint16_t code)> on_close;
    std::string subprotocol; // one of those the client offered, or empty
};

struct WebSocketOptions {
    std::size_t message_limit = std::size_t{64} * 1024; // one whole message; above it: close 1009
    std::size_t queue_messages = 256;                   // waiting to be sent
    std::size_t queue_bytes = std::size_t{1024} * 1024;
    Milliseconds ping_every{15'000};
    Milliseconds silent_for{45'000}; // without any pong or other frame: dropped
    Milliseconds write_deadline{5'000};
    // Who runs the callbacks; absent: the server's workers. A socket that answers what a request waits for needs others, or all of them could wait for it.
    // Outlives the server.
    WorkerPool* workers = nullptr;
};

// Decides about an upgrade, on a worker: a Response refuses (403, 400, ...), a handler accepts.
using WebSocketAccept = std::function<std::variant<Response, WebSocketHandler>(const Request&)>;

} // namespace sluice::http
