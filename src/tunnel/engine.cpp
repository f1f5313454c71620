#include "tunnel/engine.hpp"

#include "base/log.hpp"
#include "forward/counters.hpp"
#include "forward/descriptor_budget.hpp"
#include "forward/limit_book.hpp"
#include "tunnel/entry.hpp"
#include "tunnel/shard.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>
#include <sys/socket.h>
#include <thread>
#include <tuple>

namespace sluice::tunnel {

namespace {

// Counter slots of tunnels' loops; those below belong to the workers of direct forwards.
constexpr unsigned first_slot = 1000;

bool same_place(const plan::Forward& a, const plan::Forward& b)
{
    return a.tunnel == b.tunnel && a.port == b.port && a.tcp == b.tcp && a.udp == b.udp && a.tcp_address == b.tcp_address &&
           a.udp_address == b.udp_address;
}

} // namespace

class Engine::Impl {
public:
    // Accepts on the first loop and deals the sockets out.
    struct Listener {
        Listener(Impl& of, TunnelId id, forward::Descriptor socket) : impl(of), tunnel(id), accepting(of.shards.front()->loop.io, socket.release()) {}
        void wait(const std::shared_ptr<Listener>& self);

        Impl& impl;
        const TunnelId tunnel;
        asio::posix::stream_descriptor accepting;
        std::vector<unsigned> loops; // that have the tunnel
        std::size_t turn = 0;
    };
    struct Tunnel {
        TunnelWishPtr wish;
        std::shared_ptr<Listener> listener;
        std::vector<unsigned> loops;
        forward::ListenFailure failure;
    };
    struct Forward {
        plan::Forward plan;
        std::shared_ptr<forward::Runtime> runtime;
        std::vector<unsigned> loops;
        bool listening = false;
        forward::ListenFailure failure;
    };

    Impl(const EngineOptions& given, net::Identity who) : options(given), identity(std::move(who)), contexts(make_wire_contexts(identity.context()))
    {
    }

    void start();
    TunnelWishPtr make_wish(const plan::Tunnel& plan);
    forward::TargetPtr target(const HostPort& name, plan::IpPreference preference, const std::string& egress);
    std::vector<unsigned> loops_of(const TunnelWish& wish) const;
    void open_listener(Tunnel& one);
    void close_listener(Tunnel& one);
    void close_forward(Forward& one);
    void open_forward(Forward& one);
    void apply_tunnels(const plan::Plan& plan);
    void apply_forwards(const std::map<ForwardId, const plan::Forward*>& wished);
    void forget_unused_targets();

