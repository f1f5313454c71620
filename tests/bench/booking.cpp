// Books what nodes report, at a rate, beside somebody who reads: how many reports a second are booked, and how long the slowest of a hundred reads takes.
// For tests/bench/scale.py, which hands over a database and its key: booking DATABASE KEY-FILE. Prints one JSON object.
#include "base/file.hpp"
#include "panel/panel.hpp"
#include "store/store.hpp"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <thread>
#include <vector>

using namespace sluice;

namespace {

constexpr unsigned threads = 4; // as many as the hub has
constexpr double reports_per_second = 5'000;
constexpr auto duration = std::chrono::seconds(3);
constexpr int reads = 100;

struct Node {
    NodeId id;
    ForwardId forward; // one of those that it has
};

// Every report says that one forward of its node moved: it touches a forward, a user, an assignment, a day and a node.
void report(panel::Panel& panel, std::vector<Node> nodes, std::atomic<std::uint64_t>& booked, std::atomic<bool>& over)
{
    using Clock = std::chrono::steady_clock;
    const auto every = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(threads / reports_per_second));
    auto next = Clock::now();
    std::int64_t passed = 0;
    for (std::size_t i = 0; !over; ++i) {
        if (i % nodes.size() == 0) passed += 1'000;
        plan::ForwardCounters counters;
        counters.id = nodes[i % nodes.size()].forward;
        counters.epoch = 7;
        counters.traffic.down = {passed};
        if (panel.accounting().book(nodes[i % nodes.size()].id, {counters})) ++booked;
        next += every;
        std::this_thread::sleep_until(next);
    }
}

} // namespace

int main(int argc, char** argv)
{
    if (argc != 3) return 2;
    auto store = store::Store::open({argv[1]});
    if (!store) return 1;
    auto key = read_file(argv[2]);
    if (!key) return 1;
    const SystemClock clock;
    panel::Live live;
    panel::Panel panel(**store, clock, live, Secret{std::move(*key)});
    const panel::Actor admin{UserId{1}, "admin_user", domain::Role::admin, *IpAddress::parse("127.0.0.1")};
    std::vector<std::vector<Node>> nodes(threads);
    std::size_t turn = 0;
    const auto forwards = panel.forwards().list(admin);
    if (!forwards) return 1;
    std::vector<NodeId> seen;
    UserId person;
    for (const auto& view : *forwards) {
        if (view.forward.ports.empty() || view.forward.ports.front().node == NodeId{1}) continue;
        if (std::find(seen.begin(), seen.end(), view.forward.ports.front().node) != seen.end()) continue;
        seen.push_back(view.forward.ports.front().node);
        nodes[turn++ % threads].push_back({seen.back(), view.forward.id});
        person = view.forward.owner;
    }
    std::atomic<std::uint64_t> booked{0};
    std::atomic<bool> over{false};
    std::vector<std::thread> hub;
    const auto began = std::chrono::steady_clock::now();
    for (auto& some : nodes) hub.emplace_back([&, some] { report(panel, some, booked, over); });
    const panel::Actor reader{person, "reader", domain::Role::regular, *IpAddress::parse("127.0.0.1")};
    double slowest = 0;
    for (int i = 0; i < reads; ++i) {
        std::this_thread::sleep_until(began + duration * (i + 1) / reads);
        const auto before = std::chrono::steady_clock::now();
        if (!panel.forwards().list(reader)) return 1;
        slowest = std::max(slowest, std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - before).count());
    }
    over = true;
    const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    for (auto& one : hub) one.join();
    std::printf("{\"reports_per_second\": %.0f, \"slow_read_ms\": %.2f}\n", static_cast<double>(booked) / seconds, slowest);
    return 0;
}
