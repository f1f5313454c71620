// The part of a connection that turns a request into a WebSocket (RFC 6455 section 4.2).
#include "api/http/connection.hpp"
#include "api/http/websocket_session.hpp"
#include "base/log.hpp"

#include <exception>

namespace sluice::http {

net::awaitable<bool> Connection::upgrade(const std::shared_ptr<Exchange>& exchange, const Router::Match& match, bool http_1_0)
{
    auto& request = exchange->request;
    expect_nothing(Phase::working);
    std::function<void()> decide = [exchange, accept = match.accept] {
        std::variant<Response, WebSocketHandler> decision = Response::plain_status(500);
        try {
            auto query = parse_fields(exchange->request.raw_query);
            if (query) exchange->request.query = std::move(*query);
            decision = query ? (*accept)(exchange->request) : Response::plain_status(400);
        } catch (const std::exception& problem) {
            log::error("request failed", {{"request", exchange->request.id}, {"path", exchange->request.path}, {"problem", problem.what()}});
        }
        if (auto* handler = std::get_if<WebSocketHandler>(&decision)) {
            exchange->accepted = std::move(*handler);
        } else {
            exchange->rendered = render(exchange->request, std::move(std::get<Response>(decision)), exchange->how);
        }
    };
    const bool taken = co_await on_worker(stream_.executor(), front_.workers, std::move(decide));
    if (!taken) exchange->rendered = overloaded(request, exchange->how);
    const auto key = net::ws_accept_key(request.header("sec-websocket-key"));
    if (exchange->accepted) {
        const bool asked =
            !http_1_0 && request.method == "GET" && request.headers.lists("upgrade", "websocket") && request.headers.lists("connection", "upgrade");
        const bool version = request.header("sec-websocket-version") == "13";
        auto refusal = Response::plain_status(asked && !version ? 426 : 400);
        if (asked && !version) refusal.headers.set("Sec-WebSocket-Version", "13");
        if (!asked || !version || key.empty() || request.headers.count("sec-websocket-key") != 1) {
            exchange->rendered = render(request, std::move(refusal), exchange->how);
            exchange->accepted.reset();
        } else if (front_.draining) {
            exchange->rendered = render(request, Response::plain_status(503).with("Retry-After", "1"), exchange->how);
            exchange->accepted.reset();
        }
    }
    if (!exchange->accepted) {
        const bool goes_on = co_await send(std::move(exchange->rendered), request.method == "HEAD");
        co_return goes_on;
    }

    Headers headers;
    headers.add("Upgrade", "websocket");
    headers.add("Connection", "Upgrade");
    headers.add("Sec-WebSocket-Accept", key);
    if (!exchange->accepted->subprotocol.empty()) headers.add("Sec-WebSocket-Protocol", exchange->accepted->subprotocol);
    headers.add("Date", front_.date);
    headers.add("X-Request-Id", request.id);
    expect_within(Phase::writing, last_words_deadline);
    const auto head = render_head(101, headers);
    const bool sent = co_await write(head);
    if (!sent) co_return false;
    log::debug("websocket opened", {{"request", request.id}, {"remote", request.remote.address.to_text()}, {"path", request.path}});
    expect_nothing(Phase::websocket);
    websocket_ =
        std::make_shared<WebSocketSession>(front_, stream_, std::move(*exchange->accepted), *match.websocket_options, request.remote, request.id);
    if (front_.draining) websocket_->close(close_code::going_away, "shutting down");
    auto early = std::move(input_);
    input_ = {};
    said_goodbye_ = co_await websocket_->run(std::move(early));
    websocket_.reset();
    stream_.resume();
    co_return false;
}

} // namespace sluice::http
