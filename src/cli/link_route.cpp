#include "cli/link_route.hpp"

#include <memory>
#include <utility>

namespace sluice::cli {

namespace {

class SocketWire final : public hub::Wire {
public:
    explicit SocketWire(http::WebSocketPtr socket) : socket_(std::move(socket)) {}
    bool send(std::string bytes) override { return socket_->send_binary(std::move(bytes)); }
    void close() override { socket_->close(http::close_code::normal); }

private:
    const http::WebSocketPtr socket_;
};

http::WebSocketOptions options_of(http::WorkerPool& workers)
{
    http::WebSocketOptions options;
    options.message_limit = std::size_t{256} * 1024;
    // A whole plan may wait here; the session bounds what it says.
    options.queue_messages = 1'024;
    options.queue_bytes = std::size_t{40} * 1024 * 1024;
    options.write_deadline = Milliseconds{30'000}; // a node may be far away, and slow
    options.workers = &workers;
    return options;
}

} // namespace

void mount_link(http::Router& router, hub::LinkAcceptor& acceptor, http::WorkerPool& workers)
{
    const auto accept = [&acceptor](const http::Request& request) -> std::variant<http::Response, http::WebSocketHandler> {
        if (!acceptor.has_room()) return http::Response::plain_status(503).with("Retry-After", "5");
        // Shared by the callbacks, which never run at the same time.
        const auto peer = std::make_shared<std::shared_ptr<hub::LinkPeer>>();
        http::WebSocketHandler handler;
        handler.on_open = [&acceptor, peer, remote = request.remote.to_text()](const http::WebSocketPtr& socket) {
            *peer = acceptor.opened(std::make_shared<SocketWire>(socket), remote);
        };
        handler.on_message = [&acceptor, peer](const http::WebSocketPtr& socket, const http::WebSocketMessage& message) {
            if (!message.binary) return socket->close(http::close_code::unsupported, "binary messages only");
            acceptor.received(*peer, message.data);
        };
        handler.on_close = [&acceptor, peer](const http::WebSocketPtr&, std::uint16_t) {
            acceptor.closed(*peer);
            peer->reset();
        };
        return handler;
    };
    router.websocket("/link", accept, options_of(workers));
}

} // namespace sluice::cli
