#include "forward/tcp_relay.hpp"

#include "forward/keeper.hpp"
#include "forward/sniff.hpp"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sluice::forward {

namespace {

constexpr std::size_t turn_budget = 1024 * 1024; // bytes a relay may move before its neighbours have a turn
constexpr std::size_t copy_size = 64 * 1024;
constexpr std::size_t large_read = 16 * 1024;
constexpr std::size_t small_read = 4 * 1024;
constexpr std::uint8_t large_reads_to_splice = 4;
constexpr std::uint8_t small_reads_to_copy = 16;
constexpr auto sniff_patience = std::chrono::seconds(3); // for the rest of a blocked protocol's first bytes; slowness is no way around a block

bool would_block(int problem) { return problem == EAGAIN || problem == EWOULDBLOCK; }

} // namespace

std::string_view to_text(RelayEnd end)
{
    switch (end) {
    case RelayEnd::closed: return "closed";
    case RelayEnd::client_failed: return "client_failed";
    case RelayEnd::target_failed: return "target_failed";
    case RelayEnd::no_target: return "no_target";
    case RelayEnd::blocked: return "blocked";
    case RelayEnd::idle: return "idle";
    case RelayEnd::cut: return "cut";
    }
    return "closed";
}

TcpRelay::TcpRelay(Worker& worker, Runtime& runtime, WishPtr wish, Descriptor client_socket, const Endpoint& from)
    : worker_(worker),
      runtime_(runtime),
      wish_(std::move(wish)),
      slot_(*runtime.slots[worker.index()]),
      client_(std::move(client_socket)),
      from_(from),
      sniffing_(any(wish_->plan.blocks)),
      started_(worker.now()),
      moved_(worker.now())
{
    sources_[client] = {this, client};
    sources_[target] = {this, target};
    pumps_[client].from = client;
    pumps_[target].from = target;
    worker_.budget().add(2);
}

TcpRelay::~TcpRelay()
{
    for (auto& pump : pumps_) {
        if (pump.pipe) worker_.pipes().discard(pump.pipe);
    }
    worker_.budget().remove(2);
}

void TcpRelay::start(OnEnd on_end)
{
    assert(worker_.on_loop());
    on_end_ = std::move(on_end);
    candidates_ = wish_->targets->order(from_.address);
    std::reverse(candidates_.begin(), candidates_.end());
    worker_.tick_me(*this, true);
    if (!worker_.add(client_.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP, sources_[client])) return end(RelayEnd::client_failed);
    connect_next();
}

void TcpRelay::connect_next()
{
    while (!candidates_.empty()) {
        auto candidate = std::move(candidates_.back());
        candidates_.pop_back();
        int problem = 0;
        target_ = open_upstream(Transport::tcp, candidate.address, wish_->plan.egress_interface, problem);
        if (target_) {
            current_ = std::move(candidate.target);
            started_ = worker_.now();
            if (!worker_.add(target_.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP, sources_[target])) break;
            return;
        }
        if (problem == EMFILE || problem == ENFILE) break; // no other target would do better
        current_ = std::move(candidate.target);
        connect_failed(problem);
    }
    end(RelayEnd::no_target);
}

// Holds a failed connect against the target if it is the target's doing.
void TcpRelay::connect_failed(int problem)
{
    if (!is_targets_doing(problem)) return;
    current_->mark_down(trouble_of(problem));
    runtime_.keeper->look_now();
}

void TcpRelay::connected()
{
    state_ = State::relaying;
    moved_ = worker_.now();
    current_->open.fetch_add(1, std::memory_order_relaxed);
    current_->mark_up();
    candidates_.clear();
    candidates_.shrink_to_fit();
    pumps_[client].writable = true; // towards the target
    // Ticks are for relays with a deadline; an ordinary one costs nothing while it is idle.
    worker_.tick_me(*this, wish_->plan.idle_timeout.count() > 0 || sniffing_);
}

