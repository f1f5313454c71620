#include "forward/listeners.hpp"

#include "base/log.hpp"

#include <cerrno>
#include <sys/epoll.h>
#include <vector>

namespace sluice::forward {

namespace {

constexpr int batches_per_turn = 8;

} // namespace

UdpReceiver& receiver_of_this_thread()
{
    thread_local UdpReceiver receiver;
    return receiver;
}

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
}

UdpListener::~UdpListener() = default;

bool UdpListener::open()
{
    worker_.tick_me(*this, true);
    return worker_.add(socket_.get(), EPOLLIN, source_);
}

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
    if (!admits(plan.sources, run.from.address) || sessions_.size() >= most_sessions || worker_.budget().exhausted(1)) return nullptr;
    const auto candidates = wish_->targets->order(run.from.address, 1);
    if (candidates.empty() || !runtime_->enter(plan.max_connections)) return nullptr;
    int problem = 0;
    auto session = std::make_unique<Session>(*this, key);
    session->socket = open_upstream(Transport::udp, candidates.front().address, plan.egress_interface, problem);
    session->source = {session.get(), 0};
    if (!session->socket || !worker_.add(session->socket.get(), EPOLLIN, session->source)) {
        runtime_->leave();
        return nullptr;
    }
    session->has_local = run.has_local;
    session->target = candidates.front().target;
    session->target->open.fetch_add(1, std::memory_order_relaxed);
    session->moved = worker_.now();
    worker_.budget().used.fetch_add(1, std::memory_order_relaxed);
    Slot::add(runtime_->slots[worker_.index()]->connections, 1);
    return sessions_.emplace(key, std::move(session)).first->second.get();
}

void UdpListener::receive_clients()
{
    auto& receiver = receiver_of_this_thread();
    auto& slot = *runtime_->slots[worker_.index()];
    for (int round = 0; round < batches_per_turn; ++round) {
        if (!socket_) return;
        const int count = receiver.receive(socket_.get(), true);
        if (count == 0) return;
        if (count < 0) continue; // an error of an earlier send; the queue is still there
        UdpSender sender;
        Session* current = nullptr;
        const auto flush = [&] {
            if (current == nullptr) return;
            Slot::add(slot.up, sender.flush().bytes);
            if (sender.segment_refused()) current->may_segment = false;
        };
        for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
            auto* session = session_for(receiver[i]);
            if (session == nullptr) continue;
            if (session != current) {
                flush();
                current = session;
                sender.begin(session->socket.get(), nullptr, false, nullptr, session->may_segment);
            }
            session->moved = worker_.now();
            sender.add(receiver[i]);
        }
        flush();
    }
    worker_.run_again(*this);
}

void UdpListener::receive_target(Session& session)
{
    auto& receiver = receiver_of_this_thread();
    auto& slot = *runtime_->slots[worker_.index()];
    for (int round = 0; round < batches_per_turn; ++round) {
        const int count = receiver.receive(session.socket.get(), false);
        if (count == 0) return;
        if (count < 0) {
            // "Connection refused" is the target's ICMP; the next datagram may find it listening again.
            if (errno == ECONNREFUSED) continue;
            return remove(session);
        }
        UdpSender sender;
        sender.begin(socket_.get(), &session.key.client, v6_, session.has_local ? &session.key.local : nullptr, may_segment_);
        for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) sender.add(receiver[i]);
        Slot::add(slot.down, sender.flush().bytes);
        if (sender.segment_refused()) may_segment_ = false;
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
    worker_.budget().used.fetch_sub(1, std::memory_order_relaxed);
    runtime_->leave();
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
