#include "api/http/connection.hpp"

#include "api/http/chunked.hpp"
#include "api/http/trusted_proxies.hpp"
#include "api/http/websocket_session.hpp"
#include "base/log.hpp"
#include "net/tls_context.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>

namespace sluice::http {

namespace {

constexpr unsigned char tls_handshake_record = 0x16;
constexpr Milliseconds linger_deadline{2'000};
constexpr std::size_t linger_bytes = std::size_t{8} * 1024 * 1024; // of a refused upload that is on its way
constexpr std::size_t write_together = std::size_t{16} * 1024;     // a page file up to here travels with its head

void log_request(const Request& request, int status, SteadyTime::duration took)
{
    if (!log::enabled(log::Level::debug)) return;
    log::debug("request", {{"request", request.id},
                           {"remote", request.remote.address.to_text()},
                           {"method", request.method},
                           {"path", request.path},
                           {"status", status},
                           {"ms", std::chrono::duration_cast<Milliseconds>(took).count()}});
}

} // namespace

Connection::Connection(Front& front, net::tcp::socket socket)
    : front_(front), stream_(std::move(socket)), counted_as_(counting_unit(stream_.peer().address)), since_(front.clock.steady())
{
}

Connection::~Connection() { leave_waiting(); }

net::awaitable<void> Connection::run(std::shared_ptr<Connection> self)
{
    try {
        co_await self->converse();
    } catch (const std::exception& problem) {
        log::error("connection failed", {{"remote", self->stream_.peer().to_text()}, {"problem", problem.what()}});
    }
    self->give_body_bytes_back();
    self->stream_.finish();
    self->stream_.cut();
    self->leave_waiting();
    self->front_.forget(*self);
}

// --- deadlines -----------------------------------------------------------------------------------------------------------------

// Keeps the list of those whose end would cost nobody an answer.
void Connection::enter(Phase phase)
{
    phase_ = phase;
    const bool waits = phase == Phase::opening || phase == Phase::idle || phase == Phase::head;
    if (!waits) return leave_waiting();
    if (!waiting_at_) waiting_at_ = front_.waiting.insert(front_.waiting.end(), this);
}

void Connection::leave_waiting()
{
    if (!waiting_at_) return;
    front_.waiting.erase(*waiting_at_);
    waiting_at_.reset();
}

void Connection::expect_within(Phase phase, Milliseconds span)
{
    enter(phase);
    since_ = front_.clock.steady();
    allowed_ = span;
    progress_ = nullptr;
}

void Connection::expect_rate(Phase phase, Milliseconds grace, const std::size_t& progress)
{
    expect_within(phase, grace);
    progress_ = &progress;
}

void Connection::expect_nothing(Phase phase)
{
    enter(phase);
    allowed_.reset();
}

void Connection::sweep(SteadyTime now)
{
    if (phase_ == Phase::websocket && websocket_) return websocket_->tick(now);
    if (!allowed_ || expired_) return;
    auto allowed = *allowed_;
    if (progress_)
        allowed += Milliseconds{static_cast<std::int64_t>(*progress_ * 1000 / std::max<std::size_t>(front_.options.limits.minimum_rate, 1))};
    if (now - since_ <= allowed) return;
    expired_ = true;
    if (phase_ != Phase::idle) ++front_.timed_out;
    stream_.interrupt();
}

void Connection::drain()
{
    if (phase_ == Phase::websocket && websocket_) return websocket_->close(close_code::going_away, "shutting down");
    if (phase_ == Phase::idle || phase_ == Phase::opening) stream_.cut();
}

void Connection::cut() { stream_.cut(); }

void Connection::give_way()
{
    leave_waiting();
    stream_.cut();
}

// --- the conversation ------------------------------------------------------------------------------------------------------------

net::awaitable<void> Connection::converse()
{
    const bool opened = co_await open();
    if (!opened) co_return;
    bool goes_on = true;
    while (goes_on) {
        auto head = co_await read_head();
        if (!head) co_return;
        ++served_;
        ++front_.requests;
        goes_on = co_await answer(std::move(*head));
        give_body_bytes_back();
        if (!input_.empty()) co_await stream_.share_loop(); // pipelined requests must not keep the loop for themselves
    }
    co_await linger();
}

net::awaitable<bool> Connection::open()
{
    expect_within(Phase::opening, front_.options.limits.head_deadline);
    const auto first = co_await stream_.first_byte();
    if (!first) co_return false;
    if (*first != tls_handshake_record) co_return true;
    if (!front_.tls) co_return false;
    enter(Phase::head); // somebody is talking: draining lets it finish
    const auto problem = co_await stream_.handshake(front_.tls->current());
    if (problem) log::debug("TLS handshake failed", {{"remote", stream_.peer().to_text()}, {"problem", problem.message()}});
    co_return !problem;
}

net::awaitable<std::optional<RequestHead>> Connection::read_head()
{
    const auto& limits = front_.options.limits;
    scanner_.reset();
    if (input_.empty()) input_.shrink_to_fit();
    if (served_ == 0 || !input_.empty()) {
        if (served_ != 0) expect_within(Phase::head, limits.head_deadline); // else the time since accept counts
        if (!input_.empty()) enter(Phase::head);
    } else {
        expect_within(Phase::idle, limits.idle_deadline);
        if (front_.draining) co_return std::nullopt;
    }
    for (;;) {
        const auto progress = scanner_.scan(input_);
        if (progress.refuse != 0) {
            co_await refuse(progress.refuse, "request head");
            co_return std::nullopt;
        }
        if (progress.head_size != 0) {
            auto outcome = parse_head(std::string_view{input_}.substr(0, progress.head_size));
            input_.erase(0, progress.head_size);
            if (outcome.head) co_return std::move(outcome.head);
            co_await refuse(outcome.refuse, outcome.reason);
            co_return std::nullopt;
        }
        const auto read = co_await stream_.read_some(front_.scratch);
        if (read.problem) {
            const bool late = expired_ && phase_ == Phase::head && !input_.empty();
            if (late) co_await refuse(408, "request head");
            co_return std::nullopt;
        }
        if (phase_ == Phase::idle) expect_within(Phase::head, limits.head_deadline);
        enter(Phase::head);
        input_.append(front_.scratch.data(), read.size);
    }
}

bool Connection::take_body_bytes(std::size_t count)
{
    if (front_.body_bytes + count > front_.options.limits.body_memory) return false;
    front_.body_bytes += count;
    body_bytes_ += count;
    return true;
}

void Connection::give_body_bytes_back()
{
    front_.body_bytes -= body_bytes_;
    body_bytes_ = 0;
}

// Whether the body is complete; if not, the refusal has been sent.
net::awaitable<bool> Connection::read_body(const RequestHead& head, std::size_t limit, std::string& body)
{
    if (head.body == RequestHead::BodyKind::none) co_return true;
    if (head.body == RequestHead::BodyKind::sized && head.content_length > limit) {
        co_await refuse(413, "body", head.path);
        co_return false;
    }
    if (head.expects_continue && input_.empty()) {
        expect_within(Phase::writing, last_words_deadline);
        const bool told = co_await write("HTTP/1.1 100 Continue\r\n\r\n");
        if (!told) co_return false;
    }
    moved_ = 0;
    expect_rate(Phase::body, front_.options.limits.body_grace, moved_);
    const int refusal = co_await read_body_bytes(head, limit, body);
    progress_ = nullptr;
    if (refusal > 0) co_await refuse(refusal, "body", head.path);
    co_return refusal == 0;
}

// 0: complete; a status: to be refused with; -1: the peer has gone.
net::awaitable<int> Connection::read_body_bytes(const RequestHead& head, std::size_t limit, std::string& body)
{
    const bool chunked = head.body == RequestHead::BodyKind::chunked;
    ChunkedDecoder decoder(limit);
    const auto wanted = static_cast<std::size_t>(head.content_length);
    for (;;) {
        const auto before = body.size();
        if (chunked) {
            const auto progress = decoder.feed(input_, body);
            input_.erase(0, progress.consumed);
            if (progress.refuse != 0) co_return progress.refuse;
            if (!take_body_bytes(body.size() - before)) co_return 503;
            if (progress.done) co_return 0;
        } else {
            const auto piece = std::min(input_.size(), wanted - body.size());
            body.append(input_, 0, piece);
            input_.erase(0, piece);
            if (!take_body_bytes(piece)) co_return 503;
            if (body.size() == wanted) co_return 0;
        }
        const auto read = co_await stream_.read_some(front_.scratch);
        if (read.problem) co_return expired_ ? 408 : -1;
        moved_ += read.size;
        input_.append(front_.scratch.data(), read.size);
    }
}

Request Connection::make_request(RequestHead& head) const
{
    Request request;
    request.method = std::move(head.method);
    request.path = std::move(head.path);
    request.target = std::move(head.target);
    request.raw_query = std::move(head.raw_query);
    request.headers = std::move(head.headers);
    request.host = std::move(head.host);
    request.peer = stream_.peer();
    request.local = stream_.local();
    const auto client = resolve_client(request.peer, stream_.secure(), request.headers, front_.trusted);
    request.remote = client.remote;
    request.secure = client.secure;
    request.id = front_.request_prefix + std::to_string(front_.next_request++);
    return request;
}

Answering Connection::answering(const RequestHead& head, const std::string& request_id) const
{
    Answering how;
    how.keep_alive = head.keep_alive && !front_.draining && served_ < front_.options.limits.requests_per_connection;
    how.http_1_0 = head.http_1_0;
    how.around = {front_.date, request_id, front_.hsts && stream_.secure(), false};
    return how;
}

net::awaitable<bool> Connection::answer(RequestHead head)
{
    const auto began = front_.clock.steady();
    const auto match = front_.router.find(head.method, head.path);
    auto exchange = std::make_shared<Exchange>();
    const bool complete = co_await read_body(head, match.options.body_limit, exchange->request.body);
    if (!complete) co_return false;
    const bool http_1_0 = head.http_1_0;
    auto body = std::move(exchange->request.body);
    exchange->how = answering(head, {});
    exchange->request = make_request(head);
    exchange->request.body = std::move(body);
    exchange->how.ranges = match.options.ranges;
    exchange->how.around.request_id = exchange->request.id;
    auto& request = exchange->request;
    const bool is_head = request.method == "HEAD";

    if (match.accept) {
        const bool goes_on = co_await upgrade(exchange, match, http_1_0);
        co_return goes_on;
    }
    const bool readable = request.method == "GET" || is_head;
    if (readable && (!match.handler || match.is_fallback)) {
        const auto* asset = find_asset(front_.assets, request.path == "/" ? std::string_view{"/index.html"} : std::string_view{request.path});
        if (!asset && !match.handler && match.allow.empty() && wants_page(request)) asset = find_asset(front_.assets, "/index.html");
        if (asset) {
            const bool goes_on = co_await answer_with_asset(request, *asset, exchange->how);
            co_return goes_on;
        }
    }

    expect_nothing(Phase::working);
    std::function<void()> work = [exchange, &front = front_] { exchange->rendered = front.adapter.run(exchange->request, exchange->how); };
    if (match.options.instant) {
        work();
    } else {
        const bool taken = co_await on_worker(stream_.executor(), front_.workers, std::move(work));
        if (!taken) exchange->rendered = overloaded(request, exchange->how);
    }
    const int status = exchange->rendered.status;
    const bool goes_on = co_await send(std::move(exchange->rendered), is_head);
    log_request(request, status, front_.clock.steady() - began);
    co_return goes_on;
}

net::awaitable<bool> Connection::answer_with_asset(const Request& request, const Asset& asset, const Answering& how)
{
    const auto began = front_.clock.steady();
    auto reply = serve_asset(asset, request);
    auto around = how.around;
    around.page = true;
    around.page_origin = front_.page_origin;
    if (!how.keep_alive) {
        reply.headers.set("Connection", "close");
    } else if (how.http_1_0) {
        reply.headers.set("Connection", "keep-alive");
    }
    add_standard_headers(reply.headers, around);
    auto head = render_head(reply.status, reply.headers);
    auto body = reply.body;
    if (body.size() <= write_together) {
        head += body;
        body = {};
    }
    moved_ = 0;
    expect_rate(Phase::writing, front_.options.limits.write_grace, moved_);
    bool sent = co_await write(head);
    if (sent && !body.empty()) sent = co_await write(body);
    progress_ = nullptr;
    log_request(request, reply.status, front_.clock.steady() - began);
    co_return (sent && how.keep_alive);
}

Rendered Connection::overloaded(const Request& request, const Answering& how)
{
    ++front_.overloaded;
    auto response = Response::plain_status(503).with("Retry-After", "1");
    front_.router.finish(request, response);
    return render(request, std::move(response), how);
}

// --- sending -------------------------------------------------------------------------------------------------------------------

net::awaitable<bool> Connection::write(std::string_view bytes)
{
    const auto problem = co_await stream_.write_all(bytes, &moved_);
    co_return !problem;
}

net::awaitable<bool> Connection::send(Rendered rendered, bool is_head)
{
    moved_ = 0;
    expect_rate(Phase::writing, front_.options.limits.write_grace, moved_);
    bool sent = co_await write(rendered.bytes);
    std::string{}.swap(rendered.bytes);
    if (sent && rendered.producer && !is_head) sent = co_await send_pieces(rendered);
    progress_ = nullptr;
    co_return sent && !rendered.close;
}

net::awaitable<bool> Connection::send_pieces(Rendered& rendered)
{
    struct Piece {
        Producer producer;
        std::string bytes;
        bool failed = true;
    };
    auto piece = std::make_shared<Piece>();
    piece->producer = std::move(rendered.producer);
    for (;;) {
        expect_nothing(Phase::working);
        piece->failed = true;
        std::function<void()> work = [piece] {
            piece->bytes = piece->producer();
            piece->failed = false;
        };
        const bool ran = co_await on_worker(stream_.executor(), front_.workers, std::move(work), true);
        if (!ran || piece->failed) co_return false; // cut short: the client sees that something is missing
        const bool last = piece->bytes.empty();
        std::string frame;
        if (rendered.chunked) {
            std::array<char, 24> size{};
            std::snprintf(size.data(), size.size(), "%zx\r\n", piece->bytes.size());
            frame = size.data() + piece->bytes + "\r\n";
        } else {
            frame = std::move(piece->bytes);
        }
        moved_ = 0;
        expect_rate(Phase::writing, front_.options.limits.write_grace, moved_);
        const bool sent = co_await write(frame);
        if (!sent) co_return false;
        if (last) co_return true;
    }
}

net::awaitable<void> Connection::refuse(int status, std::string_view reason, std::string path)
{
    ++front_.bad_requests;
    log::debug("request refused", {{"remote", stream_.peer().to_text()}, {"status", status}, {"reason", reason}});
    Request nobody;
    Answering how;
    how.keep_alive = false;
    how.around.date = front_.date;
    auto response = Response::plain_status(status);
    response.body += reason;
    response.body += '\n';
    if (status == 503) response.headers.set("Retry-After", "1");
    nobody.path = std::move(path);
    front_.router.finish(nobody, response);
    const auto rendered = render(nobody, std::move(response), how);
    expired_ = false;
    stream_.resume();
    expect_within(Phase::writing, last_words_deadline);
    const bool sent = co_await write(rendered.bytes);
    if (sent) co_await linger();
}

// Closing a socket with unread bytes sends a reset, which can destroy the answer on its way. So: say goodbye, and read a little more.
net::awaitable<void> Connection::linger()
{
    stream_.finish();
    if (said_goodbye_) co_return;
    expect_within(Phase::closing, linger_deadline);
    std::size_t dropped = 0;
    while (dropped < linger_bytes) {
        const auto read = co_await stream_.read_some(front_.scratch);
        if (read.problem) co_return;
        dropped += read.size;
    }
}

} // namespace sluice::http
