#include "api/http/websocket_session.hpp"

#include "base/log.hpp"

#include <asio/error.hpp>

namespace sluice::http {

namespace {

constexpr Milliseconds close_answer_deadline{5'000};
constexpr std::size_t write_together = std::size_t{64} * 1024; // small messages share a write up to here

} // namespace

WebSocketSession::WebSocketSession(Front& front, net::Stream& stream, WebSocketHandler handler, WebSocketOptions options, Endpoint remote,
                                   std::string id)
    : front_(front),
      stream_(stream),
      handler_(std::move(handler)),
      options_(options),
      remote_(remote),
      id_(std::move(id)),
      loop_(stream.executor()),
      reader_(net::WsRole::server, options.message_limit),
      write_began_(front.clock.steady()),
      last_ping_(write_began_),
      last_heard_(write_began_),
      close_sent_at_(write_began_)
{
}

bool WebSocketSession::send(std::string text) { return enqueue(net::WsOpcode::text, text); }

bool WebSocketSession::send_binary(std::string bytes) { return enqueue(net::WsOpcode::binary, bytes); }

bool WebSocketSession::enqueue(net::WsOpcode opcode, std::string_view payload)
{
    {
        const std::lock_guard lock(mutex_);
        if (!accepting_) return false;
        if (queue_.size() < options_.queue_messages && queued_bytes_ + payload.size() <= options_.queue_bytes) {
            queue_.push_back(net::ws_encode(opcode, payload));
            queued_bytes_ += queue_.back().size();
            // Posted under the lock: once alive_ is false the loop may be gone.
            if (queue_.size() == 1) asio::post(loop_, [self = shared_from_this()] { self->wake_writer(); });
            return true;
        }
    }
    close(close_code::try_later, "reading too slowly");
    return false;
}

void WebSocketSession::close(std::uint16_t code, std::string_view reason)
{
    const std::lock_guard lock(mutex_);
    accepting_ = false;
    if (closing_ != 0 || !alive_) return;
    closing_ = code;
    if (code == close_code::try_later) { // the queue is the problem; it does not help to send it first
        queue_.clear();
        queued_bytes_ = 0;
    }
    queue_.push_back(net::ws_encode(net::WsOpcode::close, net::ws_close_payload(code, reason)));
    queued_bytes_ += queue_.back().size();
    asio::post(loop_, [self = shared_from_this()] { self->wake_writer(); });
}

bool WebSocketSession::open() const
{
    const std::lock_guard lock(mutex_);
    return accepting_;
}

void WebSocketSession::wake_writer()
{
    if (writer_wake_) writer_wake_->cancel();
}

void WebSocketSession::end(std::uint16_t code)
{
    if (end_code_ == 0) end_code_ = code;
}

net::awaitable<bool> WebSocketSession::run(std::string early)
{
    ++front_.websockets;
    writer_wake_.emplace(loop_, asio::steady_timer::time_point::max());
    writer_gone_.emplace(loop_, asio::steady_timer::time_point::max());
    asio::co_spawn(loop_, keep_writing(shared_from_this()), asio::detached);
    auto self = std::static_pointer_cast<WebSocket>(shared_from_this());
    if (handler_.on_open) {
        std::function<void()> opened = [this, self] { handler_.on_open(self); };
        co_await call(std::move(opened));
    }
    co_await read_messages(std::move(early));

    {
        const std::lock_guard lock(mutex_);
        accepting_ = false;
    }
    stop_writing_ = true;
    wake_writer();
    while (!writer_done_) {
        auto [ignored] = co_await writer_gone_->async_wait(net::as_result);
        (void)ignored;
    }
    {
        const std::lock_guard lock(mutex_);
        alive_ = false;
        queue_.clear();
        queued_bytes_ = 0;
    }
    writer_wake_.reset();
    writer_gone_.reset();
    --front_.websockets;
    end(close_code::abnormal);
    log::debug("websocket closed", {{"request", id_}, {"remote", remote_.to_text()}, {"code", end_code_}});
    if (handler_.on_close) {
        std::function<void()> closed = [this, self, code = end_code_] { handler_.on_close(self, code); };
        co_await call(std::move(closed));
    }
    co_return close_sent_&& close_received_;
}

net::awaitable<void> WebSocketSession::call(std::function<void()> callback)
{
    in_callback_ = true;
    const bool ran = co_await on_worker(loop_, options_.workers ? *options_.workers : front_.workers, std::move(callback), true);
    in_callback_ = false;
    last_heard_ = front_.clock.steady(); // the peer had no chance to be heard meanwhile
    if (!ran) log::warning("websocket callback lost", {{"request", id_}});
}

net::awaitable<void> WebSocketSession::keep_writing(std::shared_ptr<WebSocketSession> self)
{
    co_await self->write_queue();
    self->writer_done_ = true;
    self->writer_gone_->cancel();
}

net::awaitable<void> WebSocketSession::write_queue()
{
    for (;;) {
        std::string batch;
        bool closes = false;
        {
            const std::lock_guard lock(mutex_);
            while (!queue_.empty() && (batch.empty() || batch.size() + queue_.front().size() <= write_together)) {
                batch += queue_.front();
                queued_bytes_ -= queue_.front().size();
                queue_.pop_front();
            }
            closes = closing_ != 0 && queue_.empty();
        }
        if (batch.empty()) {
            if (stop_writing_ || close_sent_) co_return;
            auto [ignored] = co_await writer_wake_->async_wait(net::as_result);
            (void)ignored;
            continue;
        }
        writing_ = true;
        write_began_ = front_.clock.steady();
        const auto problem = co_await stream_.write_all(batch);
        writing_ = false;
        if (problem) {
            stream_.interrupt(); // the reader has nothing to wait for
            co_return;
        }
        if (closes) {
            close_sent_ = true;
            close_sent_at_ = front_.clock.steady();
        }
    }
}

net::awaitable<void> WebSocketSession::read_messages(std::string early)
{
    std::string_view bytes = early;
    for (;;) {
        std::vector<net::WsEvent> events;
        const auto problem = reader_.feed(bytes, events);
        const bool goes_on = co_await take(std::move(events));
        if (!goes_on) co_return;
        if (problem != 0) {
            end(problem);
            close(problem, {});
            co_return;
        }
        const auto read = co_await stream_.read_some(front_.scratch);
        if (read.problem) co_return;
        last_heard_ = front_.clock.steady();
        bytes = {front_.scratch.data(), read.size};
    }
}

net::awaitable<bool> WebSocketSession::take(std::vector<net::WsEvent> events)
{
    for (auto& event : events) {
        switch (event.kind) {
        case net::WsEvent::Kind::text:
        case net::WsEvent::Kind::binary: {
            if (!handler_.on_message || end_code_ != 0) break;
            auto self = std::static_pointer_cast<WebSocket>(shared_from_this());
            auto message = std::make_shared<WebSocketMessage>(WebSocketMessage{std::move(event.data), event.kind == net::WsEvent::Kind::binary});
            std::function<void()> deliver = [this, self, message] { handler_.on_message(self, std::move(*message)); };
            co_await call(std::move(deliver));
            break;
        }
        case net::WsEvent::Kind::ping: {
            const std::lock_guard lock(mutex_);
            // A peer that pings without reading would fill the queue; it gets one answer less instead.
            if (closing_ == 0 && queue_.size() < options_.queue_messages) {
                queue_.push_back(net::ws_encode(net::WsOpcode::pong, event.data));
                queued_bytes_ += queue_.back().size();
                wake_writer();
            }
            break;
        }
        case net::WsEvent::Kind::pong: break;
        case net::WsEvent::Kind::close:
            close_received_ = true;
            end(event.code);
            close(event.code == close_code::absent ? close_code::normal : event.code, {}); // our half, unless it was sent before
            co_return false;
        }
    }
    co_return true;
}

void WebSocketSession::tick(SteadyTime now)
{
    const auto drop = [&](const char* why) {
        log::debug("websocket dropped", {{"request", id_}, {"remote", remote_.to_text()}, {"reason", why}});
        end(close_code::abnormal);
        stream_.cut();
    };
    if (writing_ && now - write_began_ > options_.write_deadline) return drop("does not read");
    if (close_sent_ && now - close_sent_at_ > close_answer_deadline) return drop("does not close");
    if (in_callback_ || close_sent_) return;
    if (now - last_heard_ > options_.silent_for) return drop("silent");
    if (now - last_ping_ >= options_.ping_every) {
        last_ping_ = now;
        const std::lock_guard lock(mutex_);
        if (closing_ != 0) return;
        queue_.push_back(net::ws_encode(net::WsOpcode::ping, {}));
        queued_bytes_ += queue_.back().size();
        wake_writer();
    }
}

} // namespace sluice::http
