#include "panel/live.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::panel;

namespace {

const NodeId a{1};
const NodeId b{2};
const ForwardId web{7};
const SteadyTime start = SteadyTime{} + Seconds{100};

plan::ForwardCounters reading(std::int64_t up, std::int64_t down, std::uint64_t epoch = 1, std::uint32_t open = 0)
{
    return {web, epoch, {{up}, {down}}, {}, 0, open};
}

} // namespace

TEST_CASE("a rate is what was counted between two readings, over their time, summed over nodes")
{
    Live live;
    live.counters(a, {reading(1000, 0)}, start);
    CHECK(live.rates(web).up == 0); // one reading is no rate
    live.counters(a, {reading(3000, 500, 1, 4)}, start + Seconds{2});
    CHECK(live.rates(web).up == doctest::Approx(1000));
    CHECK(live.rates(web).down == doctest::Approx(250));
    live.counters(b, {reading(0, 0, 9, 1)}, start);
    live.counters(b, {reading(100, 0, 9, 1)}, start + Seconds{1});
    CHECK(live.rates(web).up == doctest::Approx(1100));
    CHECK(live.rates(web).connections == 5);
    CHECK(live.all_rates().at(web).up == doctest::Approx(1100));
}

TEST_CASE("a new epoch, a counter that shrank or readings at one moment are no rate")
{
    Live live;
    live.counters(a, {reading(1000, 0, 1)}, start);
    live.counters(a, {reading(5, 0, 2)}, start + Seconds{1});
    CHECK(live.rates(web).up == 0);
    live.counters(a, {reading(1, 0, 2)}, start + Seconds{2});
    CHECK(live.rates(web).up == 0);
    live.counters(a, {reading(100, 0, 2)}, start + Seconds{2});
    CHECK(live.rates(web).up == 0);
}

TEST_CASE("a node that is away has no rates and no sample, and its results are kept for when it returns")
{
    Live live;
    live.node_online(a);
    live.applied(a, {3, {{web, true, plan::Fault::none, {}}}});
    live.sample(a, {});
    live.counters(a, {reading(0, 0)}, start);
    live.counters(a, {reading(100, 0, 1, 2)}, start + Seconds{1});
    live.node_offline(a);
    CHECK_FALSE(live.online(a));
    CHECK_FALSE(live.sample(a));
    CHECK(live.rates(web).connections == 0);
    CHECK(live.result(a, web)->listening);
    CHECK_FALSE(live.result(b, web));
}

TEST_CASE("listeners hear everything until they leave, also when they leave while being told")
{
    Live live;
    CHECK_FALSE(live.watched());
    std::vector<LiveEvent::Kind> heard;
    int handle = 0;
    handle = live.subscribe([&](const LiveEvent& event) {
        heard.push_back(event.kind);
        if (event.kind == LiveEvent::Kind::node_offline) live.unsubscribe(handle);
    });
    CHECK(live.watched());
    live.node_online(a);
    live.sample(a, {});
    live.counters(a, {}, start);
    live.node_offline(a);
    live.node_online(a);
    using Kind = LiveEvent::Kind;
    CHECK(heard == std::vector{Kind::node_online, Kind::host_sample, Kind::rates, Kind::node_offline});
    CHECK_FALSE(live.watched());
}
