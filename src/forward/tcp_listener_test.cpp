#include "forward/runtime.hpp"
#include "forward/testing.hpp"

#include <sys/resource.h>

namespace sluice::forward {

using namespace testing;

namespace {

plan::SourceList sources(std::vector<const char*> allow, std::vector<const char*> deny)
{
    plan::SourceList list;
    for (const auto* text : allow) list.allow.push_back(Cidr::parse(text).value());
    for (const auto* text : deny) list.deny.push_back(Cidr::parse(text).value());
    return list;
}

Descriptor from(const Stage& stage, const char* source) { return connect_to(loopback(stage.plan.forwards[0].port), Endpoint{address(source), 0}); }

} // namespace

TEST_CASE("deny wins over allow, and an empty allow list admits everybody")
{
    const auto list = sources({"10.0.0.0/8", "2001:db8::/32"}, {"10.1.0.0/16"});
    CHECK(admits(list, address("10.2.3.4")));
    CHECK_FALSE(admits(list, address("10.1.3.4")));
    CHECK_FALSE(admits(list, address("192.0.2.1")));
    CHECK(admits(list, address("2001:db8::1")));
    CHECK(admits(list, address("::ffff:10.2.3.4")));
    CHECK_FALSE(admits(list, address("::ffff:10.1.3.4"))); // no way around by spelling
    CHECK(admits({}, address("192.0.2.1")));
    CHECK_FALSE(admits(sources({}, {"0.0.0.0/0"}), address("192.0.2.1")));
    CHECK(admits(sources({}, {"0.0.0.0/0"}), address("2001:db8::1")));
}

TEST_CASE("clients that are not admitted are reset and never reach the target")
{
    Stage stage;
    Server server;
    stage.add({server.name()}).sources = sources({"127.0.0.0/30"}, {"127.0.0.2"});
    stage.listen();
    auto denied = from(stage, "127.0.0.2");
    CHECK(ending(denied) == Ending::reset);
    auto unlisted = from(stage, "127.0.0.9");
    CHECK(ending(unlisted) == Ending::reset);
    auto admitted = from(stage, "127.0.0.1");
    auto target = server.accept();
    REQUIRE(send_all(admitted, "in"));
    CHECK(receive(target, 2) == "in");
    CHECK_FALSE(server.waiting());
    CHECK(stage.counters().connections == 1);
}

TEST_CASE("the cap on connections holds over all workers and a freed place is used")
{
    Stage stage(2);
    Server server;
    stage.add({server.name()}).max_connections = 3;
    stage.listen();
    std::vector<Descriptor> clients;
    for (int i = 0; i < 3; ++i) {
        clients.push_back(stage.connect());
        server.accept();
    }
    std::vector<Descriptor> targets;
    for (int i = 0; i < 8; ++i) {
        auto refused = stage.connect();
        if (!refused) continue;
        const auto end = ending(refused);
        CHECK((end == Ending::reset || end == Ending::end_of_file));
    }
    clients.clear();
    CHECK(stage.idle());
    auto again = stage.connect();
    auto target = server.accept();
    REQUIRE(send_all(again, "a place"));
    CHECK(receive(target, 7) == "a place");
}

TEST_CASE("a burst of connections is served whole")
{
    Stage stage(2);
    Server server(0, 4096);
    stage.add({server.name()});
    stage.listen();
    constexpr std::size_t count = 1000;
    std::vector<Descriptor> clients;
    for (std::size_t i = 0; i < count; ++i) clients.push_back(stage.connect());
    for (std::size_t i = 0; i < count; ++i) {
        auto target = server.accept();
        REQUIRE(send_all(target, "1"));
    }
    for (const auto& client : clients) CHECK(receive(client, 1) == "1");
    CHECK(stage.counters().connections == count);
}

TEST_CASE("when descriptors run out clients are refused, and served again when some are free")
{
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    Stage stage(1); // raises the limit, so it is lowered after that
    Server server(0, 4096);
    stage.add({server.name()});
    stage.listen();
    auto first = stage.connect();
    auto target = server.accept();
    REQUIRE(send_all(first, "hello"));
    REQUIRE(receive(target, 5) == "hello");
    auto client = blocking_socket(SOCK_STREAM);
    // Every number that is still allowed gets taken: a low one may have been free, or another thread may just give one back.
    rlimit small = before;
    small.rlim_cur = static_cast<rlim_t>(client.get()) + 1;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &small) == 0);
    std::vector<Descriptor> fillers;
    for (int number = ::dup(client.get()); number >= 0; number = ::dup(client.get())) fillers.emplace_back(number);
    sockaddr_storage name{};
    const auto length = loopback(stage.plan.forwards[0].port).to_sockaddr(name);
    const bool reached = ::connect(client.get(), reinterpret_cast<const sockaddr*>(&name), length) == 0;
    const auto end = reached ? ending(client) : Ending::reset;
    // The connection that was there goes on meanwhile.
    const bool alive = send_all(first, "still") && receive(target, 5) == "still";
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
    CHECK(end == Ending::reset);
    CHECK(alive);
    fillers.clear();
    auto later = stage.connect();
    auto served = server.accept();
    REQUIRE(send_all(later, "ok"));
    CHECK(receive(served, 2) == "ok");
}

} // namespace sluice::forward
