#include "forward/engine.hpp"

#include "base/log.hpp"
#include "forward/engine_impl.hpp"

#include <algorithm>
#include <chrono>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>
#include <utility>

namespace sluice::forward {

namespace {

// Descriptors that the rest of the process needs (database, panel, listeners).
constexpr std::uint64_t kept_for_others = 512;

bool is_v6(int socket)
{
    sockaddr_storage name{};
    socklen_t length = sizeof name;
    return ::getsockname(socket, reinterpret_cast<sockaddr*>(&name), &length) == 0 && name.ss_family == AF_INET6;
}

// Whether the transport is closed where it is when `before` becomes `after`.
bool moves_tcp(const plan::Forward& before, const plan::Forward& after)
{
    return !after.tcp || before.port != after.port || before.tcp_address != after.tcp_address;
}
bool moves_udp(const plan::Forward& before, const plan::Forward& after)
{
    return !after.udp || before.port != after.port || before.udp_address != after.udp_address;
}

} // namespace

std::uint64_t raise_descriptor_limit()
{
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
    const auto hard = limit.rlim_max;
    if (limit.rlim_cur < hard) {
        limit.rlim_cur = hard;
        if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) ::getrlimit(RLIMIT_NOFILE, &limit);
    }
    return limit.rlim_cur;
}

std::shared_ptr<const TargetSet> Engine::Impl::make_targets(const plan::Forward& plan)
{
    // Forwards with the same target share what is known of it.
    std::vector<TargetPtr> targets;
    for (const auto& name : plan.targets) {
        auto& target = known_targets[{name, plan.preference, plan.egress_interface}];
        if (!target) target = std::make_shared<Target>(name, plan.preference, plan.egress_interface);
        targets.push_back(target);
    }
    return std::make_shared<const TargetSet>(std::move(targets), plan.pick);
}

void Engine::Impl::drop_unused_targets()
{
    std::erase_if(known_targets, [](const auto& item) { return item.second.use_count() == 1; });
    std::vector<TargetPtr> all;
    for (const auto& [key, target] : known_targets) all.push_back(target);
    keeper->watch(all);
}

std::vector<Descriptor> Engine::Impl::listeners_at(Transport transport, const Endpoint& at, ListenFailure& failure)
{
    for (auto& held : inherited) {
        if (held.transport != transport || held.at != at || held.sockets.size() != workers.size()) continue;
        std::vector<Descriptor> sockets;
        for (const int socket : std::exchange(held.sockets, {})) sockets.emplace_back(socket);
        return sockets;
    }
    return open_listeners(transport, at, static_cast<unsigned>(workers.size()), failure);
}

// False: `failure` says why, and nothing is open.
bool Engine::Impl::open_sockets(const plan::Forward& plan, bool tcp, bool udp, Sockets& sockets, ListenFailure& failure)
{
    const auto count = static_cast<unsigned>(workers.size());
    if (budget.exhausted(count * (static_cast<unsigned>(tcp) + static_cast<unsigned>(udp)))) {
        failure = {plan::Fault::no_descriptors, "all " + std::to_string(budget.limit) + " descriptors for forwarding are in use"};
        return false;
    }
    if (tcp) sockets.tcp = listeners_at(Transport::tcp, {plan.tcp_address, plan.port}, failure);
    if (tcp && sockets.tcp.empty()) return false;
    if (udp) sockets.udp = listeners_at(Transport::udp, {plan.udp_address, plan.port}, failure);
    if (!udp || !sockets.udp.empty()) return true;
    sockets = {};
    return false;
}

// Whether this plan makes `one` leave the port.
bool Engine::Impl::gives_up(const Active& one, const Wished& wished, std::uint16_t port) const
{
    if (one.plan.port != port || (one.tcp.empty() && one.udp.empty())) return false;
    const auto wish = wished.find(one.plan.id);
    return wish == wished.end() || moves_tcp(one.plan, *wish->second) || moves_udp(one.plan, *wish->second);
}

// Opens the new place of every forward that moves, before it leaves the old one: who asked for a place that is not to be had still has the
// old one with all its connections when he hears it, and can take his wish back. Who insists, by the same wish in the next plan, loses it.
std::map<ForwardId, Engine::Impl::Sockets> Engine::Impl::prepare_moves(const Wished& wished)
{
    std::map<ForwardId, Sockets> ready;
    for (auto& [id, one] : active) {
        const auto wish = wished.find(id);
        const bool insists = wish != wished.end() && one.refused_move == *wish->second;
        one.refused_move.reset();
        if (wish == wished.end() || !one.listening()) continue;
        const auto& after = *wish->second;
        const bool tcp = after.tcp && (moves_tcp(one.plan, after) || one.tcp.empty());
        const bool udp = after.udp && (moves_udp(one.plan, after) || one.udp.empty());
        if (!tcp && !udp) continue;
        // A port that is handed on within the plan is free only when everything that closes has closed.
        if (std::any_of(active.begin(), active.end(), [&](const auto& other) { return gives_up(other.second, wished, after.port); })) continue;
        Sockets sockets;
        ListenFailure failure{plan::Fault::none, {}};
        if (open_sockets(after, tcp, udp, sockets, failure)) {
            ready.emplace(id, std::move(sockets));
        } else if (!insists) {
            one.refused_move = after;
            one.failure = std::move(failure);
        }
    }
    return ready;
}

