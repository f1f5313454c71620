// One accepted connection: TLS or not, then request after request, or a WebSocket. A few named coroutines on the loop; every wait has
// a deadline that the server's sweeper looks after. The gates of a request, in order: head, limits, body, client, route, worker.
#pragma once

#include "api/http/front.hpp"
#include "api/http/request_head.hpp"
#include "net/stream.hpp"

#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <variant>

namespace sluice::http {

class WebSocketSession;

class Connection : public std::enable_shared_from_this<Connection> {
public:
    Connection(Front& front, net::tcp::socket socket);
    ~Connection();

    static net::awaitable<void> run(std::shared_ptr<Connection> self);

    void sweep(SteadyTime now); // once a second: deadlines, WebSocket pings
    void drain();               // leave when idle; a WebSocket says goodbye
    void cut();                 // leave now
    void give_way();            // leave now, for another; only for one of Front::waiting

    const IpAddress& counted_as() const { return counted_as_; } // for the cap per address; an IPv6 host is its /64
    const IpAddress& peer_address() const { return stream_.peer().address; }

private:
    enum class Phase { opening, idle, head, body, working, writing, websocket, closing };
    // One request on its way to a worker and back. Shared with the worker: whoever finishes last frees it.
    struct Exchange {
        Request request;
        Answering how;
        Rendered rendered;
        std::optional<WebSocketHandler> accepted;
    };
    static constexpr Milliseconds last_words_deadline{5'000};

    net::awaitable<void> converse();
    net::awaitable<bool> open(); // TLS or plain
    net::awaitable<std::optional<RequestHead>> read_head();
    net::awaitable<bool> read_body(const RequestHead& head, std::size_t limit, std::string& body);
    net::awaitable<int> read_body_bytes(const RequestHead& head, std::size_t limit, std::string& body);
    net::awaitable<bool> answer(RequestHead head); // whether the connection goes on
    net::awaitable<bool> answer_with_asset(const Request& request, const Asset& asset, const Answering& how);
    net::awaitable<bool> send(Rendered rendered, bool is_head);
    net::awaitable<bool> send_pieces(Rendered& rendered);
    net::awaitable<bool> upgrade(const std::shared_ptr<Exchange>& exchange, const Router::Match& match, bool http_1_0);
    net::awaitable<void> refuse(int status, std::string_view reason, std::string path = {}); // with the path, when it is known
    Rendered overloaded(const Request& request, const Answering& how);
    net::awaitable<void> linger();
    net::awaitable<bool> write(std::string_view bytes);

    Request make_request(RequestHead& head) const;
    Answering answering(const RequestHead& head, const std::string& request_id) const;
    void enter(Phase phase);
    void leave_waiting();
    void expect_within(Phase phase, Milliseconds span);
    void expect_rate(Phase phase, Milliseconds grace, const std::size_t& progress);
    void expect_nothing(Phase phase);
    bool take_body_bytes(std::size_t count);
    void give_body_bytes_back();

    Front& front_;
    net::Stream stream_;
    const IpAddress counted_as_;
    Phase phase_ = Phase::opening;
    SteadyTime since_{};                    // when the present wait began
    std::optional<Milliseconds> allowed_;   // and how long it may take; absent: no deadline of its own
    const std::size_t* progress_ = nullptr; // bytes that earn more time
    bool expired_ = false;
    std::string input_; // received, not yet used
    HeadScanner scanner_;
    std::size_t served_ = 0;
    std::size_t moved_ = 0;                                      // bytes of the body or response in progress
    std::size_t body_bytes_ = 0;                                 // our share of Front::body_bytes
    bool said_goodbye_ = false;                                  // both ends have said their last word: nothing can be lost by closing at once
    std::optional<std::list<Connection*>::iterator> waiting_at_; // our place in Front::waiting
    std::shared_ptr<WebSocketSession> websocket_;
};

} // namespace sluice::http
