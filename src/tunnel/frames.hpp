// The frames inside a carrier, as bytes in and out (docs/TUNNEL.md has the drawing). A carrier joins two neighbours of one tunnel; on it the
// earlier place opens streams and the later one answers. Nothing here knows sockets, TLS or what a stream is for.
#pragma once

#include "base/address.hpp"
#include "base/id.hpp"
#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sluice::tunnel {

inline constexpr std::uint8_t protocol_version = 1;
inline constexpr std::size_t header_size = 8;
inline constexpr std::size_t most_payload = 65'600; // a whole UDP datagram and a little; DATA frames stay below 16 kB
inline constexpr std::size_t most_data = 16'384 - header_size;
inline constexpr std::size_t most_datagram = 65'507;
inline constexpr std::size_t most_first_bytes = 8 * 1024; // that travel with an open

using StreamId = std::uint32_t; // 0: the carrier itself

enum class FrameType : std::uint8_t {
    hello = 1,    // stream 0, first frame each way: version, tunnel, wanted carriers
    open = 2,     // what for, and the first bytes
    opened = 3,   // the target is connected
    data = 4,     // bytes, paid with credit
    credit = 5,   // that many more bytes may come
    finish = 6,   // no more bytes from this side
    reset = 7,    // the stream is over, and why
    datagram = 8, // one, unpaid: it may be dropped
    ping = 9,     // stream 0
    pong = 10,    // stream 0, the same eight bytes
    want = 11,    // stream 0: the end that cannot dial asks for that many more carriers
};

// Why a stream is over. Travels back to the client's end.
enum class Reason : std::uint8_t {
    closed = 0,         // the end that speaks has nothing more to do with it
    refused = 1,        // the target refused
    timed_out = 2,      // the target does not answer
    unreachable = 3,    // no way to the target
    unresolved = 4,     // the target's name
    aborted = 5,        // the target's or the client's connection broke
    not_authorised = 6, // that tunnel and forward are not in the node's plan
    no_next_hop = 7,    // no carrier to the next place
    carrier_lost = 8,
    overloaded = 9, // too many streams, or no descriptors
    idle = 10,
    cut = 11, // the forward was paused, or the plan says so otherwise
    blocked = 12,
};
std::string_view to_text(Reason reason);
// The path failed, not the target: another node of the same place may do better.
bool is_paths_fault(Reason reason);

enum class StreamKind : std::uint8_t { tcp = 1, udp = 2 };

struct Hello {
    std::uint8_t version = protocol_version;
    TunnelId tunnel;
    std::uint16_t carriers = 1; // that this end would like the dialling one to keep
    friend bool operator==(const Hello&, const Hello&) = default;
};

struct Open {
    StreamKind kind = StreamKind::tcp;
    TunnelId tunnel;
    ForwardId forward;
    Endpoint client;
    std::string first_bytes; // at most most_first_bytes
    friend bool operator==(const Open&, const Open&) = default;
};

struct Header {
    StreamId stream = 0;
    FrameType type = FrameType::data;
    std::uint32_t length = 0; // of the payload
};

// Absent when malformed: unknown type, a length or a stream that the type forbids.
std::optional<Header> decode_header(std::span<const char> bytes); // header_size of them
void write_header(char* into, const Header& header);

void append(std::string& out, const Hello& hello);
void append(std::string& out, StreamId stream, const Open& open);
void append_opened(std::string& out, StreamId stream);
void append_credit(std::string& out, StreamId stream, std::uint32_t bytes);
void append_finish(std::string& out, StreamId stream);
void append_reset(std::string& out, StreamId stream, Reason reason);
void append_datagram(std::string& out, StreamId stream, std::span<const char> bytes);
void append_ping(std::string& out, std::uint64_t token, bool answer);
void append_want(std::string& out, std::uint16_t carriers);

// Payloads; absent when malformed.
std::optional<Hello> decode_hello(std::span<const char> payload);
std::optional<Open> decode_open(std::span<const char> payload);
std::optional<std::uint32_t> decode_credit(std::span<const char> payload); // never 0
std::optional<Reason> decode_reset(std::span<const char> payload);         // reasons of newer versions become `closed`

} // namespace sluice::tunnel
