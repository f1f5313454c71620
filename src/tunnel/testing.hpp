// For tests: nodes in one process, and the plans that make them a tunnel.
#pragma once

#include "base/random.hpp"
#include "forward/counters.hpp"
#include "forward/descriptor_budget.hpp"
#include "forward/limit_book.hpp"
#include "tunnel/engine.hpp"
#include "tunnel/testing_peers.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace sluice::tunnel::testing {

enum class Protocol { tcp, tls, wss, mtcp, mtls, mwss };

struct Shape {
    std::vector<int> reverse{}; // nodes that dial the one before them
    int parallel_exits = 1;     // nodes of the last place
};

// A tunnel: node 0 is the entry, the last ones are exits.
class World {
public:
    World() : folder_(std::filesystem::temp_directory_path() / ("sluice-tunnel-" + random_hex(8))) { std::filesystem::create_directory(folder_); }
    ~World()
    {
        nodes_.clear();
        std::filesystem::remove_all(folder_);
    }

    // `legs[i]`: the protocol into place i + 1.
    void build(const std::vector<Protocol>& legs, const Shape& shape = {})
    {
        const auto places = legs.size() + 1;
        const auto count = places - 1 + static_cast<std::size_t>(shape.parallel_exits);
        for (std::size_t i = 0; i < count; ++i) {
            nodes_.push_back(std::make_unique<Node>(folder_.string() + "/counters-" + std::to_string(i)));
            plan::Tunnel tunnel;
            tunnel.id = id_;
            tunnel.address = IpAddress::from_v4(INADDR_LOOPBACK);
            nodes_.back()->plan.tunnels.push_back(std::move(tunnel));
        }
        last_place_ = places - 1;
        for (std::size_t place = 0; place + 1 < places; ++place) {
            const auto last = place + 1 == places - 1 ? count : place + 2;
            for (auto to = place + 1; to < last; ++to)
                join(place, to, legs[place], std::count(shape.reverse.begin(), shape.reverse.end(), static_cast<int>(to)) > 0);
        }
    }