    const EngineOptions options;
    net::Identity identity;
    WireContexts contexts;
    std::unique_ptr<forward::Keeper> keeper;
    std::vector<std::unique_ptr<Shard>> shards; // made with the first tunnel
    std::map<TunnelId, Tunnel> tunnels;
    std::map<ForwardId, Forward> forwards;
    std::map<std::tuple<HostPort, plan::IpPreference, std::string>, forward::TargetPtr> targets;
    std::vector<forward::TargetPtr> fresh; // not yet resolved
    std::atomic<std::uint32_t> open_total{0};
    std::atomic<std::uint64_t> streams_seen{0};
    mutable std::mutex mutex; // guards `runtimes`
    std::map<ForwardId, std::shared_ptr<forward::Runtime>> runtimes;
    bool stopped = false;
};

void Engine::Impl::start()
{
    if (!shards.empty()) return;
    keeper = std::make_unique<forward::Keeper>(*options.clock, options.resolve_every);
    const unsigned count = options.workers != 0 ? options.workers : std::clamp(std::thread::hardware_concurrency(), 1U, 64U);
    for (unsigned i = 0; i < count; ++i) shards.push_back(std::make_unique<Shard>(i, count, options, contexts, *keeper, streams_seen));
}

void Engine::Impl::Listener::wait(const std::shared_ptr<Listener>& self)
{
    accepting.async_wait(asio::posix::stream_descriptor::wait_read, [this, self](const net::error_code& problem) {
        if (problem || !accepting.is_open()) return;
        for (int i = 0; i < 64; ++i) {
            const auto socket =
                std::make_shared<forward::Descriptor>(::accept4(accepting.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
            if (!*socket) {
                if (errno == EINTR || errno == ECONNABORTED) continue;
                if (errno == EAGAIN || errno == EWOULDBLOCK) break;
                // No descriptor: the queue is looked at again later instead of spinning.
                log::warning("carrier not accepted", {{"tunnel", tunnel.value}, {"errno", errno}});
                const auto timer = std::make_shared<asio::steady_timer>(impl.shards.front()->loop.io, std::chrono::seconds(1));
                timer->async_wait([this, self, timer](const net::error_code&) {
                    if (accepting.is_open()) wait(self);
                });
                return;
            }
            auto& shard = *impl.shards[loops[turn++ % loops.size()]];
            asio::post(shard.loop.io, [&shard, id = tunnel, socket] {
                if (const auto part = shard.parts.find(id); part != shard.parts.end()) part->second->accepted(std::move(*socket));
            });
        }
        wait(self);
    });
}

forward::TargetPtr Engine::Impl::target(const HostPort& name, plan::IpPreference preference, const std::string& egress)
{
    auto& known = targets[{name, preference, egress}];
    if (!known) {
        known = std::make_shared<forward::Target>(name, preference, egress);
        fresh.push_back(known);
    }
    return known;
}

TunnelWishPtr Engine::Impl::make_wish(const plan::Tunnel& plan)
{
    auto wish = std::make_shared<TunnelWish>();
    wish->plan = plan;
    for (const auto& forward : plan.exits) {
        std::vector<forward::TargetPtr> of_forward;
        for (const auto& name : forward.targets) of_forward.push_back(target(name, forward.preference, forward.egress_interface));
        wish->exits[forward.id] = std::make_shared<const forward::Wish>(
            forward::Wish{forward, std::make_shared<const forward::TargetSet>(std::move(of_forward), forward.pick)});
    }
    for (const auto* neighbours : {&plan.previous, &plan.next}) {
        for (const auto& neighbour : *neighbours) {
            if (neighbour.dial)
                wish->neighbours[neighbour.dial->address] = target(neighbour.dial->address, plan::IpPreference::automatic, plan.egress_interface);
        }
    }
    wish->one_loop = std::any_of(plan.next.begin(), plan.next.end(), [](const plan::Neighbour& next) { return !next.dial; });
    return wish;
}

std::vector<unsigned> Engine::Impl::loops_of(const TunnelWish& wish) const
{
    const auto count = static_cast<unsigned>(shards.size());
    if (wish.one_loop) return {static_cast<unsigned>(static_cast<std::uint64_t>(wish.plan.id.value) % count)};
    std::vector<unsigned> all;
    for (unsigned i = 0; i < count; ++i) all.push_back(i);
    return all;
}

void Engine::Impl::open_listener(Tunnel& one)
{
    const auto& plan = one.wish->plan;
    one.failure = {plan::Fault::none, {}};
    if (plan.port == 0 || one.listener) return;
    auto sockets = forward::open_listeners(forward::Transport::tcp, {plan.address, plan.port}, 1, one.failure);
    if (sockets.empty()) return;
    one.failure = {plan::Fault::none, {}};
    one.listener = std::make_shared<Listener>(*this, plan.id, std::move(sockets.front()));
    one.listener->loops = one.loops;
    shards.front()->call([&] { one.listener->wait(one.listener); });
}

void Engine::Impl::close_listener(Tunnel& one)
{
    if (!one.listener) return;
    shards.front()->call([&] {
        net::error_code ignored;
        one.listener->accepting.close(ignored);
    });
    one.listener.reset();
}

void Engine::Impl::apply_tunnels(const plan::Plan& plan)
{
    std::map<TunnelId, const plan::Tunnel*> wished;
    for (const auto& tunnel : plan.tunnels) wished.emplace(tunnel.id, &tunnel);
    for (auto it = tunnels.begin(); it != tunnels.end();) {
        const auto wish = wished.find(it->first);
        // Under another counter it is another tunnel: the streams that are there would go on counting where nobody looks.
        if (wish != wished.end() && it->second.wish->plan.counter == wish->second->counter) {
            const auto& old = it->second.wish->plan;
            if (old.port != wish->second->port || old.address != wish->second->address) close_listener(it->second);
            ++it;
            continue;
        }
        close_listener(it->second);
        for (auto& shard : shards) shard->call([&, id = it->first] { shard->parts.erase(id); });
        it = tunnels.erase(it);
    }
    for (const auto& [id, tunnel] : wished) {
        auto& one = tunnels[id];
        if (!one.wish || one.wish->plan != *tunnel) {
            one.wish = make_wish(*tunnel);
            const auto loops = loops_of(*one.wish);
            if (loops != one.loops) close_listener(one);
            one.loops = loops;
            for (unsigned i = 0; i < shards.size(); ++i) {
                auto& shard = *shards[i];
                const bool here = std::find(loops.begin(), loops.end(), i) != loops.end();
                shard.call([&, key = id] {
                    auto& part = shard.parts[key];
                    if (!here)
                        shard.parts.erase(key);
                    else if (part)
                        part->use(one.wish);
                    else
                        part = std::make_unique<Part>(shard.loop, one.wish);
                });
            }
        }
        open_listener(one);
    }
}

void Engine::Impl::close_forward(Forward& one)
{
    for (const auto i : one.loops) {
        auto& shard = *shards[i];
        shard.call([&] {
            const auto found = shard.entries.find(one.plan.id);
            if (found == shard.entries.end()) return;
            found->second->close();
            shard.loop.streams.cut_if([&](const LiveStream& stream) { return stream.forward == one.plan.id; }, Reason::cut);
            shard.entries.erase(found);
            shard.loop.streams.sweep();
        });
    }
    one.loops.clear();
    one.listening = false;
}

void Engine::Impl::open_forward(Forward& one)
{
    one.failure = {plan::Fault::none, {}};
    const auto tunnel = tunnels.find(*one.plan.tunnel);
    if (tunnel == tunnels.end()) { // it fails closed: no listener, no other way
        one.failure = {plan::Fault::other, "its tunnel is not in the plan"};
        return;
    }
    if (!one.runtime) {
        auto runtime = std::make_shared<forward::Runtime>();
        runtime->id = one.plan.id;
        runtime->open_total = &open_total;
        runtime->keeper = keeper.get();
        for (unsigned i = 0; i < shards.size(); ++i) {
            const auto slot = options.counters->slot(one.plan.id, first_slot + i);
            if (!slot) { // what cannot be counted is not forwarded
                one.failure = {plan::Fault::other, describe(slot.error())};
                return;
            }
            runtime->slots.push_back(*slot);
        }
        runtime->speed_limits.resize(shards.size());
        runtime->shared_caps.resize(shards.size());
        runtime->cut_client = [this](const forward::ClientPtr& client) {
            for (auto& shard : shards) {
                asio::post(shard->loop.io, [&loop = shard->loop, client] {
                    loop.streams.cut_if([&](const LiveStream& stream) { return stream.is_of(client); }, Reason::cut);
                });
            }
        };
        one.runtime = std::move(runtime);
        const std::lock_guard lock(mutex);
        runtimes[one.plan.id] = one.runtime;
    }
    const auto& loops = tunnel->second.loops;
    const auto count = static_cast<unsigned>(loops.size());
    std::vector<forward::Descriptor> tcp;
    std::vector<forward::Descriptor> udp;
    if (one.plan.tcp) {
        tcp = forward::open_listeners(forward::Transport::tcp, {one.plan.tcp_address, one.plan.port}, count, one.failure);
        if (tcp.empty()) return;
    }
    if (one.plan.udp) {
        udp = forward::open_listeners(forward::Transport::udp, {one.plan.udp_address, one.plan.port}, count, one.failure);
        if (udp.empty()) return;
    }
    one.failure = {plan::Fault::none, {}};
    one.loops = loops;
    for (std::size_t i = 0; i < loops.size(); ++i) {
        auto& shard = *shards[loops[i]];
        shard.call([&] {
            one.runtime->speed_limits[loops[i]] = options.limits->of(one.plan);
            one.runtime->shared_caps[loops[i]] = options.limits->cap_of(one.plan, one.runtime);
            const auto find = [&shard](TunnelId id) -> NextPlace* {
                const auto part = shard.parts.find(id);
                return part == shard.parts.end() || part->second->place().empty() ? nullptr : &part->second->place();
            };
            shard.entries[one.plan.id] =
                std::make_unique<Entry>(shard.loop, one.runtime, one.plan, find, tcp.empty() ? forward::Descriptor{} : std::move(tcp[i]),
                                        udp.empty() ? forward::Descriptor{} : std::move(udp[i]));
        });
    }
    one.listening = true;
}

void Engine::Impl::apply_forwards(const std::map<ForwardId, const plan::Forward*>& wished)
{
    for (const auto& [id, plan] : wished) {
        auto& one = forwards[id];
        if (one.listening && one.plan != *plan) {
            for (const auto i : one.loops) {
                shards[i]->call([&, key = id] {
                    one.runtime->speed_limits[i] = options.limits->of(*plan); // clients that are there feel it, too
                    one.runtime->shared_caps[i] = options.limits->cap_of(*plan, one.runtime);
                    shards[i]->entries.at(key)->use(*plan);
                });
            }
        }
        one.plan = *plan;
        if (!one.listening) open_forward(one);
    }
}

void Engine::Impl::forget_unused_targets()
{
    std::vector<forward::TargetPtr> all;
    std::erase_if(targets, [](const auto& item) { return item.second.use_count() == 1; });
    for (const auto& [key, one] : targets) all.push_back(one);
    if (keeper) keeper->watch(all);
}

Engine::Engine(const EngineOptions& options, net::Identity identity) : impl_(std::make_unique<Impl>(options, std::move(identity))) {}

Engine::~Engine() { stop(); }

plan::Applied Engine::apply(const plan::Plan& plan)
{
    auto& self = *impl_;
    plan::Applied applied;
    applied.revision = plan.revision;
    std::map<ForwardId, const plan::Forward*> wished;
    for (const auto& forward : plan.forwards) {
        if (forward.tunnel) wished.emplace(forward.id, &forward);
    }
    if (self.stopped) return applied;
    if (self.shards.empty() && wished.empty() && plan.tunnels.empty()) return applied;
    self.start();

    // First everything that closes: a port may move from one to another within one plan.
    std::set<TunnelId> staying;
    for (const auto& tunnel : plan.tunnels) staying.insert(tunnel.id);
    for (auto it = self.forwards.begin(); it != self.forwards.end();) {
        const auto wish = wished.find(it->first);
        if (wish != wished.end() && same_place(it->second.plan, *wish->second) && staying.contains(*it->second.plan.tunnel)) {
            ++it;
            continue;
        }
        self.close_forward(it->second);
        if (wish != wished.end()) {
            ++it;
            continue;
        }
        const std::lock_guard lock(self.mutex);
        self.runtimes.erase(it->first);
        it = self.forwards.erase(it);
    }
    self.apply_tunnels(plan);
    // A tunnel that moved to other loops takes its forwards along.
    for (auto& [id, one] : self.forwards) {
        const auto tunnel = self.tunnels.find(*one.plan.tunnel);
        if (one.listening && tunnel != self.tunnels.end() && tunnel->second.loops != one.loops) self.close_forward(one);
    }
    self.apply_forwards(wished);
    self.forget_unused_targets();
    if (!self.fresh.empty()) self.keeper->wait_resolved(std::exchange(self.fresh, {}), self.options.first_resolve);

    for (const auto& [id, one] : self.forwards) applied.forwards.push_back({id, one.listening, one.failure.fault, one.failure.detail});
    for (const auto& [id, one] : self.tunnels)
        applied.tunnels.push_back({id, one.wish->plan.port == 0 || one.listener != nullptr, one.failure.fault, one.failure.detail});
    return applied;
}

std::map<ForwardId, std::uint32_t> Engine::open_by_forward() const
{
    std::map<ForwardId, std::uint32_t> open;
    const std::lock_guard lock(impl_->mutex);
    for (const auto& [id, runtime] : impl_->runtimes) open[id] = runtime->open.load(std::memory_order_relaxed);
    return open;
}

std::uint32_t Engine::open_connections() const { return impl_->open_total.load(std::memory_order_relaxed); }

std::uint64_t Engine::streams_seen() const { return impl_->streams_seen.load(std::memory_order_relaxed); }

bool Engine::has(ForwardId forward) const { return impl_->forwards.contains(forward); }

bool Engine::counts(ForwardId forward) const
{
    if (has(forward)) return true;
    for (const auto& [id, one] : impl_->tunnels) {
        if (one.wish->plan.counter == forward) return true;
        const auto& passes = one.wish->plan.passes;
        if (one.wish->exits.contains(forward) || std::binary_search(passes.begin(), passes.end(), forward)) return true;
    }
    return false;
}

void Engine::stop_listening()
{
    auto& self = *impl_;
    if (self.stopped) return;
    for (auto& [id, one] : self.tunnels) self.close_listener(one);
    for (auto& shard : self.shards) {
        shard->call([&] {
            for (auto& [id, entry] : shard->entries) entry->close();
        });
    }
}

void Engine::stop()
{
    auto& self = *impl_;
    if (self.stopped) return;
    for (auto& [id, one] : self.forwards) self.close_forward(one);
    for (auto& [id, one] : self.tunnels) self.close_listener(one);
    self.stopped = true;
    self.shards.clear();
    self.forwards.clear();
    self.tunnels.clear();
    self.keeper.reset();
}

} // namespace sluice::tunnel
