#include "net/ws_client.hpp"

#include "base/random.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sluice::net {

namespace {

constexpr std::size_t message_limit = std::size_t{256} * 1024;
constexpr std::size_t head_limit = std::size_t{16} * 1024;
constexpr std::size_t frame_size = std::size_t{48} * 1024;

Error unreachable(std::string why) { return make_error(Errc::unavailable, "panel", why, {why}); }

std::array<std::uint8_t, 4> fresh_mask()
{
    std::array<std::uint8_t, 4> mask{};
    fill_random(mask);
    return mask;
}

// One context for all: it holds nothing but "TLS 1.2 and later, whoever it is".
SSL_CTX* client_context()
{
    static const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context = [] {
        std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> made(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
        SSL_CTX_set_min_proto_version(made.get(), TLS1_2_VERSION);
        SSL_CTX_set_verify(made.get(), SSL_VERIFY_NONE, nullptr);
        SSL_CTX_set_mode(made.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        static constexpr std::array<unsigned char, 9> http{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
        SSL_CTX_set_alpn_protos(made.get(), http.data(), http.size());
        return made;
    }();
    return context.get();
}

// The value of a header field; empty when absent.
std::string_view field_of(std::string_view head, std::string_view name)
{
    for (const auto line : split(head, '\n')) {
        const auto colon = line.find(':');
        if (colon != std::string_view::npos && equals_ignoring_case(trim(line.substr(0, colon)), name)) return trim(line.substr(colon + 1));
    }
    return {};
}

} // namespace

Result<WebUrl> WebUrl::parse(std::string_view text)
{
    const auto bad = [&](std::string why) {
        auto words = "'" + std::string{text.substr(0, 200)} + "' " + why;
        return make_error(Errc::invalid, "url", words, {words});
    };
    WebUrl url;
    auto rest = text;
    if (to_lower(rest.substr(0, 8)) == "https://") {
        rest.remove_prefix(8);
    } else if (to_lower(rest.substr(0, 7)) == "http://") {
        rest.remove_prefix(7);
        url.tls = false;
    } else {
        return bad("does not begin with https:// or http://");
    }
    const auto slash = rest.find('/');
    auto path = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash);
    while (!path.empty() && path.back() == '/') path.remove_suffix(1);
    for (const char c : path) {
        if (c <= ' ' || c > '~' || c == '?' || c == '#' || c == '\\') return bad("has a path that is not plain");
    }
    url.path = path;
    const auto authority = rest.substr(0, slash);
    const std::string port = url.tls ? ":443" : ":80";
    const bool lone = IpAddress::parse(authority) || is_host_name(authority);
    const bool bracketed = !authority.empty() && authority.back() == ']';
    auto where = HostPort::parse(lone && !bracketed && authority.find(':') != std::string_view::npos ? "[" + std::string{authority} + "]" + port
                                 : lone                                                              ? std::string{authority} + port
                                                                                                     : std::string{authority});
    if (!where) return bad("has no host, or a host or port that is none");
    url.where = std::move(*where);
    return url;
}

std::string WebUrl::to_text() const { return (tls ? "https://" : "http://") + where.to_text() + path; }

WsClient::WsClient(int socket) : socket_(socket), ssl_(nullptr, &SSL_free), reader_(WsRole::client, message_limit) {}

WsClient::~WsClient()
{
    if (ssl_ && !ended_) SSL_shutdown(ssl_.get());
    ERR_clear_error();
    ::close(socket_);
}

Result<std::unique_ptr<WsClient>> WsClient::open(const Endpoint& address, const WebUrl& url, std::string_view resource, SteadyTime deadline, int wake)
{
    const int socket = ::socket(address.address.is_v6() ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (socket < 0) return unreachable(std::string{"socket: "} + std::strerror(errno));
    std::unique_ptr<WsClient> client(new WsClient(socket));
    if (auto connected = client->connect(address, deadline, wake); !connected) return connected.error();
    if (url.tls) {
        if (auto secured = client->start_tls(url, deadline, wake); !secured) return secured.error();
    }
    if (auto upgraded = client->upgrade(url, resource, deadline, wake); !upgraded) return upgraded.error();
    return client;
}

Result<void> WsClient::poll(short events, SteadyTime deadline, int wake)
{
    for (;;) {
        const auto left = std::chrono::ceil<Milliseconds>(deadline - std::chrono::steady_clock::now()).count();
        if (left <= 0) return make_error(Errc::timeout, "panel", "no answer in time", {"no answer in time"});
        std::array<pollfd, 2> fds{pollfd{socket_, events, 0}, pollfd{wake, POLLIN, 0}};
        const int ready = ::poll(fds.data(), fds.size(), static_cast<int>(std::min<std::int64_t>(left, 60'000)));
        if (ready < 0 && errno != EINTR) return unreachable(std::string{"poll: "} + std::strerror(errno));
        if (ready <= 0) continue;
        if (fds[1].revents != 0) return make_error(Errc::conflict, "woken");
        return {};
    }
}

Result<void> WsClient::connect(const Endpoint& address, SteadyTime deadline, int wake)
{
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_storage storage{};
    const auto length = address.to_sockaddr(storage);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&storage), length) != 0) {
        if (errno != EINPROGRESS) return unreachable(address.to_text() + ": " + std::strerror(errno));
        if (auto ready = poll(POLLOUT, deadline, wake); !ready) return ready;
        int problem = 0;
        socklen_t size = sizeof problem;
        ::getsockopt(socket_, SOL_SOCKET, SO_ERROR, &problem, &size);
        if (problem != 0) return unreachable(address.to_text() + ": " + std::strerror(problem));
    }
    return {};
}

Result<void> WsClient::start_tls(const WebUrl& url, SteadyTime deadline, int wake)
{
    ssl_.reset(SSL_new(client_context()));
    if (!ssl_ || SSL_set_fd(ssl_.get(), socket_) != 1) return unreachable("no memory for TLS");
    if (!IpAddress::parse(url.where.host)) SSL_set_tlsext_host_name(ssl_.get(), url.where.host.c_str());
    for (;;) {
        ERR_clear_error();
        const int done = SSL_connect(ssl_.get());
        if (done == 1) return {};
        const int reason = SSL_get_error(ssl_.get(), done);
        if (reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_WANT_WRITE) {
            ERR_clear_error();
            ended_ = true; // no goodbye may be said
            return unreachable("TLS handshake failed");
        }
        if (auto ready = poll(reason == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline, wake); !ready) return ready;
    }
}

Result<void> WsClient::upgrade(const WebUrl& url, std::string_view resource, SteadyTime deadline, int wake)
{
    const auto key = to_base64(random_bytes(16));
    const bool usual_port = url.where.port == (url.tls ? 443 : 80);
    const auto with_port = url.where.to_text();
    output_ = "GET " + url.path + std::string{resource} +
              " HTTP/1.1\r\nHost: " + (usual_port ? with_port.substr(0, with_port.rfind(':')) : with_port) +
              "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key +
              "\r\nUser-Agent: sluice/" SLUICE_VERSION "\r\n\r\n";
    std::string answer;
    std::size_t end = std::string::npos;
    while (end == std::string::npos) {
        if (write_some() == Moved::ended) return unreachable(why_);
        const auto moved = read_some(answer);
        end = answer.find("\r\n\r\n");
        if (end != std::string::npos) break;
        if (moved == Moved::ended) return unreachable(why_);
        if (answer.size() > head_limit) return unreachable("an answer without an end");
        if (moved == Moved::something) continue;
        const auto events = static_cast<short>(POLLIN | (output_.empty() && !tls_wants_write_ ? 0 : POLLOUT));
        if (auto ready = poll(events, deadline, wake); !ready) return ready;
    }
    const std::string_view head = std::string_view{answer}.substr(0, end);
    const auto status = trim(head.substr(0, head.find('\n')));
    const auto code = split(status, ' ').size() > 1 ? split(status, ' ')[1] : std::string_view{};
    if (code != "101") {
        const auto elsewhere = field_of(head, "Location");
        return unreachable("answered '" + std::string{status.substr(0, 60)} + "'" +
                           (elsewhere.empty() ? "" : ", for " + std::string{elsewhere.substr(0, 200)}));
    }
    if (field_of(head, "Sec-WebSocket-Accept") != ws_accept_key(key)) return unreachable("is no WebSocket server");
    if (!take(std::string_view{answer}.substr(end + 4))) return unreachable(why_);
    return {};
}

WsClient::Moved WsClient::after_ssl(int result)
{
    const int reason = SSL_get_error(ssl_.get(), result);
    if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE) return Moved::nothing;
    const int problem = errno;
    ERR_clear_error();
    ended_ = true;
    why_ = reason == SSL_ERROR_ZERO_RETURN ? "closed" : reason == SSL_ERROR_SYSCALL && problem != 0 ? std::strerror(problem) : "TLS failed";
    return Moved::ended;
}

WsClient::Moved WsClient::read_some(std::string& into)
{
    std::array<char, 16 * 1024> buffer{};
    if (ssl_) {
        ERR_clear_error();
        errno = 0;
        tls_wants_write_ = false;
        const int got = SSL_read(ssl_.get(), buffer.data(), static_cast<int>(buffer.size()));
        if (got <= 0) {
            tls_wants_write_ = SSL_want_write(ssl_.get());
            return after_ssl(got);
        }
        into.append(buffer.data(), static_cast<std::size_t>(got));
        return Moved::something;
    }
    const auto got = ::recv(socket_, buffer.data(), buffer.size(), 0);
    if (got > 0) {
        into.append(buffer.data(), static_cast<std::size_t>(got));
        return Moved::something;
    }
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return Moved::nothing;
    ended_ = true;
    why_ = got == 0 ? "closed" : std::strerror(errno);
    return Moved::ended;
}

WsClient::Moved WsClient::write_some()
{
    auto moved = Moved::nothing;
    while (!output_.empty()) {
        std::int64_t sent = 0;
        if (ssl_) {
            ERR_clear_error();
            errno = 0;
            tls_wants_read_ = false;
            sent = SSL_write(ssl_.get(), output_.data(), static_cast<int>(std::min<std::size_t>(output_.size(), INT_MAX)));
            if (sent <= 0) {
                tls_wants_read_ = SSL_want_read(ssl_.get());
                const auto after = after_ssl(static_cast<int>(sent));
                return after == Moved::ended ? after : moved;
            }
        } else {
            sent = ::send(socket_, output_.data(), output_.size(), MSG_NOSIGNAL);
            if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return moved;
            if (sent < 0) {
                ended_ = true;
                why_ = std::strerror(errno);
                return Moved::ended;
            }
        }
        output_.erase(0, static_cast<std::size_t>(sent));
        moved = Moved::something;
    }
    return moved;
}

bool WsClient::end(std::string why)
{
    if (!ended_) why_ = std::move(why);
    ended_ = true;
    return false;
}

// Frames from the server: its messages are one stream of bytes to us.
bool WsClient::take(std::string_view bytes)
{
    std::vector<WsEvent> events;
    const auto problem = reader_.feed(bytes, events);
    for (auto& event : events) {
        switch (event.kind) {
        case WsEvent::Kind::binary: received_ += event.data; break;
        case WsEvent::Kind::text: return end("a text message");
        case WsEvent::Kind::ping: output_ += ws_encode(WsOpcode::pong, event.data, fresh_mask()); break;
        case WsEvent::Kind::pong: break;
        case WsEvent::Kind::close: return end("closed with code " + std::to_string(event.code) + (event.data.empty() ? "" : ": " + event.data));
        }
    }
    return problem == 0 || end("broke the WebSocket protocol");
}

void WsClient::send(std::string_view bytes)
{
    while (!bytes.empty()) {
        const auto piece = bytes.substr(0, frame_size);
        output_ += ws_encode(WsOpcode::binary, piece, fresh_mask());
        bytes.remove_prefix(piece.size());
    }
}

bool WsClient::wait(SteadyTime until, int wake)
{
    if (ended_) return false;
    if (write_some() == Moved::ended) return false;
    std::string bytes;
    auto moved = read_some(bytes); // TLS may hold bytes that poll() does not see
    if (moved == Moved::nothing) {
        const auto want = static_cast<short>(POLLIN | ((!output_.empty() && !tls_wants_read_) || tls_wants_write_ ? POLLOUT : 0));
        const auto ready = poll(want, until, wake);
        if (!ready && ready.error().code == Errc::unavailable) return end(ready.error().detail);
        if (ready) moved = read_some(bytes);
    }
    if (!bytes.empty() && !take(bytes)) return !received_.empty(); // what came before the end is still worth reading
    if (moved == Moved::ended) return !received_.empty();
    return write_some() != Moved::ended;
}

} // namespace sluice::net