void TcpRelay::on_event(int which, std::uint32_t events)
{
    if (state_ == State::ended) return;
    auto& reads = pumps_[static_cast<std::size_t>(which)];
    auto& writes = pumps_[static_cast<std::size_t>(other(static_cast<Side>(which)))];
    if (which == target && state_ == State::connecting) {
        if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0) return;
        int problem = 0;
        socklen_t length = sizeof problem;
        ::getsockopt(target_.get(), SOL_SOCKET, SO_ERROR, &problem, &length);
        if (problem == ECONNRESET || problem == EPIPE) { // it was connected, and reset before we looked: a refusal is another error
            connected();
            return failed(target);
        }
        if (problem != 0) {
            connect_failed(problem);
            target_.reset();
            return connect_next();
        }
        if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP)) != 0) reads.readable = true;
        if ((events & (EPOLLRDHUP | EPOLLHUP)) != 0) reads.peer_closing = true;
        connected();
        return pump_both();
    }
    if ((events & EPOLLERR) != 0) return failed(static_cast<Side>(which));
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP)) != 0) reads.readable = true;
    if ((events & (EPOLLRDHUP | EPOLLHUP)) != 0) reads.peer_closing = true;
    if ((events & EPOLLOUT) != 0) writes.writable = true;
    if (state_ == State::relaying) pump_both();
}

// One side reset its connection or was lost. What it said before is still in its socket and goes on first, as far as the other side takes it.
void TcpRelay::failed(Side side)
{
    auto& last_words = pumps_[side];
    if (state_ == State::relaying && !last_words.finished && !(side == client && sniffing_)) {
        last_words.readable = true;
        last_words.peer_closing = true;
        std::size_t budget = 64 * turn_budget; // more than a socket's buffer can hold
        pump(last_words, budget);
    }
    end(side == client ? RelayEnd::client_failed : RelayEnd::target_failed);
}

void TcpRelay::on_turn()
{
    if (state_ == State::relaying) pump_both();
}

// Looks at the first bytes without taking them. False: wait for more, or the relay has ended.
bool TcpRelay::may_read_client()
{
    if (!sniffing_) return true;
    std::array<char, 16> first{};
    const auto got = ::recv(client_.get(), first.data(), first.size(), MSG_PEEK | MSG_DONTWAIT);
    if (got < 0 && would_block(errno)) {
        pumps_[client].readable = false;
        return false;
    }
    if (got > 0) {
        switch (judge(wish_->plan.blocks, {first.data(), static_cast<std::size_t>(got)})) {
        case Verdict::block: end(RelayEnd::blocked); return false;
        case Verdict::pass: break;
        case Verdict::wait:
            if (pumps_[client].peer_closing) break; // it will never be more
            if (!undecided_) started_ = worker_.now();
            undecided_ = true;
            if (worker_.now() - started_ >= sniff_patience) end(RelayEnd::blocked);
            return false;
        }
    }
    sniffing_ = false;
    worker_.tick_me(*this, wish_->plan.idle_timeout.count() > 0);
    return true;
}

void TcpRelay::pump_both()
{
    for (auto& one : pumps_) {
        if (one.finished) continue;
        if (one.from == client && one.readable && !may_read_client()) {
            if (state_ == State::ended) return;
            continue;
        }
        std::size_t budget = turn_budget;
        switch (pump(one, budget)) {
        case Progress::failed: return end(one.from == client ? RelayEnd::client_failed : RelayEnd::target_failed);
        case Progress::again: worker_.run_again(*this); break;
        case Progress::finished: pass_on_end(one); break;
        case Progress::blocked: break;
        }
    }
    if (pumps_[client].finished && pumps_[target].finished) end(RelayEnd::closed);
}

// Whether a speed limit has the next read wait; then there will be a turn when it may go on. Else the budget is what may be read in one go.
bool TcpRelay::held_back(Pump& pump, std::size_t& budget)
{
    const auto& limits = speed_limits();
    if (const auto ready = limits.ready_at(direction(pump)); ready > worker_.now()) {
        worker_.wake_at(*this, ready);
        return true;
    }
    budget = limits.portion(direction(pump), budget);
    return false;
}

