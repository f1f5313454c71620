#include "forward/listeners.hpp"

#include "base/log.hpp"

#include <cerrno>
#include <sys/epoll.h>
#include <vector>

namespace sluice::forward {

namespace {

constexpr int batches_per_turn = 8;
constexpr std::size_t largest_run = 64 * 1024; // bytes that the kernel joins into one

} // namespace

std::size_t UdpListener::KeyHash::operator()(const Key& key) const noexcept
{
    std::uint64_t hash = 1469598103934665603ULL ^ key.client.port;
    for (const auto byte : key.client.address.bytes()) hash = (hash ^ byte) * 1099511628211ULL;
    for (const auto byte : key.local.bytes()) hash = (hash ^ byte) * 1099511628211ULL;
    return hash ^ hash >> 29U;
}

UdpListener::UdpListener(Worker& worker, std::shared_ptr<Runtime> runtime, WishPtr wish, Descriptor socket, bool v6)
    : worker_(worker), runtime_(std::move(runtime)), wish_(std::move(wish)), socket_(std::move(socket)), v6_(v6), source_{this, 0}
{
    runtime_->local[worker.index()].udp = this;
}

UdpListener::~UdpListener()
{
    if (auto& local = runtime_->local[worker_.index()]; local.udp == this) local.udp = nullptr; // another may have come after it
}

void UdpListener::use(WishPtr wish)
{
    wish_ = std::move(wish);
    if (wish_->plan.max_clients == 0) return;
    // Who is here already takes a place, too.
    for (auto& [key, session] : sessions_) {
        if (!session->client) session->client = runtime_->clients.join(key.client.address);
    }
}

void UdpListener::cut_client(const ClientPtr& client)
{
    std::vector<Session*> its;
    for (auto& [key, session] : sessions_) {
        if (session->client == client) its.push_back(session.get());
    }
    for (auto* session : its) remove(*session);
}

bool UdpListener::open() { return worker_.add(socket_.get(), EPOLLIN, source_); }

void UdpListener::close_all()
{
    while (!sessions_.empty()) remove(*sessions_.begin()->second);
    socket_.reset();
    source_.handler = nullptr;
}

void UdpListener::on_event(int, std::uint32_t) { receive_clients(); }

void UdpListener::on_turn() { receive_clients(); }

void UdpListener::on_tick(SteadyTime now)
{
    const auto limit = wish_->plan.udp_idle_timeout;
    std::vector<Session*> silent;
    for (auto& [key, session] : sessions_) {
        if (now - session->moved >= limit) silent.push_back(session.get());
    }
    for (auto* session : silent) remove(*session);
}

UdpListener::Session* UdpListener::session_for(const Datagrams& run)
{
    const Key key{run.from, run.has_local ? run.local : IpAddress{}};
    if (const auto found = sessions_.find(key); found != sessions_.end()) return found->second.get();
    const auto& plan = wish_->plan;
    if (!admits(plan.sources, run.from.address) || sessions_.size() >= most_sessions || !worker_.may_open(1)) return nullptr;
    const auto candidates = wish_->targets->order_for_datagrams(run.from.address, worker_.now());
    if (candidates.empty()) return nullptr;
    auto entered = runtime_->enter(plan, worker_.index(), run.from.address);
    if (!entered) return nullptr;
    int problem = 0;
    auto socket = open_upstream(Transport::udp, candidates.front().address, plan.egress_interface, problem);
    auto* session = add_session(key, run.has_local, std::move(socket), candidates.front().target, std::move(*entered));
    if (session != nullptr) Slot::add(runtime_->slots[worker_.index()]->connections, 1);
    return session;
}

// It was let in by its caller.
UdpListener::Session* UdpListener::add_session(const Key& key, bool has_local, Descriptor socket, TargetPtr target, ClientPtr client)
{
    auto session = std::make_unique<Session>(*this, key);
    session->socket = std::move(socket);
    session->source = {session.get(), 0};
    if (!session->socket || !worker_.add(session->socket.get(), EPOLLIN, session->source)) {
        runtime_->leave(client);
        return nullptr;
    }
    session->has_local = has_local;
    session->target = std::move(target);
    session->target->open.fetch_add(1, std::memory_order_relaxed);
    session->client = std::move(client);
    session->moved = worker_.now();
    worker_.budget().add(1);
    worker_.tick_me(*this, true);
    return sessions_.emplace(key, std::move(session)).first->second.get();
}

void UdpListener::show(std::vector<HeldSession>& sessions) const
{
    for (const auto& [key, session] : sessions_) {
        HeldSession held;
        held.forward = runtime_->id;
        held.worker = worker_.index();
        held.client = key.client;
        if (session->has_local) held.local = key.local;
        held.target_name = session->target->name();
        held.socket = session->socket.get();
        sessions.push_back(std::move(held));
    }
}

void UdpListener::take_over(const HeldSession& held, TargetPtr target)
{
    Descriptor socket(held.socket);
    const Key key{held.client, held.local.value_or(IpAddress{})};
    if (sessions_.contains(key)) return;
    auto client = runtime_->enter_again(wish_->plan, held.client.address);
    (void)add_session(key, held.local.has_value(), std::move(socket), std::move(target), std::move(client));
}

std::size_t UdpListener::may_receive(Direction direction, Handler& waiting)
{
    const auto& limits = speed_limits();
    if (limits.empty()) return UdpReceiver::batch;
    // What is not read waits in the socket, and what that cannot hold is lost: a slower path, as UDP knows it.
    if (const auto ready = limits.ready_at(direction); ready > worker_.now()) {
        worker_.wake_at(waiting, ready);
        return 0;
    }
    return std::max<std::size_t>(1, limits.portion(direction, UdpReceiver::batch * largest_run) / largest_run);
}

void UdpListener::receive_clients()
{
    auto& [receiver, sender] = udp_batch_of_this_thread();
    auto& slot = *runtime_->slots[worker_.index()];
    for (int round = 0; round < batches_per_turn; ++round) {
        if (!socket_) return;
        const auto most = may_receive(Direction::up, *this);
        if (most == 0) return;
        const int count = receiver.receive(socket_.get(), true, most);
        if (count == 0) return;
        if (count < 0) continue; // an error of an earlier send; the queue is still there
        Session* current = nullptr;
        for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
            auto* session = session_for(receiver[i]);
            if (session == nullptr) continue;
            if (session != current) {
                if (current != nullptr) sender.flush();
                current = session;
                sender.begin(session->socket.get(), nullptr, false, nullptr, up_meter(slot), session->largest_segment);
            }
            session->moved = worker_.now();
            speed_limits().passed(Direction::up, receiver[i].length, worker_.now());
            sender.add(receiver[i]);
        }
        if (current != nullptr) sender.flush();
    }
    worker_.run_again(*this);
}

