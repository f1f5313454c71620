#include "tunnel/entry.hpp"

#include "base/log.hpp"
#include "forward/sniff.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/socket.h>

namespace sluice::tunnel {

namespace {

constexpr int accepts_per_turn = 64;
constexpr std::size_t most_sessions = 65'536; // per loop
constexpr auto sniff_patience = std::chrono::milliseconds(1500);
constexpr std::size_t largest_run = 65'507;                      // of datagrams, as one read may give
constexpr std::size_t most_late_bytes = std::size_t{256} * 1024; // that a session's limit holds back; what is beyond is lost, as UDP may
constexpr auto path_patience = std::chrono::seconds(15);         // beyond the target's own deadline

// A turn that a speed limit put off. `owner` is whoever must be there for it.
class Again {
public:
    explicit Again(asio::io_context& io) : timer_(io) {}
    template <class Owner, class Then>
    void after(SteadyTime::duration wait, const std::shared_ptr<Owner>& owner, Then then)
    {
        if (std::exchange(waits_, true)) return;
        timer_.expires_after(wait);
        timer_.async_wait([this, alive = std::weak_ptr<Owner>(owner), then](const error_code& cancelled) {
            const auto held = alive.lock();
            if (cancelled || !held) return;
            waits_ = false;
            then();
        });
    }

private:
    asio::steady_timer timer_;
    bool waits_ = false;
};

} // namespace

struct Entry::Client final : SocketPipe {
    Client(Loop& on, TunnelId through, const plan::Forward& wish, std::shared_ptr<forward::Runtime> of, forward::Slot& counters, NextPlace& place,
           forward::Descriptor socket, const Endpoint& from, forward::ClientPtr of_client)
        : SocketPipe(on.io, *on.clock, through, wish, [](SocketPipe& pipe) { static_cast<Client&>(pipe).leave(); }),
          loop(on),
          runtime(std::move(of)),
          slot(counters),
          address(from.address),
          client(std::move(of_client)),
          out(place, Open{StreamKind::tcp, through, wish.path_id.value_or(wish.id), from, {}}, *this),
          sniffing(forward::any(wish.blocks)),
          began(on.clock->steady()),
          up_again(on.io),
          down_again(on.io)
    {
        line_ = &out;
        use(std::move(socket));
        loop.budget->add(1);
    }

    void start() { out.start(began); }
    void leave()
    {
        loop.budget->remove(1);
        runtime->leave(client);
        loop.finished(*this);
    }
    bool is_of(const forward::ClientPtr& one) const override { return client == one; }
    void count_client() override
    {
        if (!client) client = runtime->clients.join(address);
    }

    const forward::SpeedLimits& limits() const { return runtime->speed_limits[loop.index]; }

    // Under a speed limit what is not read yet stays with the client, and what is not sent yet stays unpaid: both senders feel it.
    Taken take(std::span<char> into) override
    {
        if (limits().empty()) return SocketPipe::take(into);
        const auto now = clock_.steady();
        Taken taken;
        if (limits().ready_at(forward::Direction::up) <= now) {
            const auto portion = limits().portion(forward::Direction::up, into.size());
            taken = SocketPipe::take(into.first(portion));
            limits().passed(forward::Direction::up, taken.size, now);
            if (taken.size < portion || portion == into.size()) return taken; // the socket is dry, or there is room for more
        }
        // A limit that was lifted meanwhile holds nothing back.
        const auto ready = std::max(limits().ready_at(forward::Direction::up), now);
        up_again.after(ready - now, shared_from_this(), [this] { out.ready(); });
        return taken;
    }
    std::size_t may_send(std::size_t most) override
    {
        if (limits().empty()) return most;
        const auto now = clock_.steady();
        if (const auto ready = limits().ready_at(forward::Direction::down); ready > now) {
            down_again.after(ready - now, shared_from_this(), [this] { drain(); });
            return 0;
        }
        return limits().portion(forward::Direction::down, most);
    }

    // What the client says first is counted when the target is there to hear it.
    void took(std::size_t bytes) override
    {
        if (opened)
            forward::Slot::add(slot.up, bytes);
        else
            uncounted += bytes;
    }
    void on_opened() override
    {
        opened = true;
        forward::Slot::add(slot.up, std::exchange(uncounted, 0));
    }
    ssize_t send_some(std::span<const char> bytes) override
    {
        const auto sent = forward::down_meter(slot).deliver(bytes.size(), [&] { return SocketPipe::send_some(bytes); });
        if (sent > 0) limits().passed(forward::Direction::down, static_cast<std::size_t>(sent), clock_.steady());
        return sent;
    }