TcpRelay::Progress TcpRelay::pump(Pump& pump, std::size_t& budget)
{
    const auto progress = pump_on(pump, budget);
    // An empty pipe goes back at the end of every turn: idle relays hold none, and busy ones share the one that is warm in the cache.
    if (pump.pipe && pump.left_size == 0) {
        worker_.pipes().give(pump.pipe);
        pump.pipe = {};
    }
    return progress;
}

TcpRelay::Progress TcpRelay::pump_on(Pump& pump, std::size_t& budget)
{
    const bool limited = !speed_limits().empty();
    bool has_read = false;
    for (;;) {
        if (pump.left_size > 0) {
            if (!pump.writable) return Progress::blocked;
            const auto written = write_left(pump);
            if (written != Progress::finished) return written;
        }
        if (pump.read_end) return Progress::finished;
        if (!pump.readable) return Progress::blocked;
        if (!pump.writable) return Progress::blocked; // nothing is read that cannot go on: the sender feels it
        if (budget == 0) return Progress::again;
        // Under a speed limit one read is a turn: who has had his portion queues behind those who wait for theirs.
        if (limited && has_read) return Progress::again;
        if (limited && held_back(pump, budget)) return Progress::blocked;
        has_read = true;
        const auto moved = pump.splicing ? splice_some(pump, budget) : copy_some(pump, budget);
        if (moved != Progress::again) return moved;
    }
}

void TcpRelay::after_read(Pump& pump, std::size_t bytes, std::size_t asked)
{
    moved_ = worker_.now();
    speed_limits().passed(direction(pump), bytes, moved_);
    // A short read emptied the socket: no need to ask again, unless the peer is closing and its end would be missed.
    if (bytes < asked && !pump.peer_closing) pump.readable = false;
    if (bytes >= large_read) {
        pump.small_reads = 0;
        if (!pump.splicing && ++pump.large_reads >= large_reads_to_splice) pump.splicing = true;
    } else if (bytes < small_read) {
        pump.large_reads = 0;
        if (pump.splicing && ++pump.small_reads >= small_reads_to_copy) {
            pump.splicing = false;
            pump.small_reads = 0;
        }
    }
}

TcpRelay::Progress TcpRelay::copy_some(Pump& pump, std::size_t& budget)
{
    const int from = descriptor(pump.from);
    const int to = descriptor(other(pump.from));
    char* scratch = worker_.scratch();
    const auto asked = std::min(copy_size, budget);
    const auto got = ::recv(from, scratch, asked, 0);
    if (got < 0) {
        if (errno == EINTR) return Progress::again;
        if (!would_block(errno)) return Progress::failed;
        pump.readable = false;
        return Progress::blocked;
    }
    if (got == 0) {
        pump.read_end = true;
        return Progress::finished;
    }
    const auto bytes = static_cast<std::size_t>(got);
    budget -= std::min(budget, bytes);
    after_read(pump, bytes, asked);
    std::size_t sent = 0;
    while (sent < bytes) {
        const auto wrote = meter(pump).deliver(bytes - sent, [&] { return ::send(to, scratch + sent, bytes - sent, MSG_NOSIGNAL); });
        if (wrote < 0) {
            if (errno == EINTR) continue;
            if (!would_block(errno)) return Progress::failed;
            pump.writable = false;
            pump.left_size = static_cast<std::uint32_t>(bytes - sent);
            pump.left_at = 0;
            pump.left = std::make_unique_for_overwrite<char[]>(pump.left_size);
            std::memcpy(pump.left.get(), scratch + sent, pump.left_size);
            return Progress::blocked;
        }
        sent += static_cast<std::size_t>(wrote);
    }
    return Progress::again;
}

