// Two ends of a carrier on a wire of memory that cuts bytes at random places, with readers that stall. The seed is printed; SLUICE_SEED repeats a run.
#include "tunnel/mux.hpp"

#include "base/random.hpp"

#include <algorithm>
#include <cstdlib>
#include <doctest/doctest.h>
#include <map>
#include <memory>
#include <random>
#include <vector>

using namespace sluice;
using namespace sluice::tunnel;

namespace {

const SteadyTime start_time = SteadyTime{} + std::chrono::hours(1);

std::uint64_t seed_of_run()
{
    const char* given = std::getenv("SLUICE_SEED");
    return given != nullptr ? std::strtoull(given, nullptr, 10) : random_below(1'000'000'000);
}

// Sends `to_send`, keeps what it hears; hands out a few bytes at a time.
struct End final : StreamEnd {
    Taken take(std::span<char> into) override
    {
        const auto size = std::min({into.size(), to_send.size() - sent, burst});
        std::copy_n(to_send.data() + sent, size, into.data());
        sent += size;
        if (finishes && sent == to_send.size()) return {size, true};
        if (size < into.size()) dry = true;
        return {size, false};
    }
    void on_opened() override { opened = true; }
    void on_data(std::span<const char> bytes) override
    {
        heard.append(bytes.data(), bytes.size());
        unconsumed += bytes.size();
        most_unconsumed = std::max(most_unconsumed, unconsumed);
    }
    void on_datagram(std::span<const char> bytes) override { datagrams.emplace_back(bytes.data(), bytes.size()); }
    void on_finish() override { got_finish = true; }
    void on_end(Reason why) override
    {
        ended = true;
        reason = why;
    }

    std::string to_send;
    std::size_t sent = 0;
    std::size_t burst = SIZE_MAX;
    bool finishes = true;
    bool dry = true;
    bool stalled = false;
    bool opened = false;
    bool got_finish = false;
    bool ended = false;
    Reason reason = Reason::closed;
    std::string heard;
    std::size_t unconsumed = 0;
    std::size_t most_unconsumed = 0;
    std::vector<std::string> datagrams;
};

struct Side final : CarrierEvents {
    explicit Side(bool in_front, MuxLimits limits = {}) : mux(in_front, {protocol_version, TunnelId{7}, 2}, *this, limits) {}
    void on_hello(const Hello& hello) override { hellos.push_back(hello); }
    void on_open(StreamId stream, Open& open) override
    {
        if (refuse) return mux.reset(stream, *refuse);
        auto& end = ends[stream];
        end = std::make_unique<End>();
        end->heard = open.first_bytes;
        end->unconsumed = open.first_bytes.size();
        end->finishes = answers_at_once;
        opens.push_back(open);
        mux.attach(stream, *end);
        mux.opened(stream);
    }
    void on_want(std::uint16_t carriers) override { wanted = carriers; }
    void output_waits() override {}
    void stream_gone() override { ++gone; }

    std::vector<Hello> hellos;
    std::vector<Open> opens;
    std::map<StreamId, std::unique_ptr<End>> ends;
    std::optional<Reason> refuse;
    bool answers_at_once = true;
    std::uint16_t wanted = 0;
    int gone = 0;
    Mux mux;
};

struct Wire {
    explicit Wire(std::uint64_t seed, MuxLimits limits = {}) : random(seed), front(true, limits), back(false, limits) {}

    std::size_t below(std::size_t bound) { return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random); }

    // Some bytes one way, cut anywhere.
    void carry(Mux& from, Mux& to, std::string& in_flight)
    {
        std::vector<char> room(1500 + below(70'000));
        const auto size = from.produce(now, room);
        in_flight.append(room.data(), size);
        const auto part = in_flight.empty() ? 0 : 1 + below(in_flight.size());
        REQUIRE(to.received(now, std::span{in_flight}.first(part)));
        in_flight.erase(0, part);
    }

    void consume(Side& side)
    {
        for (auto& [id, end] : side.ends) {
            if (end->ended || end->stalled || end->unconsumed == 0) continue;
            const auto part = 1 + below(end->unconsumed);
            end->unconsumed -= part;
            side.mux.consumed(id, part);
        }
    }

    void step()
    {
        now += std::chrono::microseconds(50);
        carry(front.mux, back.mux, forth);
        carry(back.mux, front.mux, home);
        consume(front);
        consume(back);
        for (auto* side : {&front, &back}) {
            for (auto& [id, end] : side->ends) {
                if (end->ended || !end->dry || (end->sent == end->to_send.size() && !end->finishes)) continue;
                end->dry = false;
                side->mux.ready(id);
            }
        }
    }

    template <class Done>
    bool run(Done done, int steps = 200'000)
    {
        for (int i = 0; i < steps; ++i) {
            if (done()) return true;
            step();
        }
        return done();
    }

    StreamId open(std::string first, std::string to_send)
    {
        auto end = std::make_unique<End>();
        end->to_send = std::move(to_send);
        const auto id = front.mux.open({StreamKind::tcp, TunnelId{7}, ForwardId{3}, {IpAddress::from_v4(0x7f000001), 5}, std::move(first)}, *end);
        REQUIRE(id != 0);
        front.ends[id] = std::move(end);
        return id;
    }

    std::mt19937_64 random;
    SteadyTime now = start_time;
    Side front;
    Side back;
    std::string forth;
    std::string home;
};

} // namespace

TEST_CASE("streams of any size arrive whole in both directions, whatever the cuts, the order and the stalls")
{
    for (int round = 0; round < 5; ++round) {
        const auto seed = seed_of_run();
        CAPTURE(seed);
        Wire wire(seed);
        std::map<StreamId, std::pair<std::string, std::string>> expected;
        const auto count = 1 + wire.below(30);
        for (std::size_t i = 0; i < count; ++i) {
            const auto first = random_bytes(wire.below(3) == 0 ? wire.below(most_first_bytes + 1) : 0);
            const auto up = random_bytes(wire.below(2) == 0 ? wire.below(400'000) : wire.below(100));
            const auto id = wire.open(first, up);
            wire.front.ends[id]->burst = wire.below(2) == 0 ? SIZE_MAX : 10 + wire.below(3000); // the longest text in a fifth of the steps
            expected[id] = {first + up, random_bytes(wire.below(2) == 0 ? wire.below(400'000) : wire.below(100))};
        }
        const bool finished = wire.run([&] {
            for (const auto& [id, both] : expected) {
                const auto far = wire.back.ends.find(id);
                if (far == wire.back.ends.end()) return false;
                if (far->second->to_send.empty() && !both.second.empty()) {
                    far->second->to_send = both.second;
                    if (far->second->sent == 0 && !far->second->ended) wire.back.mux.ready(id);
                }
                if (!wire.front.ends[id]->ended || !far->second->ended) return false;
            }
            return true;
        });
        REQUIRE(finished);
        for (const auto& [id, both] : expected) {
            CHECK(wire.front.ends[id]->opened);
            CHECK(wire.front.ends[id]->reason == Reason::closed);
            CHECK(wire.back.ends[id]->heard == both.first);
        }
        CHECK(wire.front.mux.streams() == 0);
        CHECK(wire.back.mux.streams() == 0);
        CHECK(wire.front.gone == static_cast<int>(count));
    }
}

TEST_CASE("the answer comes back over a half-closed stream")
{
    Wire wire(1);
    wire.back.answers_at_once = false;
    const auto id = wire.open("question", "");
    REQUIRE(wire.run([&] { return wire.back.ends.contains(id) && wire.back.ends[id]->got_finish; }));
    CHECK_FALSE(wire.front.ends[id]->ended);
    auto& far = *wire.back.ends[id];
    far.to_send = std::string(300'000, 'a');
    far.finishes = true;
    wire.back.mux.ready(id);
    REQUIRE(wire.run([&] { return wire.front.ends[id]->ended; }));
    CHECK(wire.front.ends[id]->heard == far.to_send);
}

TEST_CASE("a reader that stalls stalls itself only, and costs its window at most")
{
    const auto seed = seed_of_run();
    CAPTURE(seed);
    Wire wire(seed);
    const auto stuck = wire.open("", std::string(5'000'000, 's'));
    REQUIRE(wire.run([&] { return wire.back.ends.contains(stuck); }));
    wire.back.ends[stuck]->stalled = true;
    const auto bytes = random_bytes(2'000'000);
    const auto lively = wire.open("", bytes);
    REQUIRE(wire.run([&] { return wire.back.ends.contains(lively) && wire.back.ends[lively]->got_finish; }));
    CHECK(wire.back.ends[lively]->heard == bytes);
    CHECK_FALSE(wire.back.ends[stuck]->got_finish);
    CHECK(wire.back.ends[stuck]->heard.size() <= 64 * 1024 * 4); // what it had before it stalled, and a window
    wire.back.ends[stuck]->stalled = false;
    REQUIRE(wire.run([&] { return wire.back.ends[stuck]->got_finish; }));
    CHECK(wire.back.ends[stuck]->heard.size() == 5'000'000);
}

TEST_CASE("windows grow with what the path carries, and not beyond what all of them may have")
{
    MuxLimits limits;
    limits.growth = 1024 * 1024;
    Wire wire(3, limits);
    std::vector<StreamId> ids;
    for (int i = 0; i < 4; ++i) ids.push_back(wire.open("", std::string(20'000'000, 'x')));
    REQUIRE(wire.run(
        [&] { return std::all_of(ids.begin(), ids.end(), [&](auto id) { return wire.back.ends.contains(id) && wire.back.ends[id]->got_finish; }); }));
    std::size_t total = 0;
    for (const auto id : ids) {
        CHECK(wire.back.ends[id]->heard.size() == 20'000'000);
        total += wire.back.ends[id]->most_unconsumed;
    }
    CHECK(total <= 4 * 64 * 1024 + 2 * limits.growth); // growth is given back when a stream ends
}

TEST_CASE("a small stream overtakes bulk")
{
    Wire wire(4);
    const auto bulk = wire.open("", std::string(60'000, 'b'));
    std::vector<char> room(1'000'000);
    wire.back.mux.received(wire.now, std::span{room}.first(wire.front.mux.produce(wire.now, room)));
    wire.front.mux.ready(bulk);
    // One bulk frame tells what kind of stream it is.
    wire.back.mux.received(wire.now, std::span{room}.first(wire.front.mux.produce(wire.now, std::span{room}.first(17'000))));
    const auto small = wire.open("", "hello");
    wire.front.mux.ready(small);
    const auto size = wire.front.mux.produce(wire.now, std::span{room}.first(2'000));
    REQUIRE(wire.back.mux.received(wire.now, std::span{room}.first(size)));
    CHECK(wire.back.ends[small]->heard == "hello");
}

TEST_CASE("a refusal travels back with its reason, and so does a reset in the middle")
{
    Wire wire(5);
    wire.back.refuse = Reason::refused;
    const auto refused = wire.open("x", "y");
    REQUIRE(wire.run([&] { return wire.front.ends[refused]->ended; }));
    CHECK(wire.front.ends[refused]->reason == Reason::refused);
    wire.back.refuse.reset();
    const auto id = wire.open("", std::string(1'000'000, 'x'));
    REQUIRE(wire.run([&] { return wire.back.ends.contains(id) && wire.back.ends[id]->heard.size() > 100'000; }));
    wire.back.mux.reset(id, Reason::aborted);
    REQUIRE(wire.run([&] { return wire.front.ends[id]->ended; }));
    CHECK(wire.front.ends[id]->reason == Reason::aborted);
    // What was still on its way for the dead stream hurts nobody.
    const auto next = wire.open("", "after");
    REQUIRE(wire.run([&] { return wire.back.ends.contains(next) && wire.back.ends[next]->got_finish; }));
    CHECK(wire.back.ends[next]->heard == "after");
}

TEST_CASE("datagrams keep their borders, and a flood is dropped before it takes the others' place")
{
    Wire wire(6);
    const auto id = wire.open("", "");
    wire.front.ends[id]->finishes = false;
    REQUIRE(wire.run([&] { return wire.back.ends.contains(id); }));
    CHECK(wire.front.mux.datagram(id, std::span<const char>{}));
    CHECK(wire.front.mux.datagram(id, std::string(most_datagram, 'd')));
    CHECK(wire.front.mux.datagram(id, std::string("small")));
    REQUIRE(wire.run([&] { return wire.back.ends[id]->datagrams.size() == 3; }));
    CHECK(wire.back.ends[id]->datagrams[0].empty());
    CHECK(wire.back.ends[id]->datagrams[1].size() == most_datagram);
    CHECK(wire.back.ends[id]->datagrams[2] == "small");

    std::size_t kept = 0;
    for (int i = 0; i < 1000; ++i) kept += wire.front.mux.datagram(id, std::string(1400, 'f')) ? 1U : 0U;
    CHECK(kept < 200);
    const auto other = wire.open("", "");
    CHECK(wire.front.mux.datagram(other, std::string("mine")));
}

TEST_CASE("a lost carrier ends every stream, once")
{
    Wire wire(7);
    const auto a = wire.open("", "a");
    const auto b = wire.open("", "b");
    wire.front.mux.lost(Reason::carrier_lost);
    CHECK(wire.front.ends[a]->reason == Reason::carrier_lost);
    CHECK(wire.front.ends[b]->ended);
    CHECK(wire.front.mux.streams() == 0);
    End late;
    CHECK(wire.front.mux.open({StreamKind::tcp, TunnelId{7}, ForwardId{3}, {}, {}}, late) == 0);
    std::vector<char> room(4096);
    CHECK(wire.front.mux.produce(wire.now, room) == 0);
}

TEST_CASE("a silent peer is noticed, a talking one is not")
{
    Wire wire(8);
    REQUIRE(wire.run([&] { return wire.front.mux.greeted() && wire.back.mux.greeted(); }));
    for (int i = 0; i < 60; ++i) {
        wire.now += std::chrono::seconds(1);
        CHECK(wire.front.mux.tick(wire.now));
        for (int j = 0; j < 50; ++j) wire.step();
    }
    CHECK(wire.front.mux.round_trip() < std::chrono::milliseconds(50));
    bool alive = true;
    int seconds = 0;
    while (alive && seconds < 60) {
        wire.now += std::chrono::seconds(1);
        alive = wire.front.mux.tick(wire.now);
        ++seconds;
    }
    CHECK_FALSE(alive);
    CHECK(seconds <= 10);
}

TEST_CASE("what a peer may not do ends the carrier")
{
    const auto breaks = [](bool opens, const std::string& bytes, bool greet = true) {
        Side side(opens);
        std::string all;
        if (greet) append(all, Hello{protocol_version, TunnelId{7}, 1});
        all += bytes;
        return !side.mux.received(start_time, all) && !side.mux.problem().empty();
    };
    std::string bytes;
    append_opened(bytes, 1);
    CHECK(breaks(true, bytes)); // never opened
    CHECK(breaks(false, bytes, false));
    bytes.clear();
    append(bytes, Hello{2, TunnelId{7}, 1});
    CHECK(breaks(false, bytes, false)); // another version
    bytes.clear();
    append(bytes, Hello{protocol_version, TunnelId{7}, 1});
    CHECK(breaks(false, bytes)); // two hellos
    bytes.clear();
    append(bytes, 1, Open{StreamKind::tcp, TunnelId{7}, ForwardId{3}, {}, {}});
    CHECK(breaks(true, bytes)); // the wrong side opens
    CHECK_FALSE(breaks(false, bytes));
    auto twice = bytes + bytes;
    CHECK(breaks(false, twice));
    auto ended = bytes;
    append_finish(ended, 1);
    append_finish(ended, 1);
    CHECK(breaks(false, ended));
    auto flood = bytes;
    for (int i = 0; i < 5; ++i) {
        const auto at = flood.size();
        flood.resize(at + header_size + most_data, 'f');
        write_header(flood.data() + at, {1, FrameType::data, most_data});
    }
    CHECK(breaks(false, flood));                                // more than its credit
    CHECK(breaks(false, std::string("\0\0\0\1\x63\0\0\0", 8))); // no such frame
    std::string pings;
    append_ping(pings, 1, false);
    std::string many;
    for (int i = 0; i < 100'000; ++i) many += pings;
    CHECK(breaks(false, many)); // asks without reading
}
