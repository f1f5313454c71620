// What the engine is made of; for its own sources.
#pragma once

#include "forward/counters.hpp"
#include "forward/engine.hpp"
#include "forward/keeper.hpp"
#include "forward/limit_book.hpp"
#include "forward/listeners.hpp"
#include "forward/runtime.hpp"
#include "forward/sockets.hpp"
#include "forward/worker.hpp"

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace sluice::forward {

class Engine::Impl {
public:
    // A forward that was planned: listening or not.
    struct Active {
        plan::Forward plan;
        std::shared_ptr<Runtime> runtime;
        std::vector<std::unique_ptr<TcpListener>> tcp; // by worker; used on its loop only
        std::vector<std::unique_ptr<UdpListener>> udp;
        ListenFailure failure;
        std::shared_ptr<const TargetSet> targets;
        std::optional<plan::Forward> refused_move; // what it was to become and could not; until the next plan it serves as `plan` says

        bool listening() const { return (!plan.tcp || !tcp.empty()) && (!plan.udp || !udp.empty()); }
    };

    EngineOptions options;
    DescriptorBudget budget;
    std::unique_ptr<CounterFile> counters;
    std::unique_ptr<Keeper> keeper;
    std::vector<std::unique_ptr<Worker>> workers;
    std::map<ForwardId, Active> active;                                      // the thread that applies, and counters() under the lock
    using TargetKey = std::tuple<HostPort, plan::IpPreference, std::string>; // with where it is reached from
    std::map<TargetKey, TargetPtr> known_targets;
    LimitBook limits;
    std::atomic<std::uint32_t> open_total{0};
    mutable std::mutex mutex; // guards `runtimes`
    std::map<ForwardId, std::shared_ptr<Runtime>> runtimes;
    bool stopped = false;
    bool paused = false;
    std::vector<HeldListener> inherited; // not used yet; owned

    // Loops that stand still.
    struct Freeze {
        std::mutex mutex;
        std::condition_variable changed;
        std::size_t arrived = 0;
        bool over = false;
        std::vector<HeldTraffic> shown; // by worker
    };
    std::shared_ptr<Freeze> frozen;

    std::vector<Descriptor> listeners_at(Transport transport, const Endpoint& at, ListenFailure& failure);
    void close_inherited();
    TargetPtr target_named(const Active& one, const HostPort& name);
    void take_over(HeldTraffic traffic);
    std::shared_ptr<const TargetSet> make_targets(const plan::Forward& plan);
    // Sockets of a forward before its listeners own them.
    struct Sockets {
        std::vector<Descriptor> tcp;
        std::vector<Descriptor> udp;
    };
    using Wished = std::map<ForwardId, const plan::Forward*>;

    bool open_sockets(const plan::Forward& plan, bool tcp, bool udp, Sockets& sockets, ListenFailure& failure);
    std::map<ForwardId, Sockets> prepare_moves(const Wished& wished);
    bool gives_up(const Active& one, const Wished& wished, std::uint16_t port) const;
    void open(Active& one, Sockets sockets);
    void close_tcp(Active& one);
    void close_udp(Active& one);
    void close(Active& one)
    {
        close_tcp(one);
        close_udp(one);
    }
    void use(Active& one, const plan::Forward& plan);
    void cut_everywhere(const std::weak_ptr<Runtime>& runtime, const ClientPtr& client);
    void drop_unused_targets();
};

} // namespace sluice::forward