// Opens what is wished and not open yet; `sockets` are those that are open already. On failure nothing that it opened stays; a transport
// that was serving before goes on.
void Engine::Impl::open(Active& one, Sockets sockets)
{
    const auto count = static_cast<unsigned>(workers.size());
    one.failure = {plan::Fault::none, {}};
    if (!one.runtime) {
        auto runtime = std::make_shared<Runtime>();
        runtime->id = one.plan.id;
        runtime->open_total = &open_total;
        runtime->keeper = keeper.get();
        for (unsigned i = 0; i < count; ++i) {
            const auto slot = counters->slot(one.plan.id, i);
            if (!slot) { // what cannot be counted is not forwarded
                one.failure = {plan::Fault::other, describe(slot.error())};
                return;
            }
            runtime->slots.push_back(*slot);
        }
        runtime->speed_limits.assign(count, limits.of(one.plan));
        runtime->shared_caps.assign(count, limits.cap_of(one.plan, runtime));
        runtime->local.resize(count);
        runtime->cut_client = [this, weak = std::weak_ptr<Runtime>(runtime)](const ClientPtr& client) { cut_everywhere(weak, client); };
        one.runtime = std::move(runtime);
        const std::lock_guard lock(mutex);
        runtimes[one.plan.id] = one.runtime;
    }
    const bool open_tcp = one.plan.tcp && one.tcp.empty();
    const bool open_udp = one.plan.udp && one.udp.empty();
    auto& [tcp, udp] = sockets;
    if (Sockets missing; tcp.empty() && udp.empty()) {
        if (!open_sockets(one.plan, open_tcp, open_udp, missing, one.failure)) return;
        sockets = std::move(missing);
    }
    const auto wish = std::make_shared<const Wish>(Wish{one.plan, one.targets});
    if (open_tcp) one.tcp.resize(count);
    if (open_udp) one.udp.resize(count);
    budget.add(tcp.size() + udp.size());
    bool registered = true;
    for (unsigned i = 0; i < count; ++i) {
        auto& worker = *workers[i];
        worker.call([&] {
            if (open_tcp) {
                one.tcp[i] = std::make_unique<TcpListener>(worker, one.runtime, wish, std::move(tcp[i]));
                registered = (paused || one.tcp[i]->open()) && registered;
            }
            if (open_udp) {
                const bool v6 = is_v6(udp[i].get());
                one.udp[i] = std::make_unique<UdpListener>(worker, one.runtime, wish, std::move(udp[i]), v6);
                registered = (paused || one.udp[i]->open()) && registered;
            }
        });
    }
    if (!registered) {
        if (open_tcp) close_tcp(one);
        if (open_udp) close_udp(one);
        one.failure = {plan::Fault::other, "the event loop refused a listener"};
    }
}

void Engine::Impl::cut_everywhere(const std::weak_ptr<Runtime>& runtime, const ClientPtr& client)
{
    for (auto& worker : workers) {
        worker->post([runtime, client, i = worker->index()] {
            const auto of = runtime.lock();
            if (!of) return;
            if (of->local[i].tcp != nullptr) of->local[i].tcp->cut_client(client);
            if (of->local[i].udp != nullptr) of->local[i].udp->cut_client(client);
        });
    }
}

void Engine::Impl::close_tcp(Active& one)
{
    for (std::size_t i = 0; i < one.tcp.size(); ++i) {
        workers[i]->call([&] {
            one.tcp[i]->close_listener();
            one.tcp[i]->cut_all();
            workers[i]->bury(std::move(one.tcp[i]));
        });
    }
    budget.remove(one.tcp.size());
    one.tcp.clear();
}

void Engine::Impl::close_udp(Active& one)
{
    for (std::size_t i = 0; i < one.udp.size(); ++i) {
        workers[i]->call([&] {
            one.udp[i]->close_all();
            workers[i]->bury(std::move(one.udp[i]));
        });
    }
    budget.remove(one.udp.size());
    one.udp.clear();
}

void Engine::Impl::use(Active& one, const plan::Forward& plan)
{
    one.plan = plan;
    one.targets = make_targets(plan);
    if (!one.runtime) return;
    const auto wish = std::make_shared<const Wish>(Wish{one.plan, one.targets});
    for (std::size_t i = 0; i < workers.size(); ++i) {
        workers[i]->call([&] {
            one.runtime->speed_limits[i] = limits.of(plan); // connections that are open feel it, too
            one.runtime->shared_caps[i] = limits.cap_of(plan, one.runtime);
            if (!one.tcp.empty()) one.tcp[i]->use(wish);
            if (!one.udp.empty()) one.udp[i]->use(wish);
        });
    }
}

