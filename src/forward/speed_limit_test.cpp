#include "forward/speed_limit.hpp"

#include "forward/testing.hpp"

#include <atomic>
#include <thread>

namespace sluice::forward {

using namespace testing;

namespace {

constexpr std::uint64_t megabyte = 1'000'000;
constexpr plan::LimitId first_limit{7};

// Sends zeros until its peer is gone.
class Sender {
public:
    explicit Sender(const Descriptor& socket) : thread_([this, descriptor = socket.get()] { run(descriptor); }) {}
    ~Sender() { thread_.join(); }
    Sender(const Sender&) = delete;
    Sender& operator=(const Sender&) = delete;

private:
    static void run(int descriptor)
    {
        const std::string bytes(64 * 1024, 'x');
        while (::send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0) {}
    }
    std::thread thread_;
};

// Reads and forgets until the end.
class Drain {
public:
    explicit Drain(Descriptor socket) : socket_(std::move(socket)), thread_([this] { run(); }) {}
    ~Drain()
    {
        ::shutdown(socket_.get(), SHUT_RDWR);
        thread_.join();
    }
    Drain(const Drain&) = delete;
    Drain& operator=(const Drain&) = delete;
    std::uint64_t got() const { return got_; }

private:
    void run()
    {
        std::string bytes(256 * 1024, '\0');
        for (;;) {
            const auto more = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
            if (more <= 0) return;
            got_ += static_cast<std::uint64_t>(more);
        }
    }
    Descriptor socket_;
    std::atomic<std::uint64_t> got_{0};
    std::thread thread_;
};

// One upload through a forward, as fast as it goes.
struct Upload {
    Upload(Stage& stage, const Server& server, std::size_t index) : client(stage.connect(index)), drain(server.accept()), sender(client) {}
    ~Upload() { ::shutdown(client.get(), SHUT_RDWR); }
    Descriptor client;
    Drain drain;
    Sender sender;
};

std::int64_t up(const Stage& stage, ForwardId id = ForwardId{1}) { return stage.counters(id).traffic.up.value; }

// Waits until what has passed stays the same for a while: the limit holds it back. Real time only decides how hard we look.
std::int64_t settled(const Stage& stage, ForwardId id = ForwardId{1})
{
    auto before = up(stage, id);
    for (int same = 0; same < 25;) {
        std::this_thread::sleep_for(std::chrono::milliseconds(4));
        const auto now = up(stage, id);
        same = now == before ? same + 1 : 0;
        before = now;
    }
    return before;
}

// Lets time pass in steps; after each the allowance of that step is used up.
void pass(Stage& stage, Milliseconds time, std::int64_t expected_at_least)
{
    constexpr Milliseconds step{10};
    const auto start = up(stage);
    const auto steps = time / step;
    for (std::int64_t i = 1; i <= steps; ++i) {
        stage.clock.advance(step);
        REQUIRE(eventually([&] { return up(stage) >= start + expected_at_least * i / steps - static_cast<std::int64_t>(megabyte / 10); }));
    }
}

} // namespace

TEST_CASE("an average is exact, whatever the sizes of single reads")
{
    SpeedLimit limit({first_limit, megabyte, 0});
    CHECK(limit.limits(Direction::up));
    CHECK_FALSE(limit.limits(Direction::down));
    SteadyTime now{Seconds{1000}};
    std::mt19937 random(4711);
    std::uint64_t passed = 0;
    const auto start = now;
    while (passed < 30 * megabyte) {
        now = std::max(now, limit.ready_at(Direction::up));
        const std::uint64_t size = 1 + random() % 60'000;
        limit.passed(Direction::up, size, now);
        passed += size;
    }
    now = limit.ready_at(Direction::up);
    const double seconds = std::chrono::duration<double>(now - start).count();
    CHECK(static_cast<double>(passed) / seconds == doctest::Approx(1e6).epsilon(0.01));
}

TEST_CASE("silence earns a short burst and no more")
{
    SpeedLimit limit({first_limit, megabyte, megabyte});
    SteadyTime now{Seconds{1000}};
    limit.passed(Direction::up, 1, now);
    now += Seconds{3600};
    std::uint64_t at_once = 0;
    while (limit.ready_at(Direction::up) <= now) {
        limit.passed(Direction::up, 1000, now);
        at_once += 1000;
    }
    CHECK(at_once <= megabyte / 20 + 1000);
    CHECK(at_once >= megabyte / 20);
}

TEST_CASE("a new rate counts from the next read on")
{
    SpeedLimit limit({first_limit, megabyte, 0});
    SteadyTime now{Seconds{1000}};
    limit.passed(Direction::up, 150'000, now); // 50 kB of it was the burst
    CHECK(limit.ready_at(Direction::up) - now == Milliseconds{100});
    limit.set({first_limit, 10 * megabyte, 0});
    now = limit.ready_at(Direction::up);
    limit.passed(Direction::up, megabyte, now);
    CHECK(limit.ready_at(Direction::up) - now == Milliseconds{100});
    limit.set({first_limit, 0, 0});
    CHECK_FALSE(limit.limits(Direction::up));
}

TEST_CASE("of several limits the slowest holds")
{
    const auto slow = std::make_shared<SpeedLimit>(plan::SpeedLimit{plan::LimitId{1}, megabyte, 0});
    const auto fast = std::make_shared<SpeedLimit>(plan::SpeedLimit{plan::LimitId{2}, 100 * megabyte, 0});
    const SpeedLimits both({slow, fast});
    const SteadyTime now{Seconds{1000}};
    both.passed(Direction::up, megabyte, now);
    CHECK(both.ready_at(Direction::up) == slow->ready_at(Direction::up));
    CHECK(both.portion(Direction::up, 1'000'000) == 20'000);
    CHECK(both.ready_at(Direction::down) == SteadyTime::min());
    CHECK(both.portion(Direction::down, 5) == 5);
}

TEST_CASE("an upload keeps to its rate, and a download under the same limit to its own")
{
    Stage stage;
    const Server server;
    stage.plan.speed_limits = {{first_limit, megabyte, 0}};
    stage.add({server.name()}).speed_limits = {first_limit};
    stage.listen();
    const Upload upload(stage, server, 0);
    // While time stands still only the burst passes.
    CHECK(settled(stage) <= static_cast<std::int64_t>(megabyte / 20 + 20'000));
    const auto before = settled(stage);
    pass(stage, Milliseconds{1000}, megabyte);
    const auto passed = settled(stage) - before;
    CHECK(passed >= static_cast<std::int64_t>(megabyte) * 95 / 100);
    CHECK(passed <= static_cast<std::int64_t>(megabyte) * 105 / 100);
}

TEST_CASE("a limit holds back nobody else")
{
    Stage stage(1); // one loop for both
    const Server slow;
    const Server fast;
    stage.plan.speed_limits = {{first_limit, megabyte, megabyte}};
    stage.add({slow.name()}).speed_limits = {first_limit};
    stage.add({fast.name()});
    stage.listen();
    const Upload limited(stage, slow, 0);
    const Upload free(stage, fast, 1);
    CHECK(eventually([&] { return free.drain.got() > 50 * megabyte; })); // while time stands still
    CHECK(up(stage) <= static_cast<std::int64_t>(megabyte / 20 + 20'000));
}

TEST_CASE("those who share a limit take turns")
{
    Stage stage(1);
    const Server server;
    stage.plan.speed_limits = {{first_limit, megabyte, 0}};
    stage.add({server.name()}).speed_limits = {first_limit};
    stage.add({server.name()}).speed_limits = {first_limit};
    stage.listen();
    const Upload one(stage, server, 0);
    const Upload two(stage, server, 0);
    const Upload three(stage, server, 1);
    const auto both = [&] { return up(stage) + up(stage, ForwardId{2}); };
    for (int i = 1; i <= 300; ++i) {
        stage.clock.advance(Milliseconds{10});
        REQUIRE(eventually([&] { return both() >= i * 10'000 - 100'000; })); // the time of this step is used, but for what was drawn ahead
    }
    const double all = static_cast<double>(both());
    CHECK(all <= 3.2e6);
    CHECK(all >= 2.8e6);
    CHECK(static_cast<double>(up(stage)) / all == doctest::Approx(2.0 / 3).epsilon(0.15)); // two of three connections
    CHECK(static_cast<double>(one.drain.got()) / all == doctest::Approx(1.0 / 3).epsilon(0.3));
}

TEST_CASE("a limit is changed, given and taken away without cutting the connection")
{
    Stage stage;
    const Server server;
    stage.plan.speed_limits = {{first_limit, megabyte, 0}};
    stage.add({server.name()}).speed_limits = {first_limit};
    stage.listen();
    const Upload upload(stage, server, 0);
    settled(stage);
    stage.plan.speed_limits = {{first_limit, 10 * megabyte, 0}};
    stage.listen();
    const auto before = settled(stage);
    pass(stage, Milliseconds{500}, 5 * megabyte);
    CHECK(static_cast<double>(settled(stage) - before) == doctest::Approx(5e6).epsilon(0.05));

    stage.plan.forwards[0].speed_limits.clear();
    stage.plan.speed_limits.clear();
    stage.listen();
    stage.clock.advance(Milliseconds{100}); // what waits is woken by its alarm
    const auto open = up(stage);
    CHECK(eventually([&] { return up(stage) > open + static_cast<std::int64_t>(50 * megabyte); }));

    stage.plan.speed_limits = {{first_limit, megabyte, 0}};
    stage.plan.forwards[0].speed_limits = {first_limit};
    stage.listen();
    const auto held = settled(stage);
    pass(stage, Milliseconds{200}, megabyte / 5);
    CHECK(static_cast<double>(settled(stage) - held) == doctest::Approx(2e5).epsilon(0.2));
    CHECK(stage.counters().connections == 1);
}

TEST_CASE("datagrams keep to the rate, too, and wait rather than vanish")
{
    Stage stage;
    auto target = blocking_socket(SOCK_DGRAM);
    REQUIRE(bind_to(target, loopback(0)));
    stage.plan.speed_limits = {{first_limit, 100'000, 0}};
    stage.add({{"127.0.0.1", port_of(target.get())}}).speed_limits = {first_limit};
    stage.listen();
    auto client = connect_to(loopback(stage.plan.forwards[0].port), {}, SOCK_DGRAM);
    const std::string datagram(1000, 'u');
    for (int i = 0; i < 60; ++i) REQUIRE(::send(client.get(), datagram.data(), datagram.size(), 0) == 1000);
    REQUIRE(eventually([&] { return up(stage) >= 5'000; }));
    CHECK(settled(stage) <= 8'000);
    for (int i = 0; i < 70 && up(stage) < 60'000; ++i) {
        const auto before = up(stage);
        stage.clock.advance(Milliseconds{10});
        REQUIRE(eventually([&] { return up(stage) > before || up(stage) == 60'000; }));
    }
    CHECK(up(stage) == 60'000);
}

} // namespace sluice::forward
