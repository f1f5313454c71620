#include "forward/pipe_pool.hpp"
#include "forward/testing.hpp"

#include <fcntl.h>

namespace sluice::forward {

using namespace testing;

TEST_CASE("pipes are borrowed, come back and are counted against the descriptors")
{
    DescriptorBudget budget;
    budget.limit = 1000;
    const auto before = open_pipes();
    {
        PipePool pool(budget);
        auto one = pool.take();
        auto two = pool.take();
        REQUIRE(one);
        REQUIRE(two);
        CHECK(one.capacity >= 64 * 1024);
        CHECK(::fcntl(one.write_end, F_GETPIPE_SZ) == static_cast<int>(one.capacity));
        CHECK(budget.used == 4);
        pool.give(one);
        CHECK(pool.take().write_end == one.write_end); // the same, still open
        CHECK(budget.used == 4);
        pool.discard(two);
        CHECK(budget.used == 2);
        pool.give(one);
        CHECK(budget.used == 2);
    }
    CHECK(budget.used == 0);
    CHECK(open_pipes() == before);
}

TEST_CASE("a pool keeps only some pipes and lends only so many")
{
    DescriptorBudget budget;
    budget.limit = 100'000;
    const auto before = open_pipes();
    PipePool pool(budget);
    std::vector<Pipe> lent;
    while (lent.size() < 600) {
        auto pipe = pool.take();
        if (!pipe) break;
        lent.push_back(pipe);
    }
    CHECK(lent.size() <= 512);
    CHECK(lent.size() > 50);
    CHECK_FALSE(pool.take());
    for (const auto& pipe : lent) pool.give(pipe);
    CHECK(open_pipes() - before <= 64); // two ends each
    CHECK(budget.used <= 64);
}

TEST_CASE("no pipe is opened beyond the descriptor limit, and soon the pool asks again")
{
    DescriptorBudget budget;
    budget.limit = 3;
    PipePool pool(budget);
    const auto first = pool.take();
    REQUIRE(first);
    CHECK_FALSE(pool.take());
    budget.limit = 10;
    Pipe second;
    for (int i = 0; i < 1000 && !second; ++i) second = pool.take();
    CHECK(second);
    pool.give(first);
    if (second) pool.give(second);
}

} // namespace sluice::forward