    // Looks at the first bytes without taking them.
    bool may_read() override
    {
        if (!sniffing) return true;
        std::array<char, 16> first{};
        const auto got = ::recv(socket_.native_handle(), first.data(), first.size(), MSG_PEEK | MSG_DONTWAIT);
        if (got < 0) {
            if (errno == EAGAIN || errno == EWOULDBLOCK) wait_readable();
            return false;
        }
        switch (forward::judge(plan().blocks, {first.data(), static_cast<std::size_t>(got)})) {
        case forward::Verdict::block: cut(Reason::blocked); return false;
        case forward::Verdict::wait:
            // Too little to tell: the next tick looks again, for the socket would say "readable" all the time.
            if (got > 0 && clock_.steady() - began < sniff_patience) return false;
            break;
        case forward::Verdict::pass: break;
        }
        sniffing = false;
        return true;
    }

    void tick(SteadyTime now) override
    {
        if (is_over()) return;
        if (sniffing) out.ready();
        if (!opened && now - began >= plan().connect_timeout + path_patience) return cut(Reason::timed_out);
        SocketPipe::tick(now);
    }

    Loop& loop;
    const std::shared_ptr<forward::Runtime> runtime;
    forward::Slot& slot;
    const IpAddress address;
    forward::ClientPtr client;
    Outbound out;
    bool sniffing;
    bool opened = false;
    std::size_t uncounted = 0;
    const SteadyTime began;
    Again up_again;
    Again down_again;
};

struct Entry::Session final : StreamEnd, LiveStream {
    Session(Entry& entry, TunnelId through, NextPlace& place, const Key& from, bool has_local_address, forward::ClientPtr of_client)
        : LiveStream(through, entry.plan_.id),
          loop(entry.loop_),
          runtime(entry.runtime_),
          slot(entry.slot_),
          socket(entry.udp_),
          v6(entry.udp_is_v6_),
          largest_segment(entry.largest_segment_),
          sessions(entry.sessions_),
          key(from),
          has_local(has_local_address),
          client(std::move(of_client)),
          idle_limit(entry.plan_.udp_idle_timeout),
          out(place, Open{StreamKind::udp, through, entry.plan_.path_id.value_or(entry.plan_.id), from.client, {}}, *this),
          down_again(entry.loop_.io),
          moved(entry.loop_.clock->steady())
    {
    }
    void send(std::span<const char> bytes)
    {
        if (is_over) return;
        moved = loop.clock->steady();
        if (!out.datagram(bytes)) return;
        if (opened)
            forward::Slot::add(slot.up, bytes.size());
        else
            uncounted += bytes.size();
    }
    Taken take(std::span<char>) override { return {}; }
    void on_opened() override
    {
        opened = true;
        forward::Slot::add(slot.up, std::exchange(uncounted, 0));
    }
    void on_data(std::span<const char>) override { cut(Reason::aborted); }
    void on_datagram(std::span<const char> bytes) override
    {
        if (is_over) return;
        moved = loop.clock->steady();
        if (late.empty() && !held_back()) return deliver(bytes);
        // Under a speed limit they queue as they would in a socket, and what does not fit is lost, as there.
        if (late_bytes + bytes.size() > most_late_bytes) return;
        late_bytes += bytes.size();
        late.emplace_back(bytes.data(), bytes.size());
    }
    const forward::SpeedLimits& limits() const { return runtime->speed_limits[loop.index]; }
    // Whether the client's next datagram has to wait; then there will be a turn for it.
    bool held_back()
    {
        if (limits().empty()) return false;
        const auto now = loop.clock->steady();
        const auto ready = limits().ready_at(forward::Direction::down);
        if (ready <= now) return false;
        down_again.after(ready - now, shared_from_this(), [this] { deliver_late(); });
        return true;
    }
    void deliver_late()
    {
        while (!is_over && !late.empty() && !held_back()) {
            const auto bytes = std::move(late.front());
            late.pop_front();
            late_bytes -= bytes.size();
            deliver(bytes);
        }
    }
    void deliver(std::span<const char> bytes)
    {
        if (!socket->is_open()) return;
        limits().passed(forward::Direction::down, bytes.size(), loop.clock->steady());
        forward::Datagrams run;
        run.data = bytes.data();
        run.length = bytes.size();
        run.size = bytes.size();
        auto& sender = forward::udp_batch_of_this_thread().sender;
        sender.begin(socket->native_handle(), &key.client, v6, has_local ? &key.local : nullptr, forward::down_meter(slot), *largest_segment);
        sender.add(run);
        sender.flush();
    }
    void on_finish() override { cut(Reason::closed); }
    void on_end(Reason) override { over(); }
    void cut(Reason reason) override
    {
        if (is_over) return;
        out.reset(reason);
        over();
    }
    void tick(SteadyTime now) override
    {
        if (now - moved >= idle_limit) cut(Reason::idle);
    }
    void over()
    {
        if (is_over) return;
        is_over = true;
        sessions->erase(key);
        runtime->leave(client);
        loop.finished(*this);
    }
    bool is_of(const forward::ClientPtr& one) const override { return client == one; }
    void count_client() override
    {
        if (!client) client = runtime->clients.join(key.client.address);
    }

