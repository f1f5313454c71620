#include "tunnel/socket_pipe.hpp"

#include <cerrno>
#include <sys/socket.h>

namespace sluice::tunnel {

namespace {

bool would_block(int problem) { return problem == EAGAIN || problem == EWOULDBLOCK; }

} // namespace

SocketPipe::SocketPipe(asio::io_context& io, const Clock& clock, TunnelId through, const plan::Forward& plan, OnOver on_over)
    : LiveStream(through, plan.id), io_(io), clock_(clock), socket_(io), moved_(clock.steady()), plan_(plan), on_over_(std::move(on_over))
{
}

SocketPipe::~SocketPipe() = default;

void SocketPipe::use(forward::Descriptor socket)
{
    socket_.assign(socket.release());
    moved_ = clock_.steady();
}

StreamEnd::Taken SocketPipe::take(std::span<char> into)
{
    if (over_ || socket_ended_ || !socket_.is_open() || !may_read() || over_) return {};
    for (;;) {
        const auto got = ::recv(socket_.native_handle(), into.data(), into.size(), MSG_DONTWAIT);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && would_block(errno)) {
            wait_readable();
            return {};
        }
        if (got < 0) {
            cut(Reason::aborted);
            return {};
        }
        moved_ = clock_.steady();
        if (got == 0) {
            socket_ended_ = true;
            return {0, true};
        }
        const auto size = static_cast<std::size_t>(got);
        took(size);
        if (size < into.size()) wait_readable();
        return {size, false};
    }
}

void SocketPipe::wait_readable()
{
    if (reading_ || over_ || socket_ended_) return;
    reading_ = true;
    socket_.async_wait(asio::posix::stream_descriptor::wait_read, [this, self = shared_from_this()](const error_code& problem) {
        reading_ = false;
        if (over_ || problem || line_ == nullptr || stream_gone_) return;
        line_->ready();
    });
}

void SocketPipe::wait_writable()
{
    if (writing_ || over_) return;
    writing_ = true;
    socket_.async_wait(asio::posix::stream_descriptor::wait_write, [this, self = shared_from_this()](const error_code& problem) {
        writing_ = false;
        if (!over_ && !problem) drain();
    });
}

ssize_t SocketPipe::send_some(std::span<const char> bytes)
{
    return ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void SocketPipe::on_data(std::span<const char> bytes)
{
    if (over_) return;
    std::size_t sent = 0;
    const auto allowed = kept_.empty() && socket_.is_open() ? may_send(bytes.size()) : 0;
    if (allowed > 0) {
        const auto wrote = send_some(bytes.first(allowed));
        if (wrote < 0 && !would_block(errno) && errno != EINTR) return cut(Reason::aborted);
        if (wrote > 0) {
            sent = static_cast<std::size_t>(wrote);
            moved_ = clock_.steady();
            line_->consumed(sent);
        }
    }
    if (sent == bytes.size()) return;
    kept_.push(bytes.subspan(sent));
    if (socket_.is_open()) wait_writable();
}

void SocketPipe::drain()
{
    while (!kept_.empty()) {
        const auto front = kept_.front();
        const auto allowed = may_send(front.size());
        if (allowed == 0) return;
        const auto wrote = send_some(front.first(allowed));
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0 && would_block(errno)) return wait_writable();
        if (wrote < 0) return cut(Reason::aborted);
        const auto sent = static_cast<std::size_t>(wrote);
        kept_.pop(sent);
        moved_ = clock_.steady();
        if (line_ != nullptr && !stream_gone_) line_->consumed(sent);
    }
    if (line_ended_ && !shut_) {
        shut_ = true;
        ::shutdown(socket_.native_handle(), SHUT_WR);
    }
    if (stream_gone_) over(false);
}

void SocketPipe::on_finish()
{
    line_ended_ = true;
    moved_ = clock_.steady();
    if (socket_.is_open()) drain();
}

void SocketPipe::on_end(Reason reason)
{
    if (over_) return;
    stream_gone_ = true;
    if (reason != Reason::closed || !line_ended_ || !socket_ended_)
        return over(true); // a failure is passed on as one: an orderly end would look like a complete answer
    if (socket_.is_open() && kept_.empty()) drain();
}

void SocketPipe::cut(Reason reason)
{
    if (over_) return;
    if (line_ != nullptr && !stream_gone_) line_->reset(reason);
    stream_gone_ = true;
    over(true);
}

void SocketPipe::over(bool with_reset)
{
    if (over_) return;
    over_ = true;
    if (socket_.is_open()) {
        forward::Descriptor socket(socket_.release());
        if (with_reset) forward::close_with_reset(socket);
    }
    on_over_(*this);
}

void SocketPipe::tick(SteadyTime now)
{
    if (over_ || !socket_.is_open()) return;
    const bool half = socket_ended_ || line_ended_;
    if (half && now - moved_ >= plan_.half_closed_timeout) return cut(Reason::idle);
    if (plan_.idle_timeout.count() > 0 && now - moved_ >= plan_.idle_timeout) return cut(Reason::idle);
}

} // namespace sluice::tunnel