    void add_forward(ForwardId id, const std::vector<HostPort>& targets)
    {
        plan::Forward forward;
        forward.id = id;
        forward.tunnel = id_;
        forward.port = free_port();
        forward.tcp_address = forward.udp_address = IpAddress::from_v4(INADDR_LOOPBACK);
        auto& forwards = nodes_.front()->plan.forwards;
        forwards.push_back(forward);
        std::sort(forwards.begin(), forwards.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
        ports_[id] = forward.port;
        for (std::size_t i = 1; i < last_place_; ++i) {
            auto& passes = nodes_[i]->plan.tunnels[0].passes;
            passes.insert(std::upper_bound(passes.begin(), passes.end(), id), id);
        }
        add_exit(id, targets);
    }
    void add_exit(ForwardId id, const std::vector<HostPort>& targets)
    {
        plan::Forward forward;
        forward.id = id;
        forward.targets = targets;
        for (auto i = last_place_; i < nodes_.size(); ++i) {
            auto& exits = nodes_[i]->plan.tunnels[0].exits;
            std::erase_if(exits, [&](const auto& one) { return one.id == id; });
            exits.push_back(forward);
            std::sort(exits.begin(), exits.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
        }
    }
    void remove_forward(ForwardId id)
    {
        std::erase_if(nodes_.front()->plan.forwards, [&](const auto& one) { return one.id == id; });
        for (auto& node : nodes_) {
            std::erase(node->plan.tunnels[0].passes, id);
            std::erase_if(node->plan.tunnels[0].exits, [&](const auto& one) { return one.id == id; });
        }
    }
    plan::Forward& forward(ForwardId id)
    {
        auto& forwards = nodes_.front()->plan.forwards;
        return *std::find_if(forwards.begin(), forwards.end(), [&](const auto& one) { return one.id == id; });
    }
    plan::Plan& plan(std::size_t node) { return nodes_[node]->plan; }

    // Everything listens, or the test ends here.
    void apply()
    {
        for (std::size_t i = nodes_.size(); i > 0; --i) apply(i - 1);
    }
    void apply(std::size_t node)
    {
        if (!nodes_[node]->engine) return;
        ++nodes_[node]->plan.revision;
        nodes_[node]->limits.learn(nodes_[node]->plan);
        const auto applied = nodes_[node]->engine->apply(nodes_[node]->plan);
        for (const auto& one : applied.forwards)
            if (!one.listening) throw std::runtime_error("forward: " + one.detail);
        for (const auto& one : applied.tunnels)
            if (!one.listening) throw std::runtime_error("tunnel: " + one.detail);
    }
    void kill(std::size_t node) { nodes_[node]->engine.reset(); }
    void revive(std::size_t node)
    {
        nodes_[node]->start();
        apply(node);
    }
    std::uint16_t port_of(ForwardId id) const { return ports_.at(id); }
    std::uint16_t entry_port(ForwardId id) const { return ports_.at(id); }

    // At the entry, when nothing is on its way any more.
    Traffic counted(ForwardId id) const
    {
        for (const auto& one : nodes_.front()->counters->snapshot())
            if (one.id == id) return one.traffic;
        return {};
    }
    // Behind the entry: what would be billed a second time.
    std::int64_t counted_elsewhere() const
    {
        std::int64_t sum = 0;
        for (std::size_t i = 1; i < nodes_.size(); ++i) {
            for (const auto& one : nodes_[i]->counters->snapshot()) sum += one.traffic.total().value;
        }
        return sum;
    }
    Traffic carried(std::size_t node, ForwardId id) const
    {
        for (const auto& one : nodes_[node]->counters->snapshot())
            if (one.id == id) return one.carried;
        return {};
    }
    std::uint64_t streams_seen(std::size_t node) const { return nodes_[node]->engine->streams_seen(); }

private:
    struct Node {
        explicit Node(const std::string& file) : identity(net::Identity::make())
        {
            auto opened = forward::CounterFile::open(file);
            if (!opened) throw std::runtime_error(describe(opened.error()));
            counters = std::move(*opened);
            budget.limit = 10'000;
            start();
        }
        void start()
        {
            EngineOptions options;
            options.workers = 2;
            options.clock = &clock;
            options.counters = counters.get();
            options.budget = &budget;
            options.limits = &limits;
            options.tick = Milliseconds{100};
            engine = std::make_unique<Engine>(options, identity);
        }
        SystemClock clock;
        net::Identity identity;
        std::unique_ptr<forward::CounterFile> counters;
        forward::DescriptorBudget budget;
        forward::LimitBook limits;
        plan::Plan plan;
        std::unique_ptr<Engine> engine; // last
    };

    void join(std::size_t from, std::size_t to, Protocol protocol, bool reverse)
    {
        const bool websocket = protocol == Protocol::wss || protocol == Protocol::mwss;
        const bool multiplexed = protocol >= Protocol::mtcp;
        auto& before = nodes_[from]->plan.tunnels[0];
        auto& after = nodes_[to]->plan.tunnels[0];
        auto& listening = reverse ? before : after;
        if (listening.port == 0) {
            listening.port = free_port();
            listening.websocket = websocket;
        }
        plan::Dial dial;
        dial.address = {"127.0.0.1", listening.port};
        dial.websocket = listening.websocket;
        if (protocol == Protocol::tls || protocol == Protocol::mtls) {
            dial.server_name = "www.example.com";
            dial.alpn = {"h2", "http/1.1"};
        }
        plan::Neighbour next{nodes_[to]->identity.fingerprint(), dial, multiplexed};
        plan::Neighbour previous{nodes_[from]->identity.fingerprint(), dial, multiplexed};
        (reverse ? next : previous).dial.reset();
        before.next.push_back(next);
        after.previous.push_back(previous);
    }

    const TunnelId id_{7};
    std::filesystem::path folder_;
    std::vector<std::unique_ptr<Node>> nodes_;
    std::map<ForwardId, std::uint16_t> ports_;
    std::size_t last_place_ = 0;
};

} // namespace sluice::tunnel::testing
