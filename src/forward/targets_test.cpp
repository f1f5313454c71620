#include "forward/targets.hpp"

#include <cerrno>
#include <doctest/doctest.h>
#include <map>
#include <set>
#include <string>

namespace sluice::forward {

namespace {

TargetPtr target(const char* host, std::uint16_t port = 80) { return std::make_shared<Target>(HostPort{host, port}, plan::IpPreference::automatic); }

IpAddress client(std::uint32_t number) { return IpAddress::from_v4(0x0A000000U + number); }

std::string order_text(const TargetSet& set, std::uint32_t number = 1)
{
    std::string text;
    for (const auto& candidate : set.order(client(number))) text += candidate.target->name().host.back();
    return text;
}

// Three targets with names that end in a, b, c ... as addresses.
std::vector<TargetPtr> three() { return {target("10.1.0.1"), target("10.1.0.2"), target("10.1.0.3")}; }

} // namespace

TEST_CASE("first means the first healthy one; the others are its backups")
{
    const auto targets = three();
    const TargetSet set(targets, plan::Pick::first);
    CHECK(order_text(set) == "123");
    targets[0]->mark_down(Trouble::refused);
    CHECK(order_text(set) == "231"); // a down one is still tried, last
    targets[1]->mark_down(Trouble::silent);
    CHECK(order_text(set) == "312");
    targets[2]->mark_down(Trouble::silent);
    CHECK(order_text(set) == "123");
    targets[0]->mark_up();
    CHECK(order_text(set) == "123");
}

TEST_CASE("round robin gives each healthy one its turn, also when one of them is down")
{
    const auto targets = three();
    const TargetSet set(targets, plan::Pick::round_robin);
    std::map<char, int> count;
    for (int i = 0; i < 30; ++i) ++count[order_text(set)[0]];
    CHECK(count == std::map<char, int>{{'1', 10}, {'2', 10}, {'3', 10}});
    targets[1]->mark_down(Trouble::refused);
    count.clear();
    for (int i = 0; i < 30; ++i) ++count[order_text(set)[0]];
    CHECK(count == std::map<char, int>{{'1', 15}, {'3', 15}}); // not 20 for the one after the dead one
    for (const auto& one : targets) one->mark_down(Trouble::refused);
    count.clear();
    for (int i = 0; i < 30; ++i) ++count[order_text(set)[0]];
    CHECK(count.size() == 3);
}

TEST_CASE("random uses every one and nothing else decides")
{
    const auto targets = three();
    const TargetSet set(targets, plan::Pick::random);
    std::set<std::string> seen;
    for (int i = 0; i < 600; ++i) seen.insert(order_text(set));
    CHECK(seen.size() == 6); // every order; the chance to miss one is below 1e-46
    targets[2]->mark_down(Trouble::refused);
    for (int i = 0; i < 50; ++i) CHECK(order_text(set)[2] == '3');
}

TEST_CASE("a client stays on its target while the healthy ones are the same")
{
    const auto targets = three();
    const TargetSet set(targets, plan::Pick::source_hash);
    std::map<std::uint32_t, char> home;
    std::map<char, int> share;
    for (std::uint32_t i = 0; i < 600; ++i) ++share[home[i] = order_text(set, i)[0]];
    for (const auto& [name, count] : share) {
        CHECK(count > 120);
        CHECK(count < 280);
    }
    for (std::uint32_t i = 0; i < 600; ++i) CHECK(order_text(set, i)[0] == home[i]);
    // Only the clients of a target that goes away move.
    targets[1]->mark_down(Trouble::silent);
    for (std::uint32_t i = 0; i < 600; ++i) {
        if (home[i] != '2') CHECK(order_text(set, i)[0] == home[i]);
    }
    targets[1]->mark_up();
    for (std::uint32_t i = 0; i < 600; ++i) CHECK(order_text(set, i)[0] == home[i]);
    // The order in which they are written down does not matter.
    const TargetSet turned({targets[2], targets[0], targets[1]}, plan::Pick::source_hash);
    for (std::uint32_t i = 0; i < 600; ++i) CHECK(order_text(turned, i)[0] == home[i]);
}

TEST_CASE("least connections takes the one with the fewest, the first of equals")
{
    const auto targets = three();
    const TargetSet set(targets, plan::Pick::least_connections);
    CHECK(order_text(set) == "123");
    targets[0]->open = 5;
    targets[1]->open = 2;
    targets[2]->open = 3;
    CHECK(order_text(set) == "231");
    targets[1]->mark_down(Trouble::refused);
    CHECK(order_text(set) == "312");
}

TEST_CASE("every address of a name is tried, up to a bound")
{
    const auto name = target("service.example");
    CHECK_FALSE(name->literal());
    const TargetSet set({name, target("10.1.0.2")}, plan::Pick::first);
    CHECK(set.order(client(1)).size() == 1); // what does not resolve is passed over
    std::vector<Endpoint> addresses;
    for (std::uint32_t i = 0; i < 20; ++i) addresses.push_back({client(i), 80});
    name->set_addresses(addresses);
    const auto all = set.order(client(1));
    REQUIRE(all.size() == 8);
    CHECK(all[0].address == addresses[0]);
    CHECK(all[7].address == addresses[7]);
}

TEST_CASE("a refused connection says nothing about datagrams, a silent host does")
{
    const auto targets = three();
    const TargetSet set(targets, plan::Pick::first);
    const SteadyTime now{Seconds{1000}};
    const auto first = [&](SteadyTime when) { return set.order_for_datagrams(client(1), when).at(0).target; };
    CHECK(first(now) == targets[0]);
    CHECK(set.order_for_datagrams(client(1), now).size() == 1);
    targets[0]->mark_down(Trouble::refused);
    CHECK(first(now) == targets[0]);
    targets[0]->mark_down(Trouble::silent);
    CHECK(first(now) == targets[1]);
    targets[1]->refused_datagram(now);
    CHECK(first(now) == targets[2]);
    CHECK_FALSE(targets[1]->down()); // its connections go on
    CHECK(first(now + Seconds{4}) == targets[2]);
    CHECK(first(now + Seconds{5}) == targets[1]); // tried again soon
}

TEST_CASE("only what a target does is held against it")
{
    for (const int problem : {ECONNREFUSED, ECONNRESET, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH}) CHECK(is_targets_doing(problem));
    // Our own shortage of ports, memory and descriptors, and rules on this host. A client can cause the first by connecting often.
    for (const int problem : {EADDRNOTAVAIL, EAGAIN, ENOBUFS, ENOMEM, EMFILE, ENFILE, EACCES, EPERM, ENODEV}) CHECK_FALSE(is_targets_doing(problem));
    CHECK(trouble_of(ECONNREFUSED) == Trouble::refused);
    CHECK(trouble_of(ETIMEDOUT) == Trouble::silent);
}

} // namespace sluice::forward
