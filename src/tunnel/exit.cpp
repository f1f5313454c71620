#include "tunnel/exit.hpp"

#include "forward/udp_batch.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/socket.h>

namespace sluice::tunnel {

Reason reason_of(int problem)
{
    switch (problem) {
    case ECONNREFUSED: return Reason::refused;
    case ETIMEDOUT: return Reason::timed_out;
    case EMFILE:
    case ENFILE: return Reason::overloaded;
    case ECONNRESET: return Reason::aborted;
    default: return Reason::unreachable;
    }
}

ExitTcp::ExitTcp(Loop& loop, TunnelId through, forward::WishPtr wish, Mux& mux, StreamId stream, Open& open, forward::Slot& slot)
    : SocketPipe(loop.io, *loop.clock, through, wish->plan, [&loop](SocketPipe& pipe) { loop.finished(pipe); }),
      loop_(loop),
      in_(mux, stream),
      wish_(std::move(wish)),
      slot_(slot),
      candidates_(wish_->targets->order(open.client.address))
{
    line_ = &in_;
    kept_.push(open.first_bytes);
    std::reverse(candidates_.begin(), candidates_.end());
    loop_.budget->add(1);
}

ExitTcp::~ExitTcp()
{
    loop_.budget->remove(1);
    if (counted_) current_->open.fetch_sub(1, std::memory_order_relaxed);
}

void ExitTcp::start() { connect_next(); }

ssize_t ExitTcp::send_some(std::span<const char> bytes)
{
    const auto sent = SocketPipe::send_some(bytes);
    if (sent > 0) forward::Slot::add(slot_.up, static_cast<std::uint64_t>(sent));
    return sent;
}

void ExitTcp::connect_next()
{
    while (!candidates_.empty()) {
        auto candidate = std::move(candidates_.back());
        candidates_.pop_back();
        int problem = 0;
        auto socket = forward::open_upstream(forward::Transport::tcp, candidate.address, plan().egress_interface, problem);
        if (!socket) {
            last_problem_ = reason_of(problem);
            if (last_problem_ == Reason::overloaded) break; // our shortage, not the target's fault
            if (forward::is_targets_doing(problem)) {
                candidate.target->mark_down(forward::trouble_of(problem));
                loop_.keeper->look_now();
            }
            continue;
        }
        current_ = std::move(candidate.target);
        connecting_ = true;
        attempt_began_ = clock_.steady();
        trying_ = std::make_unique<asio::posix::stream_descriptor>(io_, socket.release());
        trying_->async_wait(asio::posix::stream_descriptor::wait_write,
                            [this, weak = weak_from_this(), attempt = ++attempt_](const error_code& failed) {
                                const auto self = weak.lock(); // a stream that is over does not wait for its target
                                if (!self || is_over() || !connecting_ || attempt != attempt_ || failed) return;
                                int error = 0;
                                socklen_t length = sizeof error;
                                ::getsockopt(trying_->native_handle(), SOL_SOCKET, SO_ERROR, &error, &length);
                                settle(error);
                            });
        return;
    }
    cut(last_problem_);
}

void ExitTcp::settle(int problem)
{
    connecting_ = false;
    if (problem == 0) return connected();
    last_problem_ = reason_of(problem);
    if (forward::is_targets_doing(problem)) {
        current_->mark_down(forward::trouble_of(problem));
        loop_.keeper->look_now();
    }
    trying_.reset();
    connect_next();
}

void ExitTcp::connected()
{
    current_->mark_up();
    current_->open.fetch_add(1, std::memory_order_relaxed);
    counted_ = true;
    candidates_.clear();
    use(forward::Descriptor(trying_->release()));
    trying_.reset();
    in_.opened();
    drain();
    if (!is_over()) wait_readable();
}

void ExitTcp::tick(SteadyTime now)
{
    if (!connecting_) return SocketPipe::tick(now);
    if (now - attempt_began_ >= plan().connect_timeout) settle(ETIMEDOUT);
}

ExitUdp::ExitUdp(Loop& loop, TunnelId through, forward::WishPtr wish, Mux& mux, StreamId stream, forward::Slot& slot)
    : LiveStream(through, wish->plan.id),
      loop_(loop),
      in_(mux, stream),
      wish_(std::move(wish)),
      slot_(slot),
      socket_(loop.io),
      moved_(loop.clock->steady())
{
    loop_.budget->add(1);
}

ExitUdp::~ExitUdp()
{
    loop_.budget->remove(1);
    if (target_) target_->open.fetch_sub(1, std::memory_order_relaxed);
}

void ExitUdp::start(const Endpoint& client)
{
    const auto candidates = wish_->targets->order_for_datagrams(client.address, moved_);
    if (candidates.empty()) return cut(Reason::unresolved);
    int problem = 0;
    auto socket = forward::open_upstream(forward::Transport::udp, candidates.front().address, wish_->plan.egress_interface, problem);
    if (!socket) return cut(reason_of(problem));
    target_ = candidates.front().target;
    target_->open.fetch_add(1, std::memory_order_relaxed);
    socket_.assign(socket.release());
    in_.opened();
    wait_readable();
}

void ExitUdp::on_datagram(std::span<const char> bytes)
{
    if (over_ || !socket_.is_open()) return;
    moved_ = loop_.clock->steady();
    // Refused datagrams are lost, as datagrams are; an error that an earlier one brought back is read away by receive().
    const auto sent = ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) forward::Slot::add(slot_.up, static_cast<std::uint64_t>(sent));
    if (sent < 0 && errno == ECONNREFUSED) target_->refused_datagram(moved_);
}

void ExitUdp::wait_readable()
{
    socket_.async_wait(asio::posix::stream_descriptor::wait_read, [this, self = shared_from_this()](const error_code& problem) {
        if (over_ || problem) return;
        receive();
        if (!over_) wait_readable();
    });
}

void ExitUdp::receive()
{
    auto& receiver = forward::udp_batch_of_this_thread().receiver;
    for (int round = 0; round < 8 && !over_; ++round) {
        const int count = receiver.receive(socket_.native_handle(), false);
        if (count == 0) return;
        if (count < 0) {
            if (errno != ECONNREFUSED) return cut(Reason::aborted);
            target_->refused_datagram(loop_.clock->steady());
            continue;
        }
        moved_ = loop_.clock->steady();
        for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
            const auto& run = receiver[i];
            forward::Slot::add(slot_.down, run.length);
            for (std::size_t at = 0; at < run.length || (run.length == 0 && at == 0);) {
                const auto size = std::min(run.size, run.length - at);
                in_.datagram({run.data + at, size});
                if (run.length == 0) break;
                at += size;
            }
        }
    }
}

void ExitUdp::cut(Reason reason)
{
    if (over_) return;
    in_.reset(reason);
    over();
}

void ExitUdp::on_end(Reason) { over(); }

void ExitUdp::over()
{
    if (over_) return;
    over_ = true;
    error_code ignored;
    if (socket_.is_open()) socket_.close(ignored);
    loop_.finished(*this);
}

void ExitUdp::tick(SteadyTime now)
{
    if (!over_ && now - moved_ >= wish_->plan.udp_idle_timeout) cut(Reason::idle);
}

} // namespace sluice::tunnel
