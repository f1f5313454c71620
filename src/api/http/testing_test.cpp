// The test client and site of testing.hpp; lives in a _test file so that it is never part of the product.
#include "api/http/testing.hpp"

#include "base/text.hpp"
#include "net/tls_context.hpp"

#include <array>
#include <csignal>
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sluice::http::testing {

Client::Client(const Endpoint& server, bool tls) : context_(nullptr, &SSL_CTX_free), ssl_(nullptr, &SSL_free)
{
    sockaddr_storage storage{};
    const auto length = server.to_sockaddr(storage);
    descriptor_ = ::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval limit{std::chrono::seconds{patience}.count(), 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(descriptor_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    REQUIRE(::connect(descriptor_, reinterpret_cast<const sockaddr*>(&storage), length) == 0);
    if (!tls) return;
    context_.reset(SSL_CTX_new(TLS_client_method()));
    ssl_.reset(SSL_new(context_.get()));
    static constexpr std::array<unsigned char, 12> offers{2, 'h', '2', 8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    SSL_set_alpn_protos(ssl_.get(), offers.data(), offers.size());
    SSL_set_fd(ssl_.get(), descriptor_);
    REQUIRE(SSL_connect(ssl_.get()) == 1);
}

Client::~Client()
{
    if (descriptor_ >= 0) ::close(descriptor_);
}

std::string Client::protocol() const
{
    const unsigned char* name = nullptr;
    unsigned length = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &length);
    return {reinterpret_cast<const char*>(name), length};
}

void Client::send(std::string_view bytes)
{
    while (!bytes.empty()) {
        const auto sent = ssl_ ? SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()))
                               : ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return; // the server closed; what it said is what a test looks at
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

void Client::half_close() { ::shutdown(descriptor_, SHUT_WR); }

bool Client::fill()
{
    std::array<char, 16'384> chunk{};
    const auto got = ssl_ ? SSL_read(ssl_.get(), chunk.data(), static_cast<int>(chunk.size())) : ::recv(descriptor_, chunk.data(), chunk.size(), 0);
    if (got <= 0) return false;
    buffer_.append(chunk.data(), static_cast<std::size_t>(got));
    return true;
}

std::string Client::read_until(const std::string& mark)
{
    auto at = buffer_.find(mark);
    while (at == std::string::npos && fill()) at = buffer_.find(mark);
    const auto size = at == std::string::npos ? buffer_.size() : at + mark.size();
    auto text = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return text;
}

std::string Client::read_exactly(std::size_t count)
{
    while (buffer_.size() < count && fill()) {}
    auto text = buffer_.substr(0, count);
    buffer_.erase(0, text.size());
    return text;
}

std::string Client::read_all()
{
    while (fill()) {}
    return std::exchange(buffer_, {});
}

bool Client::at_end() { return buffer_.empty() && !fill(); }

std::string Client::Reply::field(const std::string& name) const
{
    for (const auto line : split(head, '\n')) {
        const auto colon = line.find(':');
        if (colon != std::string_view::npos && equals_ignoring_case(line.substr(0, colon), name)) return std::string{trim(line.substr(colon + 1))};
    }
    return {};
}

Client::Reply Client::reply(bool head_only)
{
    Reply reply;
    reply.head = read_until("\r\n\r\n");
    if (reply.head.size() < 12) return reply;
    reply.status = static_cast<int>(std::strtol(reply.head.c_str() + 9, nullptr, 10));
    if (head_only) return reply;
    if (equals_ignoring_case(reply.field("transfer-encoding"), "chunked")) {
        for (;;) {
            const auto size = std::strtoul(read_until("\r\n").c_str(), nullptr, 16);
            reply.body += read_exactly(size);
            if (read_exactly(2) != "\r\n" || size == 0) return reply;
        }
    }
    const auto length = reply.field("content-length");
    if (!length.empty()) reply.body = read_exactly(std::strtoul(length.c_str(), nullptr, 10));
    return reply;
}

Site::Site()
{
    std::signal(SIGPIPE, SIG_IGN); // main does this in the product
    options.listen = {{*IpAddress::parse("127.0.0.1"), 0}};
    options.clock = &clock;
    options.limits.sweep_every = Milliseconds{5};
}

void Site::start(std::span<const Asset> assets)
{
    if (with_tls) {
        char name[] = "/tmp/sluice-site-XXXXXX";
        folder = ::mkdtemp(name);
        tls = *net::TlsContext::open(folder, clock);
    }
    workers = std::make_unique<WorkerPool>("workers", worker_threads, worker_queue);
    server = std::make_unique<Server>(options, router, *workers, tls, assets);
    REQUIRE(server->listen());
    address_ = server->endpoints().front();
    server->start();
}

Site::~Site()
{
    if (server) server->stop();
    if (workers) workers->stop();
    server.reset();
    if (!folder.empty()) std::filesystem::remove_all(folder);
}

Client::Reply Site::get(const std::string& path, const std::string& fields)
{
    Client client(address_);
    client.send("GET " + path + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + fields + "\r\n");
    return client.reply();
}

} // namespace sluice::http::testing
