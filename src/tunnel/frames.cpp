#include "tunnel/frames.hpp"

#include <algorithm>

namespace sluice::tunnel {

namespace {

template <class T>
void put(char* into, T value, std::size_t size = sizeof(T))
{
    for (std::size_t i = 0; i < size; ++i) into[i] = static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * (size - 1 - i)));
}

std::uint64_t get(const char* from, std::size_t size)
{
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i) value = value << 8U | static_cast<unsigned char>(from[i]);
    return value;
}

// Makes room for a frame and returns where its payload goes.
char* begin(std::string& out, StreamId stream, FrameType type, std::size_t length)
{
    const auto at = out.size();
    out.resize(at + header_size + length);
    write_header(out.data() + at, {stream, type, static_cast<std::uint32_t>(length)});
    return out.data() + at + header_size;
}

constexpr std::size_t hello_size = 1 + 8 + 2;
constexpr std::size_t open_size = 1 + 8 + 8 + 1 + 16 + 2; // kind, tunnel, forward, family, address, port

struct Shape {
    bool on_carrier = false; // stream 0, else any other
    std::size_t least = 0;
    std::size_t most = 0;
};

std::optional<Shape> shape_of(FrameType type)
{
    switch (type) {
    case FrameType::hello: return Shape{true, hello_size, hello_size};
    case FrameType::open: return Shape{false, open_size, open_size + most_first_bytes};
    case FrameType::opened: return Shape{false, 0, 0};
    case FrameType::data: return Shape{false, 1, most_data};
    case FrameType::credit: return Shape{false, 4, 4};
    case FrameType::finish: return Shape{false, 0, 0};
    case FrameType::reset: return Shape{false, 1, 1};
    case FrameType::datagram: return Shape{false, 0, most_datagram};
    case FrameType::ping:
    case FrameType::pong: return Shape{true, 8, 8};
    case FrameType::want: return Shape{true, 2, 2};
    }
    return std::nullopt;
}

} // namespace

std::string_view to_text(Reason reason)
{
    switch (reason) {
    case Reason::closed: return "closed";
    case Reason::refused: return "refused";
    case Reason::timed_out: return "timed_out";
    case Reason::unreachable: return "unreachable";
    case Reason::unresolved: return "unresolved";
    case Reason::aborted: return "aborted";
    case Reason::not_authorised: return "not_authorised";
    case Reason::no_next_hop: return "no_next_hop";
    case Reason::carrier_lost: return "carrier_lost";
    case Reason::overloaded: return "overloaded";
    case Reason::idle: return "idle";
    case Reason::cut: return "cut";
    case Reason::blocked: return "blocked";
    }
    return "closed";
}

bool is_paths_fault(Reason reason)
{
    return reason == Reason::no_next_hop || reason == Reason::carrier_lost || reason == Reason::overloaded || reason == Reason::not_authorised;
}

std::optional<Header> decode_header(std::span<const char> bytes)
{
    if (bytes.size() < header_size) return std::nullopt;
    const Header header{static_cast<StreamId>(get(bytes.data(), 4)), static_cast<FrameType>(get(bytes.data() + 4, 1)),
                        static_cast<std::uint32_t>(get(bytes.data() + 5, 3))};
    const auto shape = shape_of(header.type);
    if (!shape || header.length < shape->least || header.length > shape->most || (header.stream == 0) != shape->on_carrier) return std::nullopt;
    return header;
}

void write_header(char* into, const Header& header)
{
    put(into, header.stream);
    put(into + 4, static_cast<std::uint8_t>(header.type));
    put(into + 5, header.length, 3);
}

void append(std::string& out, const Hello& hello)
{
    auto* at = begin(out, 0, FrameType::hello, hello_size);
    put(at, hello.version);
    put(at + 1, hello.tunnel.value);
    put(at + 9, hello.carriers);
}