void UdpListener::receive_target(Session& session)
{
    auto& [receiver, sender] = udp_batch_of_this_thread();
    auto& slot = *runtime_->slots[worker_.index()];
    for (int round = 0; round < batches_per_turn; ++round) {
        const auto most = may_receive(Direction::down, session);
        if (most == 0) return;
        const int count = receiver.receive(session.socket.get(), false, most);
        if (count == 0) return;
        if (count < 0) {
            if (errno != ECONNREFUSED) return remove(session);
            // The target's ICMP. With another target to go to, the client's next datagram goes there; else it may find this one listening again.
            session.target->refused_datagram(worker_.now());
            if (wish_->targets->all().size() > 1) return remove(session);
            continue;
        }
        sender.begin(socket_.get(), &session.key.client, v6_, session.has_local ? &session.key.local : nullptr, down_meter(slot), largest_segment_);
        for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
            speed_limits().passed(Direction::down, receiver[i].length, worker_.now());
            sender.add(receiver[i]);
        }
        sender.flush();
        session.moved = worker_.now();
    }
    worker_.run_again(session);
}

void UdpListener::remove(Session& session)
{
    const auto found = sessions_.find(session.key);
    if (found == sessions_.end()) return;
    std::unique_ptr<Session> owned = std::move(found->second);
    sessions_.erase(found);
    owned->target->open.fetch_sub(1, std::memory_order_relaxed);
    owned->socket.reset();
    owned->source.handler = nullptr;
    worker_.budget().remove(1);
    if (sessions_.empty()) worker_.tick_me(*this, false);
    runtime_->leave(owned->client);
    worker_.bury(std::move(owned));
}

void UdpListener::Session::on_event(int, std::uint32_t)
{
    if (socket) listener.receive_target(*this);
}

void UdpListener::Session::on_turn()
{
    if (socket) listener.receive_target(*this);
}

} // namespace sluice::forward
