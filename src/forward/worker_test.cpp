#include "forward/testing.hpp"
#include "forward/worker.hpp"

#include <sys/epoll.h>

namespace sluice::forward {

using namespace testing;

namespace {

struct Loop {
    HeldClock clock;
    DescriptorBudget budget;
    Worker worker{0, clock, Milliseconds{2}, budget};
    Loop() { budget.limit = 1000; }
};

// Counts what it is told; may bury others from inside a call.
class Probe final : public Handler {
public:
    void on_event(int which, std::uint32_t) override
    {
        last = which;
        ++events;
    }
    void on_turn() override
    {
        ++turns;
        if (turn) turn();
    }
    void on_tick(SteadyTime) override
    {
        ++ticks;
        if (tick) tick();
    }
    std::function<void()> turn;
    std::function<void()> tick;
    std::atomic<int> events{0};
    std::atomic<int> turns{0};
    std::atomic<int> ticks{0};
    std::atomic<int> last{-1};
};

} // namespace

TEST_CASE("commands run in order on the loop and call() waits for its own")
{
    Loop loop;
    std::vector<int> order;
    for (int i = 0; i < 100; ++i) loop.worker.post([&order, i] { order.push_back(i); });
    bool on_loop = false;
    loop.worker.call([&] { on_loop = loop.worker.on_loop(); });
    CHECK(on_loop);
    CHECK_FALSE(loop.worker.on_loop());
    REQUIRE(order.size() == 100);
    CHECK(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("a handler gets its events and its turns, and none after it was buried")
{
    Loop loop;
    auto owned = std::make_unique<Probe>();
    auto* probe = owned.get();
    Handler::Source source{probe, 7};
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const Descriptor read_end(ends[0]);
    const Descriptor write_end(ends[1]);
    loop.worker.call([&] { CHECK(loop.worker.add(read_end.get(), EPOLLIN, source)); });
    REQUIRE(::write(write_end.get(), "x", 1) == 1);
    CHECK(eventually([&] { return probe->events == 1; }));
    CHECK(probe->last == 7);
    loop.worker.call([&] { loop.worker.run_again(*probe); });
    CHECK(eventually([&] { return probe->turns == 1; }));
    loop.worker.call([&] { loop.worker.tick_me(*probe, true); });
    CHECK(eventually([&] { return probe->ticks > 2; }));
    bool touched = false;
    loop.worker.call([&] {
        probe->turn = [&] { touched = true; };
        probe->tick = [&] { touched = true; };
        loop.worker.run_again(*probe);
        source.handler = nullptr;
        loop.worker.bury(std::move(owned));
        touched = false;
    });
    REQUIRE(::write(write_end.get(), "y", 1) == 1);
    loop.worker.call([] {});
    loop.worker.call([] {});
    CHECK_FALSE(touched);
}

TEST_CASE("handlers may bury each other during their turns and ticks")
{
    Loop loop;
    auto first = std::make_unique<Probe>();
    auto second = std::make_unique<Probe>();
    auto* a = first.get();
    auto* b = second.get();
    std::atomic<int> left{2};
    const auto whoever_comes_first = [&](std::unique_ptr<Probe>& other) {
        if (other && left == 2) {
            --left;
            loop.worker.bury(std::move(other));
        }
    };
    SUBCASE("turns")
    {
        a->turn = [&] { whoever_comes_first(second); };
        b->turn = [&] { whoever_comes_first(first); };
        loop.worker.call([&] {
            loop.worker.run_again(*a);
            loop.worker.run_again(*b);
        });
    }
    SUBCASE("ticks")
    {
        a->tick = [&] { whoever_comes_first(second); };
        b->tick = [&] { whoever_comes_first(first); };
        loop.worker.call([&] {
            loop.worker.tick_me(*a, true);
            loop.worker.tick_me(*b, true);
        });
    }
    CHECK(eventually([&] { return left == 1; }));
    loop.worker.call([&] {
        if (first) loop.worker.bury(std::move(first));
        if (second) loop.worker.bury(std::move(second));
    });
}

TEST_CASE("ticks follow the system while deadlines follow the clock")
{
    Loop loop;
    auto probe = std::make_unique<Probe>();
    loop.worker.call([&] { loop.worker.tick_me(*probe, true); });
    CHECK(eventually([&] { return probe->ticks > 3; })); // the clock did not move
    SteadyTime seen;
    loop.clock.advance(Seconds{100});
    CHECK(eventually([&] {
        loop.worker.call([&] { seen = loop.worker.now(); });
        return seen == loop.clock.steady();
    }));
    loop.worker.call([&] { loop.worker.bury(std::move(probe)); });
}

TEST_CASE("a full process can still turn a client away")
{
    Loop loop;
    Server server;
    auto client = connect_to(loopback(server.port()));
    REQUIRE(client);
    REQUIRE(eventually([&] { return server.waiting(); }));
    loop.worker.call([&] { loop.worker.refuse_one(server.descriptor()); });
    CHECK(ending(client) == Ending::reset);
}

TEST_CASE("no more descriptors than the limit are promised")
{
    Loop loop;
    loop.worker.call([&] {
        CHECK(loop.worker.may_open(2));
        loop.budget.add(999);
        CHECK(loop.worker.may_open(1));
        CHECK_FALSE(loop.worker.may_open(2));
        loop.budget.remove(999);
    });
}

TEST_CASE("stopping twice is harmless")
{
    Loop loop;
    loop.worker.stop();
    loop.worker.stop();
}

} // namespace sluice::forward
