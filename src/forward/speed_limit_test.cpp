#include "forward/speed_limit.hpp"

#include "forward/testing.hpp"

#include <atomic>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <thread>

namespace sluice::forward {

using namespace testing;

namespace {

constexpr std::uint64_t megabyte = 1'000'000;
constexpr plan::LimitId first_limit{7};

// Sends zeros until its peer is gone.
class Sender {
public:
    explicit Sender(const Descriptor& socket) : thread_([descriptor = socket.get()] { run(descriptor); }) {}
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
    // Whether bytes wait for the forward to take them.
    bool has_more() const
    {
        int waiting = 0;
        return ::ioctl(client.get(), SIOCOUTQ, &waiting) == 0 && waiting > 0;
    }
    Descriptor client;
    Drain drain;
    Sender sender;
};

std::int64_t up(const Stage& stage, ForwardId id = ForwardId{1}) { return stage.counters(id).traffic.up.value; }

// What a limit of `rate` bytes per second lets pass in `time` that its users make full use of: at least this, and at most one portion above it.
std::int64_t allowed(std::uint64_t rate, Milliseconds time) { return static_cast<std::int64_t>(rate) * time.count() / 1000; }
std::int64_t portion(std::uint64_t rate) { return static_cast<std::int64_t>(rate / 50); }

// Gives what must not pass the time to do so. Real time only decides how hard we look.
void look_a_while() { std::this_thread::sleep_for(std::chrono::milliseconds(20)); }

// Lets time pass in steps, each of which is used up when `passed` says at least what was there before and what the rate allows until then.
template <class Passed>
void pass(Stage& stage, Milliseconds time, std::uint64_t rate, std::int64_t before, Passed passed)
{
    constexpr Milliseconds step{10};
    for (auto until = step; until <= time; until += step) {
        stage.clock.advance(step);
        REQUIRE(eventually([&] { return passed() >= before + allowed(rate, until); }));
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
    const auto passed = [&] { return up(stage); };
    // While time stands still only the burst passes.
    const auto burst = allowed(megabyte, SpeedLimit::burst);
    REQUIRE(eventually([&] { return passed() >= burst; }));
    look_a_while();
    CHECK(passed() <= burst + portion(megabyte));
    pass(stage, Milliseconds{1000}, megabyte, burst, passed);
    look_a_while();
    CHECK(passed() <= burst + allowed(megabyte, Milliseconds{1000}) + portion(megabyte));
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
    CHECK(up(stage) <= allowed(megabyte, SpeedLimit::burst) + portion(megabyte));
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
    // Who has nothing to send leaves his turn to the others, so time passes only while everybody has. Each step is used up to the last byte.
    const auto all_have_more = [&] { return one.has_more() && two.has_more() && three.has_more(); };
    REQUIRE(eventually(all_have_more));
    const auto both = [&] { return up(stage) + up(stage, ForwardId{2}); };
    constexpr Milliseconds time{3000};
    const auto burst = allowed(megabyte, SpeedLimit::burst);
    REQUIRE(eventually([&] { return both() >= burst; })); // it is earned before the first byte, and only then
    pass(stage, time, megabyte, burst, [&] { return all_have_more() ? both() : 0; });
    CHECK(both() <= burst + allowed(megabyte, time) + portion(megabyte));
    const double all = static_cast<double>(both());
    CHECK(static_cast<double>(up(stage)) / all == doctest::Approx(2.0 / 3).epsilon(0.15)); // two of three connections
    const auto share_of_one = [&] { return static_cast<double>(one.drain.got()) / all; };
    CHECK(eventually([&] { return share_of_one() > 0.23; })); // its reader may be behind
    CHECK(share_of_one() < 0.43);
}

TEST_CASE("a limit is changed, given and taken away without cutting the connection")
{
    Stage stage;
    const Server server;
    stage.plan.speed_limits = {{first_limit, megabyte, 0}};
    stage.add({server.name()}).speed_limits = {first_limit};
    stage.listen();
    const Upload upload(stage, server, 0);
    const auto passed = [&] { return up(stage); };
    const auto burst = allowed(megabyte, SpeedLimit::burst);
    REQUIRE(eventually([&] { return passed() >= burst; }));
    constexpr auto faster = 10 * megabyte;
    constexpr Milliseconds time{500};
    stage.plan.speed_limits = {{first_limit, faster, 0}};
    stage.listen();
    // What was drawn ahead of the old rate is at most one portion, which is 20 ms, and is waited for at that rate.
    pass(stage, time, faster, burst - portion(faster), passed);
    look_a_while();
    CHECK(passed() <= burst + portion(megabyte) + allowed(faster, time) + portion(faster));

    stage.plan.forwards[0].speed_limits.clear();
    stage.plan.speed_limits.clear();
    stage.listen();
    stage.clock.advance(Milliseconds{100}); // what waits is woken by its alarm
    const auto open = passed();
    CHECK(eventually([&] { return passed() > open + static_cast<std::int64_t>(50 * megabyte); }));

    stage.plan.speed_limits = {{first_limit, megabyte, 0}};
    stage.plan.forwards[0].speed_limits = {first_limit};
    stage.listen();
    const auto held = passed();
    // The burst and one portion may have passed before we looked. What was read before the limit came may pass after it: a pipe's content at most.
    constexpr std::int64_t pipe = 1 << 20;
    pass(stage, Milliseconds{200}, megabyte, held - portion(megabyte), passed);
    look_a_while();
    CHECK(passed() <= held + pipe + burst + allowed(megabyte, Milliseconds{200}) + portion(megabyte));
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
    look_a_while();
    CHECK(up(stage) <= 8'000);
    for (int i = 0; i < 70 && up(stage) < 60'000; ++i) {
        const auto before = up(stage);
        stage.clock.advance(Milliseconds{10});
        REQUIRE(eventually([&] { return up(stage) > before || up(stage) == 60'000; }));
    }
    CHECK(up(stage) == 60'000);
}

} // namespace sluice::forward