    Loop& loop;
    const std::shared_ptr<forward::Runtime> runtime;
    forward::Slot& slot;
    const std::shared_ptr<asio::posix::stream_descriptor> socket;
    const bool v6;
    const std::shared_ptr<std::uint16_t> largest_segment;
    const std::shared_ptr<std::unordered_map<Key, Session*, KeyHash>> sessions;
    const Key key;
    const bool has_local;
    forward::ClientPtr client;
    const Seconds idle_limit;
    Outbound out;
    std::size_t uncounted = 0;    // said before the far end was connected
    std::deque<std::string> late; // for the client, when its speed limit allows it
    std::size_t late_bytes = 0;
    Again down_again;
    SteadyTime moved;
    bool opened = false;
    bool is_over = false;
};

std::size_t Entry::KeyHash::operator()(const Key& key) const noexcept
{
    std::uint64_t hash = 1469598103934665603ULL ^ key.client.port;
    for (const auto byte : key.client.address.bytes()) hash = (hash ^ byte) * 1099511628211ULL;
    for (const auto byte : key.local.bytes()) hash = (hash ^ byte) * 1099511628211ULL;
    return hash ^ hash >> 29U;
}

Entry::Entry(Loop& loop, std::shared_ptr<forward::Runtime> runtime, plan::Forward plan, FindPlace find, forward::Descriptor tcp,
             forward::Descriptor udp)
    : loop_(loop),
      runtime_(std::move(runtime)),
      slot_(*runtime_->slots[loop.index]),
      plan_(std::move(plan)),
      find_(std::move(find)),
      tcp_(loop.io),
      udp_again_(loop.io),
      udp_(std::make_shared<asio::posix::stream_descriptor>(loop.io))
{
    if (tcp) {
        tcp_.assign(tcp.release());
        wait_tcp();
    }
    if (udp) {
        sockaddr_storage name{};
        socklen_t length = sizeof name;
        udp_is_v6_ = ::getsockname(udp.get(), reinterpret_cast<sockaddr*>(&name), &length) == 0 && name.ss_family == AF_INET6;
        udp_->assign(udp.release());
        wait_udp();
    }
}

Entry::~Entry() { close(); }

void Entry::use(const plan::Forward& plan)
{
    plan_ = plan;
    if (plan_.max_clients == 0) return;
    // Who is here already takes a place, too.
    loop_.streams.each([this](LiveStream& stream) {
        if (stream.forward == plan_.id) stream.count_client();
    });
}

void Entry::close()
{
    alive_.reset();
    error_code ignored;
    if (tcp_.is_open()) tcp_.close(ignored);
    if (udp_->is_open()) udp_->close(ignored);
    udp_again_.cancel();
}

void Entry::wait_tcp()
{
    tcp_.async_wait(asio::posix::stream_descriptor::wait_read, [this, alive = std::weak_ptr<bool>(alive_)](const error_code& problem) {
        if (problem || alive.expired()) return;
        if (accept_some()) wait_tcp();
    });
}

void Entry::tick()
{
    if (!std::exchange(short_of_descriptors_, false) || !tcp_.is_open()) return;
    if (accept_some()) wait_tcp();
}

// False: out of descriptors; the next tick looks again.
bool Entry::accept_some()
{
    for (int i = 0; i < accepts_per_turn; ++i) {
        sockaddr_storage name{};
        socklen_t length = sizeof name;
        forward::Descriptor client(::accept4(tcp_.native_handle(), reinterpret_cast<sockaddr*>(&name), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (client) {
            if (const auto from = Endpoint::from_sockaddr(name)) admit(std::move(client), *from);
            continue;
        }
        if (errno == EINTR || errno == ECONNABORTED) continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK) return true;
        log::warning("accept failed", {{"forward", plan_.id.value}, {"errno", errno}});
        short_of_descriptors_ = true;
        return false;
    }
    return true;
}

void Entry::admit(forward::Descriptor client, const Endpoint& from)
{
    auto* place = find_(*plan_.tunnel);
    if (place == nullptr || !forward::admits(plan_.sources, from.address) || loop_.budget->exhausted(1)) return forward::close_with_reset(client);
    auto entered = runtime_->enter(plan_, loop_.index, from.address);
    if (!entered) return forward::close_with_reset(client);
    forward::prepare_stream(client.get());
    forward::Slot::add(slot_.connections, 1);
    auto stream = std::make_shared<Client>(loop_, *plan_.tunnel, plan_, runtime_, slot_, *place, std::move(client), from, std::move(*entered));
    loop_.streams.add(stream);
    stream->start();
}

void Entry::wait_udp()
{
    udp_->async_wait(asio::posix::stream_descriptor::wait_read, [this, alive = std::weak_ptr<bool>(alive_)](const error_code& problem) {
        if (problem || alive.expired()) return;
        const auto held_back = receive_udp();
        if (alive.expired()) return;
        if (!held_back) return wait_udp();
        // What is not read waits in the socket: a slower path, as UDP knows it.
        udp_again_.expires_after(*held_back);
        udp_again_.async_wait([this, alive](const error_code& cancelled) {
            if (!cancelled && !alive.expired()) wait_udp();
        });
    });
}

Entry::Session* Entry::session_for(const forward::Datagrams& run)
{
    const Key key{run.from, run.has_local ? run.local : IpAddress{}};
    if (const auto found = sessions_->find(key); found != sessions_->end()) return found->second;
    auto* place = find_(*plan_.tunnel);
    if (place == nullptr || !forward::admits(plan_.sources, run.from.address) || sessions_->size() >= most_sessions) return nullptr;
    auto entered = runtime_->enter(plan_, loop_.index, run.from.address);
    if (!entered) return nullptr;
    forward::Slot::add(slot_.connections, 1);
    auto session = std::make_shared<Session>(*this, *plan_.tunnel, *place, key, run.has_local, std::move(*entered));
    loop_.streams.add(session);
    sessions_->emplace(key, session.get());
    session->out.start(session->moved);
    return session->is_over ? nullptr : session.get();
}

// When a speed limit has the next datagram wait: for how long.
std::optional<SteadyTime::duration> Entry::receive_udp()
{
    const auto& limits = runtime_->speed_limits[loop_.index];
    auto& receiver = forward::udp_batch_of_this_thread().receiver;
    for (int round = 0; round < 8; ++round) {
        std::size_t most = forward::UdpReceiver::batch;
        if (!limits.empty()) {
            const auto now = loop_.clock->steady();
            if (const auto ready = limits.ready_at(forward::Direction::up); ready > now) return ready - now;
            most = std::max<std::size_t>(1, limits.portion(forward::Direction::up, most * largest_run) / largest_run);
        }
        const int count = receiver.receive(udp_->native_handle(), true, most);
        if (count == 0) return std::nullopt;
        if (count < 0) continue; // an error of an earlier send; the queue is still there
        for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
            const auto& run = receiver[i];
            auto* session = session_for(run);
            if (session == nullptr) continue;
            limits.passed(forward::Direction::up, run.length, loop_.clock->steady());
            std::size_t at = 0;
            do {
                const auto size = std::min(run.size, run.length - at);
                session->send({run.data + at, size});
                at += size;
            } while (at < run.length);
        }
    }
    return std::nullopt;
}

} // namespace sluice::tunnel