Engine::Engine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Engine>> Engine::start(const EngineOptions& options)
{
    auto impl = std::make_unique<Impl>();
    impl->options = options;
    const auto limit = raise_descriptor_limit();
    impl->budget.limit = limit > 2 * kept_for_others ? limit - kept_for_others : limit / 2;
    impl->paused = options.paused;
    auto counters = CounterFile::open(options.counter_file, options.paused);
    if (!counters) return counters.error();
    impl->counters = std::move(*counters);
    impl->keeper = std::make_unique<Keeper>(*options.clock, options.resolve_every);
    const unsigned count = options.workers != 0 ? options.workers : std::clamp(std::thread::hardware_concurrency(), 1U, 64U);
    for (unsigned i = 0; i < count; ++i) impl->workers.push_back(std::make_unique<Worker>(i, *options.clock, options.tick, impl->budget));
    return std::unique_ptr<Engine>(new Engine(std::move(impl)));
}

Engine::~Engine()
{
    if (impl_) stop(Milliseconds{0});
}

plan::Applied Engine::apply(const plan::Plan& plan)
{
    auto& self = *impl_;
    plan::Applied applied;
    applied.revision = plan.revision;
    if (self.stopped) {
        for (const auto& forward : plan.forwards) applied.forwards.push_back({forward.id, false, plan::Fault::other, "the node is stopping"});
        return applied;
    }
    Impl::Wished wished;
    for (const auto& forward : plan.forwards) wished.emplace(forward.id, &forward);

    self.limits.learn(plan);
    auto ready = self.prepare_moves(wished);
    // First everything that closes: a port may move from one forward to another within one plan.
    for (auto it = self.active.begin(); it != self.active.end();) {
        const auto wish = wished.find(it->first);
        if (wish == wished.end()) {
            self.close(it->second);
            const std::lock_guard lock(self.mutex);
            self.runtimes.erase(it->first);
            it = self.active.erase(it);
            continue;
        }
        // Only what moves or is switched off is closed.
        if (!it->second.refused_move) {
            if (moves_tcp(it->second.plan, *wish->second)) self.close_tcp(it->second);
            if (moves_udp(it->second.plan, *wish->second)) self.close_udp(it->second);
        }
        ++it;
    }
    std::vector<TargetPtr> fresh;
    for (const auto& [id, forward] : wished) {
        auto& one = self.active[id];
        if (one.refused_move) continue;
        if (one.plan != *forward || !one.targets) {
            self.use(one, *forward);
            fresh.insert(fresh.end(), one.targets->all().begin(), one.targets->all().end());
        }
        if (!one.listening()) self.open(one, std::move(ready[id]));
    }
    self.drop_unused_targets();
    if (!fresh.empty()) self.keeper->wait_resolved(fresh, self.options.first_resolve);

    for (const auto& [id, one] : self.active) {
        plan::ForwardResult result;
        result.id = id;
        result.listening = one.listening() && !one.refused_move;
        result.fault = one.failure.fault;
        result.detail = one.failure.detail;
        if (result.listening) {
            const auto& targets = one.targets->all();
            const bool none = std::all_of(targets.begin(), targets.end(), [](const TargetPtr& target) { return target->addresses().empty(); });
            if (none) {
                result.fault = plan::Fault::target_unresolved;
                result.detail = targets.front()->name().host + ": name does not resolve";
            }
        }
        applied.forwards.push_back(std::move(result));
    }
    return applied;
}

std::vector<plan::ForwardCounters> Engine::counters() const
{
    auto all = impl_->counters->snapshot();
    const std::lock_guard lock(impl_->mutex);
    for (auto& counter : all) {
        if (const auto found = impl_->runtimes.find(counter.id); found != impl_->runtimes.end())
            counter.open_connections = found->second->open.load(std::memory_order_relaxed);
    }
    return all;
}

void Engine::forget(const std::vector<ForwardId>& forwards)
{
    for (const auto id : forwards) {
        if (!impl_->active.contains(id)) impl_->counters->forget(id);
    }
}

std::uint32_t Engine::open_connections() const { return impl_->open_total.load(std::memory_order_relaxed); }

CounterFile& Engine::counter_file() { return *impl_->counters; }

DescriptorBudget& Engine::budget() { return impl_->budget; }

const LimitBook& Engine::limits() const { return impl_->limits; }

void Engine::learn_limits(const plan::Plan& plan) { impl_->limits.learn(plan); }

void Engine::stop(Milliseconds drain)
{
    auto& self = *impl_;
    if (self.stopped) return;
    self.stopped = true;
    thaw();
    self.close_inherited();
    for (std::size_t i = 0; i < self.workers.size(); ++i) {
        self.workers[i]->call([&] {
            for (auto& [id, one] : self.active) {
                if (!one.tcp.empty()) one.tcp[i]->close_listener();
                // A datagram session has no end that could be waited for.
                if (!one.udp.empty()) one.udp[i]->close_all();
            }
        });
    }
    const auto end = std::chrono::steady_clock::now() + drain;
    while (open_connections() > 0 && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(Milliseconds{20});
    for (auto& [id, one] : self.active) self.close(one);
    self.active.clear();
    for (auto& worker : self.workers) worker->stop();
    self.workers.clear();
    self.keeper.reset();
}

} // namespace sluice::forward
