#include "tunnel/carrier.hpp"

#include "base/log.hpp"

#include <array>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace sluice::tunnel {

namespace {

constexpr auto greeting_limit = std::chrono::seconds(10);
constexpr std::size_t read_size = 128 * 1024;
constexpr std::size_t write_size = 64 * 1024;
constexpr std::size_t turn_budget = 1024 * 1024; // bytes before the neighbours on this loop have a turn
constexpr int unsent_limit = 256 * 1024;         // in the kernel: what is queued there no small stream can overtake

std::span<char> room_of_this_thread()
{
    thread_local const auto room = std::make_unique<char[]>(read_size);
    return {room.get(), read_size};
}

std::span<char> write_room_of_this_thread()
{
    thread_local const auto room = std::make_unique<char[]>(write_size);
    return {room.get(), write_size};
}

} // namespace

Carrier::Carrier(asio::io_context& loop, const Clock& clock, forward::Descriptor socket, std::unique_ptr<Wire> wire, Hello hello, FindRole find_role,
                 Gone gone)
    : loop_(loop),
      clock_(clock),
      socket_(loop),
      wire_(std::move(wire)),
      hello_(hello),
      find_role_(std::move(find_role)),
      gone_(std::move(gone)),
      started_(clock.steady()),
      idle_since_(started_)
{
    forward::prepare_stream(socket.get());
    forward::set_option(socket.get(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, unsent_limit);
    socket_.assign(socket.release());
}

Carrier::~Carrier() = default;

void Carrier::start()
{
    asio::co_spawn(loop_, read_until_over(shared_from_this()), asio::detached);
    drain_output();
}

awaitable<void> Carrier::read_until_over([[maybe_unused]] std::shared_ptr<Carrier> self)
{
    for (;;) {
        auto [problem] = co_await socket_.async_wait(asio::posix::stream_descriptor::wait_read, net::as_result);
        if (over_) co_return;
        if (problem) break;
        if (!read_some()) co_return;
    }
    end(Reason::carrier_lost);
}

bool Carrier::read_some()
{
    const auto room = room_of_this_thread();
    for (std::size_t total = 0; total < turn_budget;) {
        const auto got = ::recv(socket_.native_handle(), room.data(), room.size(), MSG_DONTWAIT);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return true;
        if (got <= 0) {
            end(Reason::carrier_lost);
            return false;
        }
        total += static_cast<std::size_t>(got);
        const bool was_open = wire_->state() == Wire::State::open;
        const auto state =
            wire_->received(room.first(static_cast<std::size_t>(got)), [this](std::span<const char> plain) { return handle_plain(plain); });
        if (over_) return false;
        if (!was_open && state == Wire::State::open && !mux_ && !proved()) return false;
        if (state == Wire::State::failed || state == Wire::State::closed) {
            if (state == Wire::State::failed) {
                const auto& why = mux_ && !mux_->problem().empty() ? mux_->problem() : wire_->problem();
                log::debug("carrier failed", {{"tunnel", hello_.tunnel.value}, {"problem", why}});
            }
            drain_output(); // an alert, or the refusal that a stranger sees
            end(Reason::carrier_lost);
            return false;
        }
        if (!mux_ || !flush_posted_) drain_output(); // handshakes
        if (over_) return false;
        if (static_cast<std::size_t>(got) < room.size()) return true;
    }
    return true;
}

// The peer's key is proven: whose carrier is it?
bool Carrier::proved()
{
    const auto key = wire_->peer();
    const auto role = key ? find_role_(*key) : Role{};
    if (role.owner == nullptr) {
        end(Reason::not_authorised);
        return false;
    }
    owner_ = role.owner;
    mux_ = std::make_unique<Mux>(role.opens, hello_, *this);
    output_waits();
    return true;
}

bool Carrier::handle_plain(std::span<const char> plain)
{
    if (!mux_ && !proved()) return false;
    return mux_->received(clock_.steady(), plain) && !over_;
}

void Carrier::on_hello(const Hello& hello)
{
    if (hello.tunnel != hello_.tunnel) return end(Reason::not_authorised);
    peer_wants_ = hello.carriers;
    greeted_ = true;
    owner_->carrier_open(*this);
}

void Carrier::on_open(StreamId stream, Open& open)
{
    if (open.tunnel != hello_.tunnel) return mux_->reset(stream, Reason::not_authorised);
    owner_->carrier_stream(*this, stream, open);
}

void Carrier::on_want(std::uint16_t carriers) { owner_->carrier_wanted(*this, carriers); }

void Carrier::stream_gone()
{
    if (over_) return;
    if (mux_->streams() == 0) idle_since_ = clock_.steady();
    owner_->carrier_has_room(*this);
}

void Carrier::output_waits()
{
    if (flush_posted_ || write_waits_ || over_ || !mux_) return;
    flush_posted_ = true;
    // Later, so that everything that this round of the loop brings leaves as one.
    asio::post(loop_, [self = shared_from_this()] { self->flush(); });
}

void Carrier::flush()
{
    flush_posted_ = false;
    if (over_) return;
    const auto room = write_room_of_this_thread();
    for (std::size_t total = 0;;) {
        if (!drain_output()) return;
        if (total >= turn_budget) {
            if (mux_->has_output()) output_waits();
            return;
        }
        const auto size = mux_->produce(clock_.steady(), room);
        if (over_ || size == 0) return;
        wire_->send(room.first(size));
        if (wire_->state() == Wire::State::failed) return end(Reason::carrier_lost);
        total += size;
    }
}

// False: the socket is full, or the carrier is over.
bool Carrier::drain_output()
{
    if (over_ || write_waits_) return false;
    auto& output = wire_->output();
    while (output_at_ < output.size()) {
        const auto sent = ::send(socket_.native_handle(), output.data() + output_at_, output.size() - output_at_, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            write_waits_ = true;
            socket_.async_wait(asio::posix::stream_descriptor::wait_write, [self = shared_from_this()](const error_code&) {
                self->write_waits_ = false;
                if (self->over_) return;
                if (self->mux_)
                    self->flush();
                else
                    self->drain_output();
            });
            return false;
        }
        if (sent < 0) {
            end(Reason::carrier_lost);
            return false;
        }
        output_at_ += static_cast<std::size_t>(sent);
    }
    output.clear();
    output_at_ = 0;
    return true;
}

void Carrier::tick(SteadyTime now)
{
    if (over_) return;
    if (!greeted_) {
        if (now - started_ >= greeting_limit) end(Reason::carrier_lost);
        return;
    }
    if (!mux_->tick(now)) {
        log::info("carrier is silent", {{"tunnel", hello_.tunnel.value}});
        return end(Reason::carrier_lost);
    }
    // Many idle carriers should cost little.
    if (mux_->streams() == 0 && output_at_ == 0 && wire_->output().empty()) wire_->output().shrink_to_fit();
}

void Carrier::end(Reason reason)
{
    if (over_ || ending_) return;
    ending_ = true; // the goodbye may fail, which is no reason to say it again
    const auto self = shared_from_this();
    if (mux_ && !write_waits_) {
        wire_->close();
        drain_output();
    }
    over_ = true;
    error_code ignored;
    socket_.close(ignored);
    // Its owner first: streams that look for another carrier must not find this one.
    if (owner_ != nullptr) std::exchange(owner_, nullptr)->carrier_gone(*this);
    if (mux_) mux_->lost(reason);
    std::exchange(gone_, nullptr)(*this);
}

} // namespace sluice::tunnel
