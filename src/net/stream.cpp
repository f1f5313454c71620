#include "net/stream.hpp"

#include <algorithm>
#include <asio/error.hpp>
#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

namespace sluice::net {

namespace {

constexpr unsigned turns_in_a_row = 4;

using NameCall = int (*)(int, sockaddr*, socklen_t*);

Endpoint name_by(NameCall call, int descriptor)
{
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    if (call(descriptor, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return {};
    return Endpoint::from_sockaddr(storage).value_or(Endpoint{});
}

error_code system_error(int problem) { return {problem, std::system_category()}; }

} // namespace

Stream::Stream(tcp::socket socket) : socket_(std::move(socket)), descriptor_(socket_.native_handle()), ssl_(nullptr, &SSL_free)
{
    error_code ignored;
    socket_.non_blocking(true, ignored);
    socket_.set_option(tcp::no_delay(true), ignored);
    ::fcntl(descriptor_, F_SETFD, FD_CLOEXEC);
    peer_ = name_by(&::getpeername, descriptor_);
    local_ = name_by(&::getsockname, descriptor_);
}

Stream::~Stream() = default;

awaitable<error_code> Stream::until(Need need)
{
    if (interrupted_ || cut_) co_return asio::error::operation_aborted;
    turns_ = 0;
    const auto what = need == Need::writable ? tcp::socket::wait_write : tcp::socket::wait_read;
    auto [problem] = co_await socket_.async_wait(what, as_result);
    if (interrupted_ || cut_) co_return asio::error::operation_aborted;
    co_return problem;
}

awaitable<void> Stream::share_loop()
{
    turns_ = 0;
    co_await asio::post(socket_.get_executor(), asio::use_awaitable);
}

awaitable<std::optional<unsigned char>> Stream::first_byte()
{
    for (;;) {
        unsigned char byte = 0;
        const auto got = ::recv(descriptor_, &byte, 1, MSG_PEEK);
        if (got == 1) co_return byte;
        if (got == 0) co_return std::nullopt;
        if (errno == EINTR) continue;
        if (errno != EAGAIN && errno != EWOULDBLOCK) co_return std::nullopt;
        const auto problem = co_await until(Need::readable);
        if (problem) co_return std::nullopt;
    }
}

awaitable<error_code> Stream::handshake(std::shared_ptr<ssl_ctx_st> context)
{
    ssl_.reset(SSL_new(context.get()));
    if (!ssl_ || SSL_set_fd(ssl_.get(), descriptor_) != 1) co_return asio::error::no_memory;
    for (;;) {
        ERR_clear_error();
        const auto attempt = after_ssl(SSL_accept(ssl_.get()));
        if (attempt.problem) co_return attempt.problem;
        if (attempt.need == Need::nothing) break;
        const auto problem = co_await until(attempt.need);
        if (problem) co_return problem;
    }
    handshake_done_ = true;
    co_return error_code{};
}

Stream::Attempt Stream::after_ssl(int result)
{
    if (result > 0) return {Need::nothing, {}, static_cast<std::size_t>(result)};
    const int reason = SSL_get_error(ssl_.get(), result);
    switch (reason) {
    case SSL_ERROR_WANT_READ: return {Need::readable, {}, 0};
    case SSL_ERROR_WANT_WRITE: return {Need::writable, {}, 0};
    case SSL_ERROR_ZERO_RETURN: return {Need::nothing, asio::error::eof, 0};
    case SSL_ERROR_SYSCALL:
        handshake_done_ = false; // after this or SSL_ERROR_SSL no goodbye may be said
        return {Need::nothing, errno == 0 ? error_code{asio::error::eof} : system_error(errno), 0};
    default:
        handshake_done_ = false;
        ERR_clear_error();
        return {Need::nothing, asio::error::connection_aborted, 0};
    }
}

Stream::Attempt Stream::try_read(std::span<char> into)
{
    if (cut_) return {Need::nothing, asio::error::operation_aborted, 0};
    if (ssl_) {
        ERR_clear_error();
        return after_ssl(SSL_read(ssl_.get(), into.data(), static_cast<int>(std::min<std::size_t>(into.size(), INT_MAX))));
    }
    for (;;) {
        const auto got = ::recv(descriptor_, into.data(), into.size(), 0);
        if (got > 0) return {Need::nothing, {}, static_cast<std::size_t>(got)};
        if (got == 0) return {Need::nothing, asio::error::eof, 0};
        if (errno == EINTR) continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK) return {Need::readable, {}, 0};
        return {Need::nothing, system_error(errno), 0};
    }
}

Stream::Attempt Stream::try_write(std::string_view bytes)
{
    if (cut_) return {Need::nothing, asio::error::operation_aborted, 0};
    if (ssl_) {
        ERR_clear_error();
        return after_ssl(SSL_write(ssl_.get(), bytes.data(), static_cast<int>(std::min<std::size_t>(bytes.size(), INT_MAX))));
    }
    for (;;) {
        const auto sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent >= 0) return {Need::nothing, {}, static_cast<std::size_t>(sent)};
        if (errno == EINTR) continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK) return {Need::writable, {}, 0};
        return {Need::nothing, system_error(errno), 0};
    }
}

awaitable<Stream::Read> Stream::read_some(std::span<char> into)
{
    // Before, not after: `into` may be everybody's, and what is in it must be looked at before anybody else runs.
    if (++turns_ >= turns_in_a_row) co_await share_loop();
    for (;;) {
        const auto attempt = try_read(into);
        if (attempt.problem || attempt.need == Need::nothing) co_return Read{attempt.problem, attempt.size};
        const auto problem = co_await until(attempt.need);
        if (problem) co_return Read{problem, 0};
    }
}

Stream::Read Stream::read_now(std::span<char> into)
{
    const auto attempt = try_read(into);
    if (attempt.need != Need::nothing) return {asio::error::would_block, 0};
    return {attempt.problem, attempt.size};
}

awaitable<error_code> Stream::write_all(std::string_view bytes, std::size_t* sent)
{
    while (!bytes.empty()) {
        const auto attempt = try_write(bytes);
        if (attempt.problem) co_return attempt.problem;
        if (attempt.need != Need::nothing) {
            const auto problem = co_await until(attempt.need);
            if (problem) co_return problem;
            continue;
        }
        bytes.remove_prefix(attempt.size);
        if (sent) *sent += attempt.size;
        if (++turns_ >= turns_in_a_row) co_await share_loop();
    }
    co_return error_code{};
}

void Stream::finish()
{
    if (cut_) return;
    if (ssl_ && handshake_done_) {
        ERR_clear_error();
        SSL_shutdown(ssl_.get());
    }
    ::shutdown(descriptor_, SHUT_WR);
}

void Stream::interrupt()
{
    interrupted_ = true;
    error_code ignored;
    socket_.cancel(ignored);
}

void Stream::cut()
{
    if (cut_) return;
    cut_ = true;
    ::shutdown(descriptor_, SHUT_RDWR);
    error_code ignored;
    socket_.cancel(ignored);
}

} // namespace sluice::net
