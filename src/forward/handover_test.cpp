// A successor in the same process: it shares the counter file and has duplicates of all descriptors. The old engine stands still until the test ends, as
// the old process does until it is gone.
#include "forward/handover.hpp"
#include "forward/testing.hpp"

namespace sluice::forward {

using namespace testing;

namespace {

struct Change : Stage {
    Change() : Stage(2) {}
    ~Change()
    {
        successor.reset();
        engine->thaw();
    }

    void prepare()
    {
        EngineOptions options;
        options.counter_file = folder.file("counters.bin");
        options.workers = engine->workers();
        options.clock = &clock;
        options.tick = Milliseconds{2};
        options.paused = true;
        successor = std::move(Engine::start(options).value());
        auto listeners = engine->listeners();
        for (auto& one : listeners) {
            for (auto& socket : one.sockets) socket = ::dup(socket);
        }
        successor->inherit(std::move(listeners));
        for (const auto& result : successor->apply(plan).forwards) {
            INFO(result.detail);
            REQUIRE(result.listening);
        }
    }
    HeldTraffic freeze()
    {
        auto traffic = engine->freeze();
        for (auto& relay : traffic.relays) {
            relay.client = ::dup(relay.client);
            if (relay.target >= 0) relay.target = ::dup(relay.target);
        }
        for (auto& session : traffic.sessions) session.socket = ::dup(session.socket);
        return traffic;
    }
    void hand_over()
    {
        prepare();
        successor->resume(freeze());
    }
    bool successor_counted(std::int64_t up, std::int64_t down) const
    {
        return eventually([&] {
            const auto all = successor->counters();
            return all.size() == 1 && all[0].traffic.up.value == up && all[0].traffic.down.value == down;
        });
    }

    std::unique_ptr<Engine> successor;
};

} // namespace

TEST_CASE_FIXTURE(Change, "a successor goes on with a connection, and counts on from where the old one stopped")
{
    Server server;
    add({server.name()});
    listen();
    auto client = connect();
    auto target = server.accept();
    REQUIRE(send_all(client, "before"));
    REQUIRE(receive(target, 6) == "before");
    hand_over();
    CHECK(successor->open_connections() == 1);
    REQUIRE(send_all(client, "after"));
    CHECK(receive(target, 5) == "after");
    REQUIRE(send_all(target, "answer"));
    CHECK(receive(client, 6) == "answer");
    CHECK(successor_counted(11, 6));
    CHECK(successor->counters()[0].connections == 1);
    client.reset();
    CHECK(ending(target) == Ending::end_of_file);
}

TEST_CASE_FIXTURE(Change, "what was read and not yet written arrives once and in order")
{
    constexpr std::size_t bulk = std::size_t{24} * 1024 * 1024;
    Server server;
    add({server.name()});
    listen();
    auto client = connect();
    auto target = server.accept();
    std::thread sender([&] {
        Pattern pattern(7);
        for (std::size_t sent = 0; sent < bulk; sent += 64 * 1024) {
            if (!send_all(client, pattern.take(64 * 1024))) return;
        }
        ::shutdown(client.get(), SHUT_WR);
    });
    Pattern expected(7);
    bool same = receive(target, bulk / 2) == expected.take(bulk / 2);
    // The target does not read now, so bytes pile up in the relay; how many is the kernel's choice.
    hand_over();
    same = receive(target, bulk / 2) == expected.take(bulk / 2) && same;
    sender.join();
    CHECK(same);
    CHECK(ending(target) == Ending::end_of_file);
    CHECK(successor_counted(static_cast<std::int64_t>(bulk), 0));
    // The half that is closed stays closed, the other one is open.
    REQUIRE(send_all(target, "late answer"));
    CHECK(receive(client, 11) == "late answer");
}

TEST_CASE_FIXTURE(Change, "a half-closed connection stays half closed")
{
    Server server;
    add({server.name()});
    listen();
    auto client = connect();
    auto target = server.accept();
    ::shutdown(client.get(), SHUT_WR);
    REQUIRE(ending(target) == Ending::end_of_file);
    hand_over();
    REQUIRE(send_all(target, "and yet"));
    CHECK(receive(client, 7) == "and yet");
    target.reset();
    CHECK(eventually([&] { return successor->open_connections() == 0; }));
}

TEST_CASE_FIXTURE(Change, "a connect under way goes on, and clients who wait to be accepted are served")
{
    SilentPort silent;
    Server server;
    add({silent.name()});
    add({server.name()});
    listen();
    auto waits = connect(0);
    REQUIRE(waits);
    REQUIRE(eventually([&] { return engine->open_connections() == 1; }));
    prepare();
    auto traffic = freeze();
    REQUIRE(traffic.relays.size() == 1);
    CHECK(traffic.relays[0].connecting);
    auto queued = connect(1); // the kernel answers; nobody has accepted it
    REQUIRE(queued);
    REQUIRE(send_all(queued, "hello"));
    CHECK_FALSE(server.waiting());
    successor->resume(std::move(traffic));
    auto target = server.accept();
    CHECK(receive(target, 5) == "hello");
    CHECK(successor->open_connections() == 2);
}

TEST_CASE_FIXTURE(Change, "a datagram session keeps its socket towards the target")
{
    auto target = blocking_socket(SOCK_DGRAM);
    REQUIRE(bind_to(target, loopback(0)));
    add({{"127.0.0.1", port_of(target.get())}});
    listen();
    auto client = connect_to(loopback(plan.forwards[0].port), {}, SOCK_DGRAM);
    const auto hear = [&](std::string_view word) {
        REQUIRE(::send(client.get(), word.data(), word.size(), 0) == static_cast<ssize_t>(word.size()));
        char buffer[64];
        sockaddr_storage from{};
        socklen_t length = sizeof from;
        const auto got = ::recvfrom(target.get(), buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&from), &length);
        REQUIRE(std::string_view(buffer, static_cast<std::size_t>(got)) == word);
        return Endpoint::from_sockaddr(from).value();
    };
    const auto before = hear("one");
    prepare();
    auto traffic = freeze();
    REQUIRE(traffic.sessions.size() == 1);
    REQUIRE(::send(client.get(), "two", 3, 0) == 3); // waits in the listener
    successor->resume(std::move(traffic));
    char buffer[64];
    REQUIRE(::recv(target.get(), buffer, sizeof buffer, 0) == 3);
    CHECK(hear("three") == before);
    CHECK(successor->open_connections() == 1);
    CHECK(successor_counted(11, 0));
}

TEST_CASE_FIXTURE(Change, "an engine whose successor failed goes on as if nothing had happened")
{
    Server server;
    add({server.name()});
    listen();
    auto client = connect();
    auto target = server.accept();
    prepare();
    (void)engine->freeze();
    REQUIRE(send_all(client, "meanwhile"));
    auto other = connect();
    successor.reset();
    engine->thaw();
    CHECK(receive(target, 9) == "meanwhile");
    auto second = server.accept();
    REQUIRE(send_all(other, "new"));
    CHECK(receive(second, 3) == "new");
    CHECK(counted(12, 0));
}

TEST_CASE_FIXTURE(Change, "connections of a forward that is no longer planned are cut, and its port is closed")
{
    Server server;
    add({server.name()});
    listen();
    auto client = connect();
    auto target = server.accept();
    prepare();
    plan::Plan nothing;
    nothing.revision = plan.revision + 1;
    (void)successor->apply(nothing);
    successor->resume(freeze());
    CHECK(successor->open_connections() == 0);
}

} // namespace sluice::forward
