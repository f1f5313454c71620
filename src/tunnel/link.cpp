#include "tunnel/next_place.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>

namespace sluice::tunnel {

namespace {

constexpr std::size_t spare = 2; // carriers that are ready for the next connection, where each has its own
constexpr std::size_t most_carriers = 256;
constexpr std::size_t dials_at_once = 32;
constexpr std::size_t most_waiting = 4096;
constexpr Milliseconds first_backoff{100};
constexpr Milliseconds longest_backoff{800}; // "within a second"
constexpr auto connect_limit = std::chrono::seconds(5);
constexpr auto patience = std::chrono::seconds(5);
constexpr auto spare_limit = std::chrono::seconds(60); // more than the spare ones go after this

} // namespace

Link::Link(Loop& loop, CarrierSet& carriers, TunnelId tunnel, plan::Neighbour neighbour, std::string egress, bool next, unsigned wanted,
           forward::TargetPtr address, NextPlace* place, OnStream on_stream)
    : loop_(loop),
      set_(carriers),
      tunnel_(tunnel),
      neighbour_(std::move(neighbour)),
      egress_(std::move(egress)),
      next_(next),
      wanted_(wanted),
      address_(std::move(address)),
      place_(place),
      on_stream_(std::move(on_stream)),
      again_(loop.io)
{
}

Link::~Link() { stop(); }

void Link::start() { maintain(); }

void Link::stop()
{
    if (stopped_) return;
    stopped_ = true;
    alive_.reset();
    again_.cancel();
    set_.end_of(*this, Reason::no_next_hop);
    // Without this link: another node of the place, or the end.
    if (place_ != nullptr && !waiting_.empty()) place_->link_failed(std::exchange(waiting_, {}));
}

// How many carriers there should be. Where each carries one stream at a time, as many as are busy or asked for, and some to spare.
std::size_t Link::desired() const
{
    if (neighbour_.multiplexed) {
        if (next_) return loop_.count > 1 ? 1 : 2;
        const std::size_t asked = usable_.empty() ? 1 : usable_.front()->peer_wants();
        return std::min((asked + loop_.count - 1) / loop_.count, most_carriers);
    }
    const auto busy = static_cast<std::size_t>(
        std::count_if(usable_.begin(), usable_.end(), [](Carrier* carrier) { return carrier->for_datagrams || carrier->mux().streams() > 0; }));
    return std::min(busy + waiting_.size() + spare + extra_, most_carriers);
}

void Link::maintain()
{
    if (stopped_ || !neighbour_.dial || again_waits_) return;
    const auto want = desired();
    for (std::size_t have = usable_.size() + connecting_; have < want && connecting_ < dials_at_once; ++have) {
        if (failing_ && connecting_ > 0) return; // one attempt at a time finds out whether it is back
        dial();
    }
}

void Link::dial()
{
    if (loop_.budget->exhausted(1)) return;
    ++connecting_;
    asio::co_spawn(loop_.io, connect_until_done(alive_), asio::detached);
}

awaitable<void> Link::connect_until_done(std::weak_ptr<bool> alive)
{
    if (alive.expired()) co_return;
    std::string problem = "name does not resolve";
    const auto addresses = address_->addresses();
    for (const auto& endpoint : addresses) {
        int error = 0;
        auto socket = forward::open_upstream(forward::Transport::tcp, endpoint, egress_, error);
        if (!socket) {
            problem = std::strerror(error);
            continue;
        }
        // Shared with the timer, whose handler may run after this attempt is over.
        struct Attempt {
            Attempt(asio::io_context& io, int descriptor) : socket(io, descriptor) {}
            asio::posix::stream_descriptor socket;
            bool late = false;
        };
        const auto attempt = std::make_shared<Attempt>(loop_.io, socket.release());
        asio::steady_timer limit(loop_.io, connect_limit);
        limit.async_wait([attempt](const error_code& cancelled) {
            if (cancelled) return;
            attempt->late = true;
            error_code ignored;
            attempt->socket.cancel(ignored);
        });
        auto [failed] = co_await attempt->socket.async_wait(asio::posix::stream_descriptor::wait_write, net::as_result);
        limit.cancel();
        if (alive.expired()) co_return;
        if (attempt->late) {
            problem = "no answer";
            continue;
        }
        socklen_t length = sizeof error;
        ::getsockopt(attempt->socket.native_handle(), SOL_SOCKET, SO_ERROR, &error, &length);
        if (failed || error != 0) {
            problem = std::strerror(error);
            continue;
        }
        auto wire = Wire::dialling(*loop_.contexts, *neighbour_.dial, [key = neighbour_.key](const Fingerprint& shown) { return shown == key; });
        auto carrier = std::make_shared<Carrier>(
            loop_.io, *loop_.clock, forward::Descriptor(attempt->socket.release()), std::move(wire),
            Hello{protocol_version, tunnel_, static_cast<std::uint16_t>(wanted_)},
            [this, alive](const Fingerprint&) { return alive.expired() ? Carrier::Role{} : role(); },
            [this, alive, set = &set_, budget = loop_.budget](Carrier& gone) {
                budget->remove(1);
                if (!alive.expired() && !gone.greeted()) dial_failed("no carrier: wrong key, or not one of us");
                set->remove(gone);
            });
        loop_.budget->add(1);
        set_.add(carrier).start();
        co_return; // carrier_open() or the function above goes on
    }
    if (!alive.expired()) dial_failed(problem);
}

void Link::dial_failed(std::string_view problem)
{
    --connecting_;
    if (stopped_) return;
    if (usable_.empty()) {
        if (!failing_)
            log::warning("neighbour is not reached",
                         {{"tunnel", tunnel_.value}, {"address", neighbour_.dial ? neighbour_.dial->address.to_text() : ""}, {"problem", problem}});
        failing_ = true;
    }
    backoff_ = backoff_.count() == 0 ? first_backoff : std::min(backoff_ * 2, longest_backoff);
    if (!again_waits_) {
        again_waits_ = true;
        again_.expires_after(backoff_);
        again_.async_wait([this, alive = std::weak_ptr<bool>(alive_)](const error_code& cancelled) {
            if (cancelled || alive.expired()) return;
            again_waits_ = false;
            maintain();
        });
    }
    if (failing_ && place_ != nullptr && !waiting_.empty()) place_->link_failed(std::exchange(waiting_, {}));
}

bool Link::healthy() const { return !stopped_ && (!usable_.empty() || (neighbour_.dial && !failing_)); }

Carrier* Link::free_carrier(StreamKind kind)
{
    Carrier* best = nullptr;
    for (auto* carrier : usable_) {
        const auto streams = carrier->mux().streams();
        if (neighbour_.multiplexed || (kind == StreamKind::udp && carrier->for_datagrams)) {
            if (best == nullptr || streams < best->mux().streams()) best = carrier;
        } else if (kind != StreamKind::udp && streams == 0 && !carrier->for_datagrams) {
            return carrier;
        }
    }
    if (best == nullptr && kind == StreamKind::udp) {
        // Datagrams of all sessions share one carrier, which is theirs from now on.
        for (auto* carrier : usable_) {
            if (carrier->mux().streams() > 0) continue;
            carrier->for_datagrams = true;
            return carrier;
        }
    }
    return best;
}

void Link::wait(Outbound& outbound)
{
    if (waiting_.size() >= most_waiting) return outbound.give_up(Reason::overloaded);
    outbound.waiting = true;
    outbound.waits_on = this;
    waiting_.push_back(&outbound);
    maintain();
    // The neighbour that dials is told how many are missed.
    if (!neighbour_.dial && !usable_.empty() && waiting_.size() <= most_carriers) usable_.front()->mux().want(1);
}

void Link::forget(Outbound& outbound) { std::erase(waiting_, &outbound); }

void Link::carrier_open(Carrier& carrier)
{
    if (stopped_ || usable_.size() >= 4 * most_carriers) return carrier.end(Reason::overloaded);
    if (neighbour_.dial) --connecting_;
    usable_.push_back(&carrier);
    if (failing_) log::info("neighbour is reached again", {{"tunnel", tunnel_.value}});
    failing_ = false;
    backoff_ = Milliseconds{0};
    if (extra_ > 0) --extra_;
    serve_waiting();
    if (place_ != nullptr) place_->link_usable();
    maintain();
}

void Link::carrier_gone(Carrier& carrier)
{
    std::erase(usable_, &carrier);
    if (stopped_) return;
    maintain();
    if (usable_.empty() && !neighbour_.dial && place_ != nullptr && !waiting_.empty()) place_->link_failed(std::exchange(waiting_, {}));
}

void Link::carrier_has_room(Carrier&)
{
    if (!waiting_.empty()) serve_waiting();
}

void Link::carrier_wanted(Carrier&, std::uint16_t carriers)
{
    extra_ = std::min(extra_ + carriers, most_carriers);
    maintain();
}

void Link::serve_waiting()
{
    if (serving_) return;
    serving_ = true;
    while (!waiting_.empty()) {
        auto* carrier = free_carrier(waiting_.front()->kind());
        if (carrier == nullptr) break;
        auto* outbound = waiting_.front();
        waiting_.pop_front();
        outbound->waiting = false;
        outbound->waits_on = nullptr;
        outbound->begin_on(*this, *carrier);
    }
    serving_ = false;
}

void Link::tick(SteadyTime now)
{
    while (!waiting_.empty() && now - waiting_.front()->waiting_since() >= patience) {
        auto* outbound = waiting_.front();
        waiting_.pop_front();
        outbound->waiting = false;
        outbound->waits_on = nullptr;
        outbound->give_up(Reason::no_next_hop);
    }
    if (neighbour_.dial && !neighbour_.multiplexed && usable_.size() > desired()) {
        const auto old = std::find_if(usable_.begin(), usable_.end(),
                                      [&](Carrier* carrier) { return carrier->mux().streams() == 0 && now - carrier->idle_since() >= spare_limit; });
        if (old != usable_.end()) (*old)->end(Reason::closed); // one per tick is fast enough
    }
    maintain();
}

} // namespace sluice::tunnel
