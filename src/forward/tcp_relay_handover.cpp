// A connection on its way from one process to the next (handover.hpp).
#include "forward/tcp_relay.hpp"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <sys/epoll.h>
#include <unistd.h>

namespace sluice::forward {

bool TcpRelay::bring_back(Pump& pump)
{
    if (!pump.pipe || pump.left_size == 0) return true;
    auto bytes = std::make_unique_for_overwrite<char[]>(pump.left_size);
    for (std::uint32_t have = 0; have < pump.left_size;) {
        const auto got = ::read(pump.pipe.read_end, bytes.get() + have, pump.left_size - have);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false; // what the pipe had is lost with its count: nobody could go on with it
        have += static_cast<std::uint32_t>(got);
    }
    pump.left = std::move(bytes);
    pump.left_at = 0;
    worker_.pipes().give(pump.pipe);
    pump.pipe = {};
    return true;
}

HeldPump TcpRelay::shown(const Pump& pump)
{
    HeldPump held;
    held.read_end = pump.read_end;
    held.finished = pump.finished;
    if (pump.left_size > 0) held.left.assign(pump.left.get() + pump.left_at, pump.left_size);
    return held;
}

std::optional<HeldRelay> TcpRelay::show()
{
    if (state_ == State::ended) return std::nullopt;
    for (auto& pump : pumps_) {
        if (bring_back(pump)) continue;
        end(RelayEnd::cut);
        return std::nullopt;
    }
    HeldRelay held;
    held.forward = runtime_.id;
    held.worker = worker_.index();
    held.from = from_;
    if (current_) held.target_name = current_->name();
    held.connecting = state_ == State::connecting;
    held.sniffing = sniffing_;
    held.up = shown(pumps_[client]);
    held.down = shown(pumps_[target]);
    held.client = client_.get();
    held.target = target_.get();
    return held;
}

void TcpRelay::take_over(Pump& pump, HeldPump held)
{
    pump.read_end = held.read_end;
    pump.finished = held.finished;
    if (held.left.empty()) return;
    pump.left_size = static_cast<std::uint32_t>(held.left.size());
    pump.left = std::make_unique_for_overwrite<char[]>(held.left.size());
    std::memcpy(pump.left.get(), held.left.data(), held.left.size());
}

void TcpRelay::take_over(HeldRelay held, TargetPtr its_target, OnEnd on_end)
{
    assert(worker_.on_loop());
    on_end_ = std::move(on_end);
    target_ = Descriptor(held.target);
    current_ = std::move(its_target);
    sniffing_ = sniffing_ && held.sniffing; // first bytes that are gone cannot be judged any more
    if (held.connecting) {
        // Where this connect fails, all targets are tried.
        candidates_ = wish_->targets->order(from_.address);
        std::reverse(candidates_.begin(), candidates_.end());
        worker_.tick_me(*this, true);
    } else {
        take_over(pumps_[client], std::move(held.up));
        take_over(pumps_[target], std::move(held.down));
        state_ = State::relaying;
        current_->open.fetch_add(1, std::memory_order_relaxed);
        const bool half = pumps_[client].finished || pumps_[target].finished;
        worker_.tick_me(*this, half || sniffing_ || wish_->plan.idle_timeout.count() > 0);
    }
    // The loop tells at once what each socket is ready for.
    if (!worker_.add(client_.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP, sources_[client])) return end(RelayEnd::client_failed);
    if (!target_) return connect_next();
    if (!worker_.add(target_.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP, sources_[target])) end(RelayEnd::target_failed);
}

} // namespace sluice::forward
