// One WebSocket on its connection: the writer with its bounded queue, the reader with its callbacks on workers, pings and deadlines.
#pragma once

#include "api/http/front.hpp"
#include "api/http/websocket.hpp"
#include "net/stream.hpp"
#include "net/ws_frame.hpp"

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace sluice::http {

class WebSocketSession final : public WebSocket, public std::enable_shared_from_this<WebSocketSession> {
public:
    WebSocketSession(Front& front, net::Stream& stream, WebSocketHandler handler, WebSocketOptions options, Endpoint remote, std::string id);

    // WebSocket: from any thread.
    bool send(std::string text) override;
    bool send_binary(std::string bytes) override;
    void close(std::uint16_t code, std::string_view reason) override;
    bool open() const override;
    const Endpoint& remote() const override { return remote_; }
    const std::string& request_id() const override { return id_; }

    // On the loop. From the handshake's end to the last callback; `early` came behind the handshake. True when both ends have said
    // goodbye, so that nothing is under way any more.
    net::awaitable<bool> run(std::string early);
    void tick(SteadyTime now); // pings, silence, stuck writes, closes that nobody answers

private:
    bool enqueue(net::WsOpcode opcode, std::string_view payload);
    void wake_writer();           // on the loop
    void end(std::uint16_t code); // the first one wins
    net::awaitable<void> write_queue();
    static net::awaitable<void> keep_writing(std::shared_ptr<WebSocketSession> self);
    net::awaitable<void> read_messages(std::string early);
    net::awaitable<bool> take(std::vector<net::WsEvent> events); // false: the end
    net::awaitable<void> call(std::function<void()> callback);

    Front& front_;
    net::Stream& stream_; // of the connection, which outlives run()
    const WebSocketHandler handler_;
    const WebSocketOptions options_;
    const Endpoint remote_;
    const std::string id_;
    const asio::any_io_executor loop_;

    mutable std::mutex mutex_; // guards the next five
    std::deque<std::string> queue_;
    std::size_t queued_bytes_ = 0;
    bool accepting_ = true;     // messages from send()
    bool alive_ = true;         // the loop may still be told: run() has not ended
    std::uint16_t closing_ = 0; // the code of our close frame, once queued

    // Loop only.
    net::WsReader reader_;
    std::optional<asio::steady_timer> writer_wake_; // both end with run(): others may hold this object longer than the loop lives
    std::optional<asio::steady_timer> writer_gone_;
    bool writer_done_ = false;
    bool stop_writing_ = false;
    bool writing_ = false;
    bool in_callback_ = false;
    bool close_sent_ = false;
    bool close_received_ = false;
    std::uint16_t end_code_ = 0;
    SteadyTime write_began_;
    SteadyTime last_ping_;
    SteadyTime last_heard_;
    SteadyTime close_sent_at_;
};

} // namespace sluice::http
