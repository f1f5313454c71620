// The engine and the process that it lives in: killed, short of files, unable to count.
#include "forward/engine.hpp"
#include "forward/testing.hpp"

#include <csignal>
#include <sys/resource.h>
#include <sys/wait.h>

namespace sluice::forward {

using namespace testing;

TEST_CASE("an engine that is killed while it forwards has counted all that its clients received")
{
    TemporaryFolder folder;
    const auto file = folder.file("counters.bin");
    const auto port = free_port();
    Server server;
    int ready[2];
    REQUIRE(::pipe(ready) == 0);
    const auto child = ::fork();
    if (child == 0) {
        SystemClock clock;
        EngineOptions options;
        options.counter_file = file;
        options.workers = 2;
        options.clock = &clock;
        auto engine = Engine::start(options);
        plan::Plan plan;
        plan.revision = 1;
        plan.forwards.resize(1);
        auto& forward = plan.forwards[0];
        forward.id = ForwardId{1};
        forward.port = port;
        forward.udp = false;
        forward.tcp_address = loopback(0).address;
        forward.targets = {server.name()};
        const bool listening = engine && (*engine)->apply(plan).forwards[0].listening;
        if (!listening || ::write(ready[1], "!", 1) != 1) ::_exit(1);
        for (;;) ::pause();
    }
    ::close(ready[1]);
    char byte = 0;
    REQUIRE(::read(ready[0], &byte, 1) == 1);
    ::close(ready[0]);
    std::atomic<std::int64_t> sent{0};
    std::atomic<std::int64_t> received{0};
    auto client = connect_to(loopback(port));
    auto target = server.accept();
    std::thread writer([&] {
        const auto block = Pattern(1).take(100'000);
        for (;;) {
            const auto wrote = ::send(target.get(), block.data(), block.size(), MSG_NOSIGNAL);
            if (wrote <= 0) return;
            sent += wrote;
        }
    });
    std::thread reader([&] {
        std::string buffer(100'000, '\0');
        for (;;) {
            const auto got = ::recv(client.get(), buffer.data(), buffer.size(), 0);
            if (got <= 0) return;
            received += got;
        }
    });
    CHECK(eventually([&] { return received > 30'000'000; }));
    ::kill(child, SIGKILL);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    writer.join();
    reader.join();
    HeldClock clock;
    EngineOptions options;
    options.counter_file = file;
    options.workers = 1; // another number of workers loses nothing either
    options.clock = &clock;
    const auto engine = std::move(Engine::start(options).value());
    const auto counters = engine->counters();
    REQUIRE(counters.size() == 1);
    const auto counted = counters[0].traffic.down.value;
    INFO("counted " << counted << ", received " << received.load() << ", sent " << sent.load());
    CHECK(counted >= received);
    CHECK(counted <= sent);
}

TEST_CASE("the limit on open files is raised as far as the system allows")
{
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    rlimit low = before;
    low.rlim_cur = std::min<rlim_t>(before.rlim_max, 1024);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &low) == 0);
    CHECK(raise_descriptor_limit() == before.rlim_max);
    rlimit after{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &after) == 0);
    CHECK(after.rlim_cur == before.rlim_max);
}

TEST_CASE("a counter file that cannot be used is an error of the start")
{
    HeldClock clock;
    EngineOptions options;
    options.counter_file = "/proc/no/such/folder/counters.bin";
    options.clock = &clock;
    const auto engine = Engine::start(options);
    REQUIRE_FALSE(engine);
    CHECK(engine.error().field == "counters");
}

} // namespace sluice::forward