void append(std::string& out, StreamId stream, const Open& open)
{
    const auto first = std::min(open.first_bytes.size(), most_first_bytes);
    auto* at = begin(out, stream, FrameType::open, open_size + first);
    put(at, static_cast<std::uint8_t>(open.kind));
    put(at + 1, open.tunnel.value);
    put(at + 9, open.forward.value);
    put(at + 17, static_cast<std::uint8_t>(open.client.address.is_v6() ? 6 : 4));
    const auto& address = open.client.address.bytes();
    std::copy(address.begin(), address.end(), at + 18);
    put(at + 34, open.client.port);
    std::copy_n(open.first_bytes.data(), first, at + open_size);
}

void append_opened(std::string& out, StreamId stream) { begin(out, stream, FrameType::opened, 0); }

void append_credit(std::string& out, StreamId stream, std::uint32_t bytes) { put(begin(out, stream, FrameType::credit, 4), bytes); }

void append_finish(std::string& out, StreamId stream) { begin(out, stream, FrameType::finish, 0); }

void append_reset(std::string& out, StreamId stream, Reason reason)
{
    put(begin(out, stream, FrameType::reset, 1), static_cast<std::uint8_t>(reason));
}

void append_datagram(std::string& out, StreamId stream, std::span<const char> bytes)
{
    std::copy(bytes.begin(), bytes.end(), begin(out, stream, FrameType::datagram, bytes.size()));
}

void append_ping(std::string& out, std::uint64_t token, bool answer) { put(begin(out, 0, answer ? FrameType::pong : FrameType::ping, 8), token); }

void append_want(std::string& out, std::uint16_t carriers) { put(begin(out, 0, FrameType::want, 2), carriers); }

std::optional<Hello> decode_hello(std::span<const char> payload)
{
    if (payload.size() != hello_size) return std::nullopt;
    Hello hello;
    hello.version = static_cast<std::uint8_t>(get(payload.data(), 1));
    hello.tunnel = TunnelId{static_cast<std::int64_t>(get(payload.data() + 1, 8))};
    hello.carriers = static_cast<std::uint16_t>(get(payload.data() + 9, 2));
    if (hello.version == 0 || hello.tunnel.value <= 0 || hello.carriers == 0) return std::nullopt;
    return hello;
}

std::optional<Open> decode_open(std::span<const char> payload)
{
    if (payload.size() < open_size || payload.size() > open_size + most_first_bytes) return std::nullopt;
    const auto* at = payload.data();
    Open open;
    const auto kind = get(at, 1);
    const auto family = get(at + 17, 1);
    if (kind < 1 || kind > 2 || (family != 4 && family != 6)) return std::nullopt;
    open.kind = static_cast<StreamKind>(kind);
    open.tunnel = TunnelId{static_cast<std::int64_t>(get(at + 1, 8))};
    open.forward = ForwardId{static_cast<std::int64_t>(get(at + 9, 8))};
    if (open.tunnel.value <= 0 || open.forward.value <= 0) return std::nullopt;
    std::array<std::uint8_t, 16> address{};
    std::transform(at + 18, at + 34, address.begin(), [](char c) { return static_cast<std::uint8_t>(c); });
    if (family == 6) {
        open.client.address = IpAddress::from_v6(address);
    } else {
        if (std::any_of(address.begin() + 4, address.end(), [](std::uint8_t byte) { return byte != 0; })) return std::nullopt;
        open.client.address = IpAddress::from_v4(static_cast<std::uint32_t>(get(at + 18, 4)));
    }
    open.client.port = static_cast<std::uint16_t>(get(at + 34, 2));
    open.first_bytes.assign(payload.begin() + open_size, payload.end());
    return open;
}

std::optional<std::uint32_t> decode_credit(std::span<const char> payload)
{
    if (payload.size() != 4) return std::nullopt;
    const auto bytes = static_cast<std::uint32_t>(get(payload.data(), 4));
    return bytes == 0 ? std::nullopt : std::optional{bytes};
}

std::optional<Reason> decode_reset(std::span<const char> payload)
{
    if (payload.size() != 1) return std::nullopt;
    const auto reason = get(payload.data(), 1);
    return reason > static_cast<std::uint64_t>(Reason::blocked) ? Reason::closed : static_cast<Reason>(reason);
}

} // namespace sluice::tunnel
