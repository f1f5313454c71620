// The engine and its successor (handover.hpp).
#include "base/log.hpp"
#include "forward/engine_impl.hpp"

#include <iterator>
#include <utility>

namespace sluice::forward {

void Engine::Impl::close_inherited()
{
    for (auto& held : std::exchange(inherited, {})) {
        for (const int socket : held.sockets) Descriptor{socket}.reset();
    }
}

unsigned Engine::workers() const { return static_cast<unsigned>(impl_->workers.size()); }

std::vector<HeldListener> Engine::listeners() const
{
    std::vector<HeldListener> held;
    for (const auto& [id, one] : impl_->active) {
        HeldListener tcp{Transport::tcp, {one.plan.tcp_address, one.plan.port}, {}};
        HeldListener udp{Transport::udp, {one.plan.udp_address, one.plan.port}, {}};
        for (const auto& listener : one.tcp) tcp.sockets.push_back(listener->descriptor());
        for (const auto& listener : one.udp) udp.sockets.push_back(listener->descriptor());
        if (!tcp.sockets.empty()) held.push_back(std::move(tcp));
        if (!udp.sockets.empty()) held.push_back(std::move(udp));
    }
    return held;
}

HeldTraffic Engine::freeze()
{
    auto& self = *impl_;
    auto freeze = std::make_shared<Impl::Freeze>();
    freeze->shown.resize(self.workers.size());
    self.frozen = freeze;
    for (std::size_t i = 0; i < self.workers.size(); ++i) {
        self.workers[i]->post([freeze, i, impl = impl_.get()] {
            auto& mine = freeze->shown[i];
            for (auto& [id, one] : impl->active) {
                if (!one.tcp.empty()) one.tcp[i]->show(mine.relays);
                if (!one.udp.empty()) one.udp[i]->show(mine.sessions);
            }
            std::unique_lock lock(freeze->mutex);
            ++freeze->arrived;
            freeze->changed.notify_all();
            freeze->changed.wait(lock, [&] { return freeze->over; });
        });
    }
    std::unique_lock lock(freeze->mutex);
    freeze->changed.wait(lock, [&] { return freeze->arrived == self.workers.size(); });
    HeldTraffic all;
    for (auto& part : freeze->shown) {
        std::move(part.relays.begin(), part.relays.end(), std::back_inserter(all.relays));
        std::move(part.sessions.begin(), part.sessions.end(), std::back_inserter(all.sessions));
    }
    return all;
}

void Engine::thaw()
{
    const auto freeze = std::exchange(impl_->frozen, nullptr);
    if (!freeze) return;
    const std::lock_guard lock(freeze->mutex);
    freeze->over = true;
    freeze->changed.notify_all();
}

void Engine::inherit(std::vector<HeldListener> listeners) { impl_->inherited = std::move(listeners); }

// Its target as the plan knows it; one that left the plan is known by its name only.
TargetPtr Engine::Impl::target_named(const Active& one, const HostPort& name)
{
    for (const auto& target : one.targets->all()) {
        if (target->name() == name) return target;
    }
    return std::make_shared<Target>(name, one.plan.preference, one.plan.egress_interface);
}

void Engine::Impl::take_over(HeldTraffic traffic)
{
    const auto count = static_cast<unsigned>(workers.size());
    for (auto& held : traffic.relays) {
        const auto found = active.find(held.forward);
        if (found == active.end() || found->second.tcp.empty()) {
            for (const int socket : {held.client, held.target}) {
                Descriptor gone(socket);
                close_with_reset(gone);
            }
            continue;
        }
        auto& one = found->second;
        const auto index = held.worker % count;
        auto target = target_named(one, held.target_name);
        workers[index]->post([&listener = *one.tcp[index], held = std::move(held), target = std::move(target)] { listener.take_over(held, target); });
    }
    for (auto& held : traffic.sessions) {
        const auto found = active.find(held.forward);
        if (found == active.end() || found->second.udp.empty()) {
            Descriptor{held.socket}.reset();
            continue;
        }
        auto& one = found->second;
        const auto index = held.worker % count;
        auto target = target_named(one, held.target_name);
        workers[index]->post([&listener = *one.udp[index], held = std::move(held), target = std::move(target)] { listener.take_over(held, target); });
    }
}

void Engine::resume(HeldTraffic traffic)
{
    auto& self = *impl_;
    if (self.stopped || !std::exchange(self.paused, false)) return;
    self.counters->settle();
    // Sessions before their listeners: a datagram must find the session that it belongs to.
    self.take_over(std::move(traffic));
    for (std::size_t i = 0; i < self.workers.size(); ++i) {
        self.workers[i]->call([&] {
            for (auto& [id, one] : self.active) {
                const bool tcp = one.tcp.empty() || one.tcp[i]->open();
                const bool udp = one.udp.empty() || one.udp[i]->open();
                if (!tcp || !udp) log::error("the event loop refused a listener", {{"forward", id.value}});
            }
        });
    }
    self.close_inherited();
}

} // namespace sluice::forward
