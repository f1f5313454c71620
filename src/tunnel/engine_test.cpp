// Entry, two middles and exit in one process, joined by real sockets on the loopback interface, for every protocol. Every wait is for a condition.
#include "tunnel/testing.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::tunnel;
using namespace sluice::tunnel::testing;

namespace {

constexpr std::array protocols{Protocol::tcp, Protocol::tls, Protocol::wss, Protocol::mtcp, Protocol::mtls, Protocol::mwss};

std::string name_of(Protocol protocol)
{
    constexpr std::array names{"tcp", "tls", "wss", "mtcp", "mtls", "mwss"};
    return names[static_cast<std::size_t>(protocol)];
}

} // namespace

TEST_CASE("TCP and UDP pass entry, two middles and exit on every protocol")
{
    for (const auto protocol : protocols) {
        CAPTURE(name_of(protocol));
        World world;
        EchoServer echo;
        world.build({protocol, protocol, protocol});
        world.add_forward(ForwardId{5}, {echo.tcp_target()});
        world.apply();
        Client client(world.entry_port(ForwardId{5}));
        const auto said = random_bytes(300'000);
        CHECK(client.exchange(said) == said);
        // A second and a third connection use carriers that are there.
        for (int i = 0; i < 3; ++i) CHECK(Client(world.entry_port(ForwardId{5})).exchange("hello") == "hello");

        world.add_forward(ForwardId{6}, {echo.udp_target()});
        world.apply();
        UdpClient udp(world.entry_port(ForwardId{6}));
        for (const std::size_t size : {1U, 1400U, 9000U, 60'000U}) {
            const auto datagram = random_bytes(size);
            CHECK(udp.exchange(datagram) == datagram);
        }
        // Counted when the system call has returned, which the client may be told before.
        CHECK(eventually([&] { return world.counted(ForwardId{5}) == Traffic{{300'000 + 15}, {300'000 + 15}}; }));
        CHECK(eventually([&] { return world.counted(ForwardId{6}).down.value >= 1 + 1400 + 9000 + 60'000; }));
        CHECK(world.counted(ForwardId{6}).up.value >= world.counted(ForwardId{6}).down.value); // what was asked again
        CHECK(world.counted_elsewhere() == 0);
    }
}

TEST_CASE("a question that ends with its half-close gets its answer")
{
    for (const auto protocol : {Protocol::tls, Protocol::mtls}) {
        World world;
        AnswerAtEndServer server; // says nothing before it has read everything
        world.build({protocol, protocol});
        world.add_forward(ForwardId{5}, {server.target()});
        world.apply();
        Client client(world.entry_port(ForwardId{5}));
        client.send("question");
        client.finish();
        CHECK(client.read_all() == "answer to 8 bytes");
    }
}

TEST_CASE("a server may speak first")
{
    World world;
    GreetingServer server;
    world.build({Protocol::mtls, Protocol::tcp});
    world.add_forward(ForwardId{5}, {server.target()});
    world.apply();
    Client client(world.entry_port(ForwardId{5}));
    CHECK(client.read_exactly(5) == "hello");
}

TEST_CASE("a target that refuses is a reset at the client, and does no harm to the path")
{
    World world;
    EchoServer echo;
    world.build({Protocol::mtcp, Protocol::tls});
    world.add_forward(ForwardId{5}, {HostPort{"127.0.0.1", free_port()}});
    world.add_forward(ForwardId{6}, {echo.tcp_target()});
    world.apply();
    for (int i = 0; i < 5; ++i) {
        Client client(world.entry_port(ForwardId{5}));
        client.send("anybody?");
        CHECK(client.read_all_or_reset() == ECONNRESET);
    }
    CHECK(world.counted(ForwardId{5}).up.value == 0); // nothing was delivered
    CHECK(Client(world.entry_port(ForwardId{6})).exchange("hello") == "hello");
}

TEST_CASE("streams that are not in the plan of the node that they reach are refused")
{
    World world;
    EchoServer echo;
    world.build({Protocol::mtls, Protocol::mtls});
    world.add_forward(ForwardId{5}, {echo.tcp_target()});
    world.apply();
    CHECK(Client(world.entry_port(ForwardId{5})).exchange("hello") == "hello");

    // The exit does not know of the forward, though the entry does.
    world.plan(2).tunnels[0].exits.clear();
    world.apply(2);
    {
        Client client(world.entry_port(ForwardId{5}));
        client.send("hello");
        CHECK(client.read_all_or_reset() == ECONNRESET);
    }
    // Nor the middle.
    world.add_exit(ForwardId{5}, {echo.tcp_target()});
    world.plan(1).tunnels[0].passes.clear();
    world.apply();
    Client client(world.entry_port(ForwardId{5}));
    client.send("hello");
    CHECK(client.read_all_or_reset() == ECONNRESET);
}

TEST_CASE("a neighbour with another key than the plan's is not reached, and nothing goes around it")
{
    World world;
    EchoServer echo;
    world.build({Protocol::tls});
    world.add_forward(ForwardId{5}, {echo.tcp_target()});
    world.plan(0).tunnels[0].next[0].key = net::Identity::make().fingerprint();
    world.apply();
    Client client(world.entry_port(ForwardId{5}));
    client.send("hello");
    CHECK(client.read_all_or_reset() == ECONNRESET);
    CHECK(echo.connections() == 0);
}

TEST_CASE("without a next place a connection fails, and works again when the place is back")
{
    for (const auto protocol : {Protocol::tcp, Protocol::mwss}) {
        World world;
        EchoServer echo;
        world.build({protocol, protocol, protocol});
        world.add_forward(ForwardId{5}, {echo.tcp_target()});
        world.apply();
        Client before(world.entry_port(ForwardId{5}));
        CHECK(before.exchange("hello") == "hello");
        world.kill(2);
        CHECK(before.read_all_or_reset() == ECONNRESET);
        {
            Client during(world.entry_port(ForwardId{5}));
            during.send("hello");
            CHECK(during.read_all_or_reset() == ECONNRESET);
        }
        const auto connections = echo.connections();
        world.revive(2);
        CHECK(eventually([&] { return Client(world.entry_port(ForwardId{5})).try_exchange("hello") == "hello"; }));
        CHECK(echo.connections() > connections);
    }
}

TEST_CASE("pausing a forward cuts its streams and no others; editing one cuts none")
{
    World world;
    EchoServer echo;
    world.build({Protocol::mtls, Protocol::mtls});
    for (int i = 5; i < 8; ++i) world.add_forward(ForwardId{i}, {echo.tcp_target()});
    world.apply();
    Client five(world.entry_port(ForwardId{5}));
    Client six(world.entry_port(ForwardId{6}));
    CHECK(five.exchange("hello") == "hello");
    CHECK(six.exchange("hello") == "hello");

    world.forward(ForwardId{6}).max_connections = 7;
    world.add_forward(ForwardId{9}, {echo.tcp_target()});
    world.remove_forward(ForwardId{5});
    world.apply();
    CHECK(five.read_all_or_reset() == ECONNRESET);
    CHECK(six.exchange("again") == "again");
    CHECK_FALSE(can_connect(world.port_of(ForwardId{5})));

    // The right ends at the exit as well, whatever the entry thinks.
    world.plan(2).tunnels[0].exits.erase(world.plan(2).tunnels[0].exits.begin());
    world.apply(2);
    CHECK(six.read_all_or_reset() == ECONNRESET);
}

TEST_CASE("later places count what they carry, and bill nobody for it")
{
    World world;
    EchoServer echo;
    world.build({Protocol::mtls, Protocol::tcp});
    world.add_forward(ForwardId{5}, {echo.tcp_target()});
    world.add_forward(ForwardId{6}, {echo.udp_target()});
    world.apply();
    const auto said = random_bytes(300'000);
    Client client(world.entry_port(ForwardId{5}));
    CHECK(client.exchange(said) == said);
    UdpClient udp(world.entry_port(ForwardId{6}));
    CHECK(udp.exchange("hello") == "hello");
    for (const std::size_t node : {std::size_t{1}, std::size_t{2}}) {
        CHECK(eventually([&] { return world.carried(node, ForwardId{5}) == Traffic{{300'000}, {300'000}}; }));
        CHECK(eventually([&] { return world.carried(node, ForwardId{6}) == Traffic{{5}, {5}}; }));
    }
    CHECK(world.counted_elsewhere() == 0);
}

TEST_CASE("so many client addresses hold for streams and datagrams alike, also when the cap comes later")
{
    World world;
    EchoServer echo;
    world.build({Protocol::mtls});
    world.add_forward(ForwardId{5}, {echo.tcp_target()});
    world.apply();
    Client first(world.entry_port(ForwardId{5}), "127.0.0.2");
    CHECK(first.exchange("hello") == "hello");
    world.forward(ForwardId{5}).max_clients = 1;
    world.apply();
    CHECK(first.exchange("again") == "again");
    Client refused(world.entry_port(ForwardId{5}), "127.0.0.3");
    CHECK(refused.read_all_or_reset() == ECONNRESET);
    world.forward(ForwardId{5}).replace_clients = true;
    world.apply();
    Client second(world.entry_port(ForwardId{5}), "127.0.0.3");
    CHECK(second.exchange("hello") == "hello");
    CHECK(first.read_all_or_reset() == ECONNRESET);
}

TEST_CASE("a cap that forwards share counts the connections of all of them")
{
    World world;
    EchoServer echo;
    world.build({Protocol::mtls});
    for (int i = 5; i < 7; ++i) {
        world.add_forward(ForwardId{i}, {echo.tcp_target()});
        world.forward(ForwardId{i}).connection_cap = plan::CapId{1};
    }
    world.plan(0).connection_caps = {{plan::CapId{1}, 2}};
    world.apply();
    Client one(world.entry_port(ForwardId{5}));
    CHECK(one.exchange("hello") == "hello");
    {
        Client two(world.entry_port(ForwardId{6}));
        CHECK(two.exchange("hello") == "hello");
        Client three(world.entry_port(ForwardId{6}));
        CHECK(three.read_all_or_reset() == ECONNRESET);
    }
    CHECK(eventually([&] { return Client(world.entry_port(ForwardId{6})).exchange("x") == "x"; }));
}

TEST_CASE("nodes that somebody else pays for count what passes, middle and exit, TCP and UDP, and go on after a change")
{
    World world;
    EchoServer echo;
    world.build({Protocol::mtls, Protocol::tls});
    world.add_forward(ForwardId{5}, {echo.tcp_target()});
    world.add_forward(ForwardId{6}, {echo.udp_target()});
    world.plan(1).tunnels[0].counter = ForwardId{100};
    world.plan(2).tunnels[0].counter = ForwardId{200};
    world.apply();
    const auto said = random_bytes(200'000);
    CHECK(Client(world.entry_port(ForwardId{5})).exchange(said) == said);
    const auto agree = [&] {
        auto entry = world.counted(ForwardId{5});
        entry += world.counted(ForwardId{6});
        return entry.up.value > 0 && world.carried(1, ForwardId{100}) == entry && world.carried(2, ForwardId{200}) == entry;
    };
    CHECK(eventually(agree));
    UdpClient udp(world.entry_port(ForwardId{6}));
    CHECK(udp.exchange("datagram") == "datagram");
    CHECK(eventually([&] {
        return world.carried(2, ForwardId{200}).down.value >= 200'008 && world.carried(1, ForwardId{100}) == world.carried(2, ForwardId{200});
    }));
    // Another counter is another payer: what was open under the old one is cut, and nothing more is counted there.
    Client open(world.entry_port(ForwardId{5}));
    CHECK(open.exchange("hello") == "hello");
    const auto before = world.carried(2, ForwardId{200});
    world.plan(2).tunnels[0].counter = ForwardId{201};
    world.apply(2);
    CHECK(open.read_all_or_reset() == ECONNRESET);
    CHECK(eventually([&] { return Client(world.entry_port(ForwardId{5})).exchange("again") == "again"; }));
    CHECK(world.carried(2, ForwardId{200}) == before);
    CHECK(eventually([&] { return world.carried(2, ForwardId{201}).down.value >= 5; }));
}

TEST_CASE("a node without an open port dials the place before it")
{
    for (const auto protocol : {Protocol::tls, Protocol::mtcp, Protocol::mwss}) {
        CAPTURE(name_of(protocol));
        World world;
        EchoServer echo;
        world.build({protocol, protocol}, {.reverse = {2}});
        world.add_forward(ForwardId{5}, {echo.tcp_target()});
        world.apply();
        CHECK(eventually([&] { return Client(world.entry_port(ForwardId{5})).try_exchange("hello") == "hello"; }));
        std::vector<std::unique_ptr<Client>> many;
        for (int i = 0; i < 40; ++i) many.push_back(std::make_unique<Client>(world.entry_port(ForwardId{5})));
        for (auto& client : many) CHECK(client->exchange("all at once") == "all at once");
        world.kill(2);
        CHECK(many.front()->read_all_or_reset() == ECONNRESET);
        world.revive(2);
        CHECK(eventually([&] { return Client(world.entry_port(ForwardId{5})).try_exchange("hello") == "hello"; }));
    }
}

TEST_CASE("a failed node of a place is passed over")
{
    World world;
    EchoServer echo;
    world.build({Protocol::mtls}, {.parallel_exits = 2});
    world.add_forward(ForwardId{5}, {echo.tcp_target()});
    world.apply();
    for (int i = 0; i < 10; ++i) CHECK(Client(world.entry_port(ForwardId{5})).exchange("hello") == "hello");
    CHECK(world.streams_seen(1) > 0);
    CHECK(world.streams_seen(2) > 0);
    world.kill(1);
    int failures = 0;
    for (int i = 0; i < 20; ++i) failures += Client(world.entry_port(ForwardId{5})).try_exchange("hello") == "hello" ? 0 : 1;
    CHECK(failures <= 1); // the one that was on its way
}

TEST_CASE("a speed limit holds TCP and UDP in each direction, and follows its change")
{
    World world;
    EchoServer echo;
    world.build({Protocol::mtls, Protocol::tcp});
    world.add_forward(ForwardId{5}, {echo.tcp_target()});
    world.add_forward(ForwardId{6}, {echo.udp_target()});
    const plan::LimitId limit{3};
    constexpr std::uint64_t rate = 1'000'000;
    world.forward(ForwardId{5}).speed_limits = {limit};
    world.forward(ForwardId{6}).speed_limits = {limit};
    const auto said = random_bytes(400'000);
    // What passes at once after a silence is 50 ms at the rate, and one portion more; the rest takes its time, however fast the machine is.
    constexpr std::chrono::milliseconds at_least{300};
    using Rates = std::pair<std::uint64_t, std::uint64_t>;
    for (const auto& [up, down] : {Rates{rate, 0}, Rates{0, rate}}) {
        CAPTURE(up);
        world.plan(0).speed_limits = {{limit, up, down}};
        world.apply();
        const auto began = std::chrono::steady_clock::now();
        Client client(world.entry_port(ForwardId{5}));
        CHECK(client.exchange(said) == said);
        CHECK(std::chrono::steady_clock::now() - began >= at_least);

        const auto before = std::chrono::steady_clock::now();
        UdpClient udp(world.entry_port(ForwardId{6}));
        for (int i = 0; i < 8; ++i) {
            const auto datagram = random_bytes(50'000);
            CHECK(udp.exchange(datagram) == datagram);
        }
        CHECK(std::chrono::steady_clock::now() - before >= at_least);
    }
    // A connection that is there feels that the limit is gone: at the old rate this would outlast every deadline.
    world.plan(0).speed_limits = {{limit, 1000, 1000}};
    world.apply();
    Client client(world.entry_port(ForwardId{5}));
    CHECK(client.exchange("hello") == "hello");
    world.plan(0).speed_limits.clear();
    for (const auto id : {ForwardId{5}, ForwardId{6}}) world.forward(id).speed_limits.clear();
    world.apply();
    CHECK(client.exchange(said) == said);
}

TEST_CASE("random streams arrive whole while readers stall and clients reset")
{
    for (const auto protocol : protocols) {
        CAPTURE(name_of(protocol));
        World world;
        EchoServer echo;
        world.build({protocol, protocol, protocol});
        world.add_forward(ForwardId{5}, {echo.tcp_target()});
        world.apply();
        const auto port = world.entry_port(ForwardId{5});
        Client stalled(port);
        stalled.send_without_reading(8 * 1024 * 1024); // its echo is never read
        std::vector<std::thread> threads;
        std::atomic<int> whole{0};
        for (int i = 0; i < 6; ++i) {
            threads.emplace_back([&, i] {
                const auto said = random_bytes(200'000 + 300'000 * static_cast<std::size_t>(i % 3));
                Client client(port);
                if (client.exchange_slowly(said, i) == said) ++whole;
                Client rude(port);
                rude.send(said.substr(0, 50'000));
                rude.reset();
            });
        }
        for (auto& thread : threads) thread.join();
        CHECK(whole == 6);
    }
}