TcpRelay::Progress TcpRelay::splice_some(Pump& pump, std::size_t& budget)
{
    if (!pump.pipe) {
        pump.pipe = worker_.pipes().take();
        if (!pump.pipe) { // no pipe to be had: copying works always
            pump.splicing = false;
            pump.large_reads = 0;
            return copy_some(pump, budget);
        }
    }
    const auto asked = speed_limits().empty() ? pump.pipe.capacity : std::min(pump.pipe.capacity, budget);
    const auto got = ::splice(descriptor(pump.from), nullptr, pump.pipe.write_end, nullptr, asked, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (got < 0) {
        if (errno == EINTR) return Progress::again;
        if (!would_block(errno)) return Progress::failed;
        // The pipe is empty here, so it was the socket that had nothing.
        pump.readable = false;
        return Progress::blocked;
    }
    if (got == 0) {
        pump.read_end = true;
        return Progress::finished;
    }
    const auto bytes = static_cast<std::size_t>(got);
    // A pipe that came back nearly full is a turn: what would be left of the budget is not worth a call.
    budget = budget > bytes + asked / 4 ? budget - bytes : 0;
    // How much a splice moves also depends on the pipe's slots, so a short one does not prove that the socket is empty.
    const bool was_readable = pump.readable;
    after_read(pump, bytes, asked);
    pump.readable = was_readable;
    pump.left_size = static_cast<std::uint32_t>(bytes);
    return Progress::again;
}

// Writes what was read before. `finished`: nothing is left.
TcpRelay::Progress TcpRelay::write_left(Pump& pump)
{
    const int to = descriptor(other(pump.from));
    while (pump.left_size > 0) {
        const auto wrote = meter(pump).deliver(pump.left_size, [&] {
            if (pump.left) return ::send(to, pump.left.get() + pump.left_at, pump.left_size, MSG_NOSIGNAL);
            return ::splice(pump.pipe.read_end, nullptr, to, nullptr, pump.left_size, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        });
        if (wrote < 0) {
            if (errno == EINTR) continue;
            if (!would_block(errno)) return Progress::failed;
            pump.writable = false;
            return Progress::blocked;
        }
        moved_ = worker_.now();
        pump.left_size -= static_cast<std::uint32_t>(wrote);
        pump.left_at += static_cast<std::uint32_t>(wrote);
    }
    pump.left.reset();
    if (pump.pipe && !pump.splicing) { // copying goes on without it
        worker_.pipes().give(pump.pipe);
        pump.pipe = {};
    }
    return Progress::finished;
}

void TcpRelay::pass_on_end(Pump& pump)
{
    pump.finished = true;
    if (pumps_[other(pump.from)].finished) return; // both are done: closing says it
    ::shutdown(descriptor(other(pump.from)), SHUT_WR);
    // The other direction goes on, but not for ever.
    worker_.tick_me(*this, true);
}

void TcpRelay::on_tick(SteadyTime now)
{
    if (state_ == State::connecting) {
        if (now - started_ < wish_->plan.connect_timeout) return;
        connect_failed(ETIMEDOUT);
        target_.reset();
        return connect_next();
    }
    if (state_ != State::relaying) return;
    if (sniffing_ && pumps_[client].readable) pump_both();
    if (state_ != State::relaying) return;
    const auto& plan = wish_->plan;
    const bool half = pumps_[client].finished || pumps_[target].finished;
    if (half && now - moved_ >= plan.half_closed_timeout) return end(RelayEnd::idle);
    if (plan.idle_timeout.count() > 0 && now - moved_ >= plan.idle_timeout) return end(RelayEnd::idle);
}

void TcpRelay::end(RelayEnd why)
{
    if (state_ == State::ended) return;
    if (state_ == State::relaying) current_->open.fetch_sub(1, std::memory_order_relaxed);
    state_ = State::ended;
    if (why == RelayEnd::closed) {
        client_.reset();
        target_.reset();
    } else {
        // A failure is passed on as one: an orderly end would look like a complete answer.
        close_with_reset(client_);
        close_with_reset(target_);
    }
    sources_[client].handler = nullptr;
    sources_[target].handler = nullptr;
    on_end_(*this);
}

} // namespace sluice::forward
