#include "api/http/worker_pool.hpp"

#include <atomic>
#include <doctest/doctest.h>
#include <future>
#include <stdexcept>

using namespace sluice::http;

TEST_CASE("a full queue says no at once, and a goodbye is taken anyway")
{
    WorkerPool pool("test", 1, 2);
    std::promise<void> gate;
    std::promise<void> started;
    auto opened = gate.get_future().share();
    std::atomic<int> ran{0};
    REQUIRE(pool.submit([&, opened] {
        started.set_value();
        opened.wait();
        ++ran;
    }));
    started.get_future().wait(); // the worker is busy: what follows waits in the queue
    CHECK(pool.submit([&] { ++ran; }));
    CHECK(pool.submit([&] { ++ran; }));
    CHECK_FALSE(pool.submit([&] { ran += 100; }));
    CHECK(pool.submit_always([&] { ++ran; }));
    CHECK(pool.queued() == 3);
    gate.set_value();
    pool.stop();
    CHECK(ran == 4);
    CHECK_FALSE(pool.submit([&] { ++ran; }));
    CHECK_FALSE(pool.submit_always([&] { ++ran; }));
    pool.stop();
}

TEST_CASE("a task that throws takes no worker with it")
{
    WorkerPool pool("test", 1, 8);
    std::promise<void> done;
    REQUIRE(pool.submit([] { throw std::runtime_error("test"); }));
    REQUIRE(pool.submit([&] { done.set_value(); }));
    done.get_future().wait();
}

TEST_CASE("tasks of several workers run at the same time")
{
    WorkerPool pool("test", 3, 8);
    std::atomic<int> inside{0};
    std::promise<void> all;
    std::promise<void> go;
    auto gone = go.get_future().share();
    for (int i = 0; i < 3; ++i) {
        REQUIRE(pool.submit([&, gone] {
            if (++inside == 3) all.set_value();
            gone.wait();
        }));
    }
    all.get_future().wait();
    go.set_value();
}
