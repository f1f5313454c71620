#include "forward/engine.hpp"
#include "forward/testing.hpp"

namespace sluice::forward {

using namespace testing;

namespace {

const plan::ForwardResult& result_of(const plan::Applied& applied, std::int64_t id)
{
    for (const auto& one : applied.forwards) {
        if (one.id == ForwardId{id}) return one;
    }
    FAIL("no result for the forward");
    return applied.forwards.front();
}

struct Open {
    Descriptor client;
    Descriptor target;
    bool alive(std::string_view word) const { return send_all(client, word) && receive(target, word.size()) == word; }
};

Open open_through(const Stage& stage, const Server& server, std::size_t index = 0)
{
    Open open{stage.connect(index), {}};
    REQUIRE(open.client);
    open.target = server.accept();
    REQUIRE(open.alive("hello"));
    return open;
}

bool refuses(std::uint16_t port) { return !connect_to(loopback(port)); }

} // namespace

TEST_CASE("a plan is answered with its revision and one result per forward")
{
    Stage stage;
    Server server;
    stage.add({server.name()});
    stage.add({server.name()});
    stage.plan.revision = 41;
    const auto applied = stage.apply();
    CHECK(applied.revision == 42);
    REQUIRE(applied.forwards.size() == 2);
    CHECK(applied.forwards[0] == plan::ForwardResult{ForwardId{1}, true, plan::Fault::none, ""});
    CHECK(applied.forwards[1] == plan::ForwardResult{ForwardId{2}, true, plan::Fault::none, ""});
}

TEST_CASE("a forward whose datagram port is taken keeps no stream port either")
{
    Stage stage;
    Server server;
    auto& forward = stage.add({server.name()});
    const auto port = forward.port;
    auto taken = blocking_socket(SOCK_DGRAM);
    REQUIRE(bind_to(taken, loopback(port)));
    const auto applied = stage.apply();
    const auto& result = result_of(applied, 1);
    CHECK_FALSE(result.listening);
    CHECK(result.fault == plan::Fault::address_in_use);
    CHECK(result.detail == "udp 127.0.0.1:" + std::to_string(port) + ": Address already in use");
    CHECK(refuses(port));
    taken.reset();
    stage.listen(); // the same plan again: now it can
    CHECK_FALSE(refuses(port));
}

TEST_CASE("one forward that cannot listen does not keep the others from it")
{
    Stage stage;
    Server server;
    stage.add({server.name()});
    stage.add({server.name()}).tcp_address = address("192.0.2.1");
    stage.add({server.name()});
    const auto applied = stage.apply();
    CHECK(result_of(applied, 1).listening);
    CHECK_FALSE(result_of(applied, 2).listening);
    CHECK(result_of(applied, 2).fault == plan::Fault::address_not_local);
    CHECK(result_of(applied, 3).listening);
}

TEST_CASE("a target that does not resolve is said; the forward listens and serves once it does")
{
    Stage stage;
    stage.add({{"no-such-name.invalid", 80}});
    const auto applied = stage.apply();
    const auto& result = result_of(applied, 1);
    CHECK(result.listening);
    CHECK(result.fault == plan::Fault::target_unresolved);
    CHECK(result.detail.find("no-such-name.invalid") != std::string::npos);
    auto client = stage.connect();
    CHECK(ending(client) == Ending::reset);
}

TEST_CASE("switching a forward off closes its port and cuts its connections before the answer; switching it on listens again")
{
    Stage stage;
    Server server;
    stage.add({server.name()});
    stage.add({server.name()});
    stage.listen();
    auto cut = open_through(stage, server, 0);
    auto other = open_through(stage, server, 1);
    const auto paused = stage.plan.forwards[0];
    stage.plan.forwards.erase(stage.plan.forwards.begin());
    stage.apply();
    CHECK(stage.engine->open_connections() == 1);
    CHECK(ending(cut.client) == Ending::reset);
    CHECK(ending(cut.target) == Ending::reset);
    CHECK(refuses(paused.port));
    CHECK(other.alive("the other one goes on"));
    stage.plan.forwards.insert(stage.plan.forwards.begin(), paused);
    stage.listen();
    CHECK(open_through(stage, server, 0).alive("again"));
    CHECK(other.alive("and on"));
}

TEST_CASE("editing everything but the address leaves running connections alone and holds for new ones")
{
    Stage stage;
    Server before;
    Server after;
    stage.add({before.name()});
    stage.listen();
    auto running = open_through(stage, before);
    auto& forward = stage.plan.forwards[0];
    forward.targets = {after.name()};
    forward.pick = plan::Pick::round_robin;
    forward.max_connections = 5;
    forward.sources.deny = {Cidr::parse("127.0.0.9").value()};
    forward.idle_timeout = Seconds{5};
    forward.blocks.http = true;
    stage.listen();
    CHECK(running.alive("undisturbed"));
    stage.clock.advance(Seconds{60}); // the deadline of the edit is not that of the running one
    CHECK(running.alive("still"));
    CHECK(open_through(stage, after).alive("to the new target"));
    auto denied = connect_to(loopback(forward.port), Endpoint{address("127.0.0.9"), 0});
    CHECK(ending(denied) == Ending::reset);
}

TEST_CASE("switching datagrams off, on or elsewhere leaves the streams of the same forward alone")
{
    Stage stage;
    Server server;
    stage.add({server.name()});
    stage.listen();
    auto running = open_through(stage, server);
    auto& forward = stage.plan.forwards[0];
    forward.udp = false;
    stage.listen();
    CHECK(running.alive("without datagrams"));
    forward.udp = true;
    forward.udp_address = address("127.0.0.5");
    stage.listen();
    CHECK(running.alive("with datagrams"));
    SUBCASE("also when the datagram port cannot be had")
    {
        forward.udp_address = address("192.0.2.1");
        const auto applied = stage.apply();
        CHECK_FALSE(result_of(applied, 1).listening);
        CHECK(result_of(applied, 1).fault == plan::Fault::address_not_local);
        CHECK(running.alive("in spite of that"));
        forward.udp_address = address("127.0.0.1");
        stage.listen();
        CHECK(running.alive("after that"));
    }
    forward.tcp = false;
    stage.apply();
    CHECK(ending(running.client) == Ending::reset);
    CHECK(refuses(forward.port));
}

TEST_CASE("changing the port closes the old one and cuts")
{
    Stage stage;
    Server server;
    stage.add({server.name()});
    stage.listen();
    auto running = open_through(stage, server);
    const auto old = stage.plan.forwards[0].port;
    stage.plan.forwards[0].port = free_port();
    stage.listen();
    CHECK(ending(running.client) == Ending::reset);
    CHECK(refuses(old));
    CHECK(open_through(stage, server).alive("at the new one"));
}

TEST_CASE("a move to a port that is not to be had cuts nothing; only who insists loses the old one")
{
    Stage stage;
    Server server;
    stage.add({server.name()});
    stage.listen();
    auto running = open_through(stage, server);
    const auto old = stage.plan.forwards[0].port;
    auto taken = blocking_socket(SOCK_DGRAM);
    const auto port = free_port();
    REQUIRE(bind_to(taken, loopback(port)));
    stage.plan.forwards[0].port = port;
    const auto applied = stage.apply();
    CHECK_FALSE(result_of(applied, 1).listening);
    CHECK(result_of(applied, 1).fault == plan::Fault::address_in_use);
    CHECK(refuses(port));
    CHECK(running.alive("where it was"));
    SUBCASE("taken back")
    {
        stage.plan.forwards[0].port = old;
        stage.listen();
        CHECK(running.alive("as if nothing had been asked"));
        CHECK(open_through(stage, server).alive("also for new ones"));
    }
    SUBCASE("insisted on")
    {
        CHECK_FALSE(result_of(stage.apply(), 1).listening);
        CHECK(ending(running.client) == Ending::reset);
        CHECK(refuses(old));
        taken.reset();
        stage.listen();
        CHECK(open_through(stage, server).alive("at the new one"));
    }
    SUBCASE("another wish")
    {
        stage.plan.forwards[0].port = free_port();
        stage.listen();
        CHECK(ending(running.client) == Ending::reset);
        CHECK(refuses(old));
        CHECK(open_through(stage, server).alive("at the third"));
    }
}

TEST_CASE("a port may move from one forward to another within one plan")
{
    Stage stage;
    Server first;
    Server second;
    stage.add({first.name()});
    stage.add({second.name()});
    stage.listen();
    std::swap(stage.plan.forwards[0].port, stage.plan.forwards[1].port);
    stage.listen();
    CHECK(open_through(stage, first, 0).alive("swapped"));
    CHECK(open_through(stage, second, 1).alive("swapped"));
}

TEST_CASE("a thousand other forwards come and go without disturbing a running connection")
{
    Stage stage;
    Server server;
    stage.add({server.name()});
    stage.listen();
    auto running = open_through(stage, server);
    std::atomic<bool> done{false};
    std::size_t received = 0;
    bool right = true;
    std::thread reader([&] {
        Pattern pattern(1);
        while (right) {
            const auto got = receive(running.target, 10'000);
            if (got.empty()) break;
            right = got == pattern.take(got.size());
            received += got.size();
        }
    });
    std::size_t sent = 0;
    std::thread writer([&] {
        Pattern pattern(1);
        while (!done) {
            if (!send_all(running.client, pattern.take(10'000))) break;
            sent += 10'000;
        }
        ::shutdown(running.client.get(), SHUT_WR);
    });
    for (int i = 0; i < 1000; ++i) stage.add({server.name()});
    stage.listen();
    for (std::size_t i = 1; i <= 1000; ++i) stage.plan.forwards[i].max_connections = 7;
    stage.listen();
    CHECK(open_through(stage, server, 700).alive("one of them"));
    const auto refused = stage.plan.forwards[500].port;
    stage.plan.forwards.resize(1);
    stage.apply();
    CHECK(refuses(refused));
    done = true;
    writer.join();
    reader.join();
    CHECK(right);
    CHECK(sent > 0);
    CHECK(received == sent);
}

TEST_CASE("clients come back to the first target when it answers again")
{
    Stage stage;
    RefusingPort place;
    const auto port = place.port();
    Server backup;
    stage.add({place.name(), backup.name()});
    stage.listen();
    CHECK(open_through(stage, backup).alive("backup"));
    place.release();
    Server primary(port);
    CHECK(eventually([&] {
        stage.clock.advance(Milliseconds{200});
        const auto client = stage.connect();
        return eventually([&] { return primary.waiting() || backup.waiting(); }) && primary.waiting();
    }));
}

TEST_CASE("nothing that clients do marks a target as bad")
{
    Stage stage;
    Server first;
    Server second;
    auto& forward = stage.add({first.name(), second.name()});
    forward.blocks.http = true;
    stage.listen();
    for (int i = 0; i < 20; ++i) {
        auto client = stage.connect();
        auto target = first.accept();                               // always the first one
        if (i % 4 == 0) send_all(client, "GET / HTTP/1.1\r\n\r\n"); // blocked
        if (i % 4 == 1) reset_connection(client);
        if (i % 4 == 2) client.reset();
        if (i % 4 == 3) send_all(client, "half a word");
    }
    CHECK_FALSE(second.waiting());
}

TEST_CASE("targets share the load as the pick says, over all workers")
{
    Stage stage(2);
    Server one;
    Server two;
    auto& forward = stage.add({one.name(), two.name()});
    SUBCASE("least connections")
    {
        forward.pick = plan::Pick::least_connections;
        stage.listen();
        std::vector<Descriptor> clients;
        for (int i = 0; i < 10; ++i) {
            clients.push_back(stage.connect());
            REQUIRE(eventually([&] { return one.waiting() || two.waiting(); }));
            // Connected, and known to be so, before the next one chooses.
            auto target = (i % 2 == 0 ? one : two).accept();
            REQUIRE(send_all(target, "x"));
            REQUIRE(receive(clients.back(), 1) == "x");
            clients.push_back(std::move(target));
        }
    }
    SUBCASE("round robin")
    {
        forward.pick = plan::Pick::round_robin;
        stage.listen();
        std::vector<Descriptor> kept;
        for (int i = 0; i < 10; ++i) {
            kept.push_back(stage.connect());
            kept.push_back((i % 2 == 0 ? one : two).accept());
        }
    }
    SUBCASE("source hash")
    {
        forward.pick = plan::Pick::source_hash;
        stage.listen();
        for (int host = 1; host < 20; ++host) {
            const auto from = Endpoint{IpAddress::from_v4(0x7F000100U + static_cast<unsigned>(host)), 0};
            std::vector<bool> went;
            for (int i = 0; i < 3; ++i) {
                auto client = connect_to(loopback(forward.port), from);
                REQUIRE(eventually([&] { return one.waiting() || two.waiting(); }));
                went.push_back(one.waiting());
                (one.waiting() ? one : two).accept();
            }
            CHECK(went[0] == went[1]);
            CHECK(went[1] == went[2]);
        }
    }
}

TEST_CASE("counters survive a restart of the engine and of the process")
{
    Stage stage;
    Server server;
    stage.add({server.name()});
    stage.listen();
    open_through(stage, server);
    CHECK(stage.counted(5, 0));
    const auto epoch = stage.counters().epoch;
    stage.engine.reset();
    stage.start();
    CHECK(stage.counters().traffic.up.value == 5); // also before a plan is there
    stage.listen();
    open_through(stage, server);
    CHECK(stage.counted(10, 0));
    CHECK(stage.counters().epoch == epoch);
    CHECK(stage.counters().connections == 2);
}

TEST_CASE("a forward that left the plan keeps its counters until they are forgotten")
{
    Stage stage;
    Server server;
    stage.add({server.name()});
    stage.listen();
    open_through(stage, server);
    REQUIRE(stage.counted(5, 0));
    stage.engine->forget({ForwardId{1}}); // it is in the plan: nothing happens
    CHECK(stage.counters().traffic.up.value == 5);
    stage.plan.forwards.clear();
    stage.apply();
    CHECK(stage.counters().traffic.up.value == 5);
    stage.engine->forget({ForwardId{1}});
    CHECK(stage.engine->counters().empty());
}

TEST_CASE("stopping lets connections end by themselves, cuts them at the deadline, and counts every byte")
{
    Stage stage;
    Server server;
    stage.add({server.name()});
    stage.listen();
    const auto port = stage.plan.forwards[0].port;
    auto open = open_through(stage, server);
    SUBCASE("a connection that ends in time is served to its end")
    {
        std::thread stopper([&] { stage.engine->stop(Milliseconds{60'000}); });
        CHECK(open.alive("last words"));
        open.client.reset();
        CHECK(ending(open.target) == Ending::end_of_file);
        open.target.reset();
        stopper.join();
        CHECK(refuses(port));
        CHECK(stage.counters().traffic.up.value == 15);
    }
    SUBCASE("one that does not is cut")
    {
        stage.engine->stop(Milliseconds{1});
        CHECK(ending(open.client) == Ending::reset);
        CHECK(stage.counters().traffic.up.value == 5);
    }
    stage.engine->stop(Milliseconds{1}); // twice is harmless
    const auto applied = stage.apply();  // and a late plan is answered
    REQUIRE(applied.forwards.size() == 1);
    CHECK_FALSE(applied.forwards[0].listening);
}

} // namespace sluice::forward
