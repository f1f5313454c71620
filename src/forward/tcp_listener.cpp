#include "forward/listeners.hpp"

#include "base/log.hpp"

#include <cassert>
#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace sluice::forward {

namespace {

constexpr int accepts_per_turn = 64;

} // namespace

TcpListener::TcpListener(Worker& worker, std::shared_ptr<Runtime> runtime, WishPtr wish, Descriptor socket)
    : worker_(worker), runtime_(std::move(runtime)), wish_(std::move(wish)), socket_(std::move(socket)), source_{this, 0}
{
    runtime_->local[worker.index()].tcp = this;
}

TcpListener::~TcpListener()
{
    assert(relays_.empty());
    if (auto& local = runtime_->local[worker_.index()]; local.tcp == this) local.tcp = nullptr; // another may have come after it
}

void TcpListener::use(WishPtr wish)
{
    wish_ = std::move(wish);
    if (wish_->plan.max_clients == 0) return;
    // Who is here already takes a place, too.
    for (auto& [relay, owned] : relays_) {
        auto& client = clients_[relay];
        if (!client) client = runtime_->clients.join(relay->from().address);
    }
}

void TcpListener::cut_client(const ClientPtr& client)
{
    std::vector<TcpRelay*> its;
    for (const auto& [relay, of] : clients_) {
        if (of == client) its.push_back(relay);
    }
    for (auto* relay : its) relay->cut();
}

bool TcpListener::open() { return worker_.add(socket_.get(), EPOLLIN, source_); }

void TcpListener::close_listener()
{
    socket_.reset();
    source_.handler = nullptr;
}

void TcpListener::cut_all()
{
    while (!relays_.empty()) relays_.begin()->second->cut();
}

void TcpListener::on_event(int, std::uint32_t) { accept_some(); }

void TcpListener::on_turn() { accept_some(); }

void TcpListener::on_tick(SteadyTime)
{
    // Descriptors ran out a moment ago; the queue is looked at again without waiting for another client.
    worker_.tick_me(*this, false);
    accept_some();
}

void TcpListener::accept_some()
{
    if (!socket_) return;
    for (int i = 0; i < accepts_per_turn; ++i) {
        sockaddr_storage name{};
        socklen_t length = sizeof name;
        Descriptor client(::accept4(socket_.get(), reinterpret_cast<sockaddr*>(&name), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (client) {
            if (const auto from = Endpoint::from_sockaddr(name)) admit(std::move(client), *from);
            continue;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) return;
        if (errno == EINTR || errno == ECONNABORTED) continue;
        if (errno == EMFILE || errno == ENFILE) {
            // Turns one client away, then waits for the next tick: spinning would help nobody.
            worker_.refuse_one(socket_.get());
            log::warning("no descriptor left for a connection", {{"forward", runtime_->id.value}});
            worker_.tick_me(*this, true);
            return;
        }
        log::warning("accept failed", {{"forward", runtime_->id.value}, {"errno", errno}});
        worker_.tick_me(*this, true);
        return;
    }
    worker_.run_again(*this);
}

void TcpListener::admit(Descriptor client, const Endpoint& from)
{
    const auto& plan = wish_->plan;
    if (!admits(plan.sources, from.address) || !worker_.may_open(2)) return close_with_reset(client);
    auto entered = runtime_->enter(plan, worker_.index(), from.address);
    if (!entered) return close_with_reset(client);
    Slot::add(runtime_->slots[worker_.index()]->connections, 1);
    auto relay = std::make_unique<TcpRelay>(worker_, *runtime_, wish_, std::move(client), from);
    auto& started = *relay;
    relays_.emplace(&started, std::move(relay));
    if (*entered) clients_.emplace(&started, std::move(*entered));
    started.start([this](TcpRelay& ended) { relay_ended(ended); });
}

void TcpListener::show(std::vector<HeldRelay>& relays)
{
    std::vector<TcpRelay*> all; // one that cannot be shown ends, and leaves the table
    all.reserve(relays_.size());
    for (const auto& [relay, owned] : relays_) all.push_back(relay);
    for (auto* relay : all) {
        if (auto held = relay->show()) relays.push_back(std::move(*held));
    }
}

// It was admitted and counted before.
void TcpListener::take_over(HeldRelay held, TargetPtr target)
{
    auto client = runtime_->enter_again(wish_->plan, held.from.address);
    auto relay = std::make_unique<TcpRelay>(worker_, *runtime_, wish_, Descriptor(held.client), held.from);
    auto& taken = *relay;
    relays_.emplace(&taken, std::move(relay));
    if (client) clients_.emplace(&taken, std::move(client));
    taken.take_over(std::move(held), std::move(target), [this](TcpRelay& ended) { relay_ended(ended); });
}

void TcpListener::relay_ended(TcpRelay& relay)
{
    const auto found = relays_.find(&relay);
    if (found == relays_.end()) return;
    auto owned = std::move(found->second);
    relays_.erase(found);
    const auto counted = clients_.extract(&relay);
    runtime_->leave(counted ? counted.mapped() : nullptr);
    worker_.bury(std::move(owned));
}

} // namespace sluice::forward
