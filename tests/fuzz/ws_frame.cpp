// Fuzz target: WebSocket frames, both roles. In whatever pieces the bytes arrive, the events are the same; no more is held than a message
// may have; text is UTF-8; and every event, written as a frame, is read back as it was.
#include "net/ws_frame.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

using namespace sluice;
using namespace sluice::net;

namespace {

void must(bool holds)
{
    if (!holds) std::abort();
}

constexpr std::size_t limit = 4'096;

struct Outcome {
    std::vector<WsEvent> events;
    std::uint16_t problem = 0;
};

Outcome read(WsRole role, std::string_view bytes, std::size_t piece)
{
    WsReader reader(role, limit);
    Outcome outcome;
    while (!bytes.empty() && outcome.problem == 0) {
        outcome.problem = reader.feed(bytes.substr(0, piece), outcome.events);
        must(reader.held() <= limit + 125);
        bytes.remove_prefix(std::min(piece, bytes.size()));
    }
    must(outcome.problem == 0 || outcome.problem == 1002 || outcome.problem == 1007 || outcome.problem == 1009);
    return outcome;
}

bool same(const WsEvent& a, const WsEvent& b) { return a.kind == b.kind && a.data == b.data && a.code == b.code; }

std::string write(const WsEvent& event, std::optional<std::array<std::uint8_t, 4>> mask)
{
    switch (event.kind) {
    case WsEvent::Kind::text: return ws_encode(WsOpcode::text, event.data, mask);
    case WsEvent::Kind::binary: return ws_encode(WsOpcode::binary, event.data, mask);
    case WsEvent::Kind::ping: return ws_encode(WsOpcode::ping, event.data, mask);
    case WsEvent::Kind::pong: return ws_encode(WsOpcode::pong, event.data, mask);
    case WsEvent::Kind::close: return ws_encode(WsOpcode::close, event.code == 1005 ? std::string{} : ws_close_payload(event.code, event.data), mask);
    }
    return {};
}

void check(WsRole role, std::string_view bytes, std::size_t piece)
{
    const auto whole = read(role, bytes, bytes.size());
    const auto pieces = read(role, bytes, piece);
    must(whole.problem == pieces.problem && whole.events.size() == pieces.events.size());
    const std::optional<std::array<std::uint8_t, 4>> mask =
        role == WsRole::server ? std::optional{std::array<std::uint8_t, 4>{0, 0x55, 0xff, 7}} : std::nullopt;
    for (std::size_t i = 0; i < whole.events.size(); ++i) {
        const auto& event = whole.events[i];
        must(same(event, pieces.events[i]));
        must(event.data.size() <= limit);
        if (event.kind == WsEvent::Kind::text || event.kind == WsEvent::Kind::close) must(is_utf8(event.data));
        if (event.kind == WsEvent::Kind::close) must(i + 1 == whole.events.size() && (event.code == 1005 || ws_is_close_code(event.code)));
        const auto again = read(role, write(event, mask), piece);
        must(again.problem == 0 && again.events.size() == 1 && same(again.events.front(), event));
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size < 2) return 0;
    const std::string_view bytes{reinterpret_cast<const char*>(data + 1), size - 1};
    check(data[0] % 2 != 0 ? WsRole::server : WsRole::client, bytes, 1 + data[0] / 2U);
    const auto key = ws_accept_key(bytes);
    must(key.empty() || key.size() == 28);
    const auto payload = ws_close_payload(1000, bytes);
    must(payload.size() <= 125 && (!is_utf8(bytes) || is_utf8(std::string_view{payload}.substr(2))));
    return 0;
}
