// Fuzz target: a neighbour of a tunnel that says anything at all, at either end of a carrier. Nothing is read beyond what was said, nothing is kept
// beyond the windows that were given, and every stream that begins also ends.
#include "tunnel/mux.hpp"

#include <cstdlib>
#include <map>
#include <memory>
#include <vector>

using namespace sluice;
using namespace sluice::tunnel;

namespace {

void must(bool holds)
{
    if (!holds) std::abort();
}

// Sends back what comes, at once.
struct Echo final : StreamEnd {
    Echo(Mux& of, StreamId stream) : mux(of), id(stream) {}
    Taken take(std::span<char> into) override
    {
        const auto size = std::min(into.size(), kept.size());
        std::copy_n(kept.data(), size, into.data());
        kept.erase(0, size);
        mux.consumed(id, size);
        return {size, finished && kept.empty()};
    }
    void on_opened() override {}
    void on_data(std::span<const char> bytes) override
    {
        must(!ended);
        kept.append(bytes.data(), bytes.size());
        must(kept.size() <= 16U * 1024 * 1024);
        mux.ready(id);
    }
    void on_datagram(std::span<const char> bytes) override { mux.datagram(id, bytes); }
    void on_finish() override
    {
        must(!finished);
        finished = true;
        mux.ready(id);
    }
    void on_end(Reason) override
    {
        must(!ended);
        ended = true;
    }
    Mux& mux;
    StreamId id;
    std::string kept;
    bool finished = false;
    bool ended = false;
};

struct Side final : CarrierEvents {
    explicit Side(bool in_front) : mux(in_front, {protocol_version, TunnelId{7}, 2}, *this) {}
    void on_hello(const Hello&) override {}
    void on_open(StreamId stream, Open& open) override
    {
        if (open.forward.value % 5 == 0) return mux.reset(stream, Reason::not_authorised);
        auto& end = ends.emplace_back(std::make_unique<Echo>(mux, stream));
        end->kept = open.first_bytes;
        mux.attach(stream, *end);
        mux.opened(stream);
        mux.ready(stream);
    }
    void on_want(std::uint16_t) override {}
    void output_waits() override {}
    void stream_gone() override {}
    std::vector<std::unique_ptr<Echo>> ends;
    Mux mux;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0) return 0;
    const bool in_front = (data[0] & 1U) != 0;
    const std::size_t step = 1 + (data[0] >> 1U) * 7U;
    const std::span said{reinterpret_cast<const char*>(data + 1), size - 1};
    Side side(in_front);
    auto now = SteadyTime{} + std::chrono::hours(1);
    if (in_front) {
        for (int i = 0; i < 3; ++i) {
            auto end = std::make_unique<Echo>(side.mux, 0);
            end->id = side.mux.open({StreamKind::tcp, TunnelId{7}, ForwardId{1}, {}, "first"}, *end);
            side.ends.push_back(std::move(end));
        }
    }
    std::vector<char> room(20'000);
    for (std::size_t at = 0; at < said.size(); at += step) {
        now += std::chrono::milliseconds(3);
        if (!side.mux.received(now, said.subspan(at, std::min(step, said.size() - at)))) break;
        must(side.mux.produce(now, room) <= room.size());
        side.mux.tick(now);
    }
    side.mux.lost(Reason::carrier_lost);
    must(side.mux.streams() == 0);
    for (const auto& end : side.ends) must(end->ended);
    return 0;
}
