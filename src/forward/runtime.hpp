// What the workers share about one forward: its wish, its targets, its open connections. The wish is replaced as a whole; a relay keeps
// the one it began with.
#pragma once

#include "forward/client_book.hpp"
#include "forward/counters.hpp"
#include "forward/shared_cap.hpp"
#include "forward/speed_limit.hpp"
#include "forward/targets.hpp"
#include "plan/plan.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace sluice::forward {

class Keeper;
class TcpListener;
class UdpListener;

struct Wish {
    plan::Forward plan;
    std::shared_ptr<const TargetSet> targets;
};
using WishPtr = std::shared_ptr<const Wish>;

struct Runtime {
    ForwardId id;
    std::atomic<std::uint32_t> open{0};               // TCP connections and UDP sessions, all workers
    std::atomic<std::uint32_t>* open_total = nullptr; // of the engine
    Keeper* keeper = nullptr;
    std::vector<Slot*> slots;              // by worker; set before the first listener, never changed
    std::vector<SpeedLimits> speed_limits; // by worker, each touched on its loop only
    std::vector<SharedCapPtr> shared_caps; // the same; null: none
    struct Local {
        TcpListener* tcp = nullptr;
        UdpListener* udp = nullptr;
    };
    std::vector<Local> local; // the same; not through tunnels
    ClientBook clients;
    std::function<void(const ClientPtr&)> cut_client; // cuts all that it has, soon; from any thread

    // Counts one more if every cap allows it; absent: refused. What is in it goes back with leave(): null where nobody counts clients.
    std::optional<ClientPtr> enter(const plan::Forward& plan, unsigned worker, const IpAddress& from)
    {
        const auto before = open.fetch_add(1, std::memory_order_seq_cst);
        const auto& shared = shared_caps[worker];
        if ((plan.max_connections != 0 && before >= plan.max_connections) || (shared && shared->exceeded())) {
            open.fetch_sub(1, std::memory_order_relaxed);
            return std::nullopt;
        }
        ClientBook::Entered entered;
        if (plan.max_clients != 0) {
            entered = clients.enter(from, plan.max_clients, plan.replace_clients);
            if (!entered.client) {
                open.fetch_sub(1, std::memory_order_relaxed);
                return std::nullopt;
            }
            if (entered.replaced) cut_client(entered.replaced);
        }
        open_total->fetch_add(1, std::memory_order_relaxed);
        return std::move(entered.client);
    }
    // Counts one that was admitted before, by the process before this one: no cap refuses it.
    ClientPtr enter_again(const plan::Forward& plan, const IpAddress& from)
    {
        open.fetch_add(1, std::memory_order_seq_cst);
        open_total->fetch_add(1, std::memory_order_relaxed);
        return plan.max_clients == 0 ? nullptr : clients.join(from);
    }
    void leave(const ClientPtr& client)
    {
        clients.leave(client);
        open.fetch_sub(1, std::memory_order_relaxed);
        open_total->fetch_sub(1, std::memory_order_relaxed);
    }
};

// Deny wins; an empty allow list admits everybody.
inline bool admits(const plan::SourceList& sources, const IpAddress& client)
{
    for (const auto& network : sources.deny) {
        if (network.contains(client)) return false;
    }
    if (sources.allow.empty()) return true;
    for (const auto& network : sources.allow) {
        if (network.contains(client)) return true;
    }
    return false;
}

} // namespace sluice::forward
