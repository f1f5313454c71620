#include "tunnel/frames.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::tunnel;

namespace {

std::span<const char> payload(const std::string& frame) { return std::span{frame}.subspan(header_size); }

} // namespace

TEST_CASE("an open comes back as it was said")
{
    for (const char* client : {"192.0.2.1:5", "[2001:db8::1]:65535"}) {
        const Open open{StreamKind::udp, TunnelId{5}, ForwardId{1LL << 40}, Endpoint::parse(client).value(), std::string("\0first", 6)};
        std::string bytes;
        append(bytes, 77, open);
        const auto header = decode_header(bytes);
        REQUIRE(header);
        CHECK(header->stream == 77);
        CHECK(header->type == FrameType::open);
        CHECK(header->length + header_size == bytes.size());
        CHECK(decode_open(payload(bytes)).value() == open);
    }
}

TEST_CASE("what an open may not say is refused")
{
    std::string good;
    append(good, 1, Open{StreamKind::tcp, TunnelId{5}, ForwardId{6}, {}, {}});
    const auto with = [&](std::size_t at, char value) {
        auto bytes = good;
        bytes[header_size + at] = value;
        return decode_open(payload(bytes)).has_value();
    };
    CHECK(with(0, 1));
    CHECK_FALSE(with(0, 0)); // kind
    CHECK_FALSE(with(0, 3));
    CHECK_FALSE(with(8, 0));      // tunnel 0
    CHECK_FALSE(with(1, '\x80')); // negative tunnel
    CHECK_FALSE(with(16, 0));     // forward 0
    CHECK_FALSE(with(17, 5));     // family
    CHECK_FALSE(with(30, 1));     // an IPv4 address with more than four bytes
    CHECK_FALSE(decode_open(payload(good).first(20)));
}

TEST_CASE("small payloads come back, and only they")
{
    std::string hello;
    append(hello, Hello{1, TunnelId{9}, 3});
    CHECK(decode_hello(payload(hello)).value() == Hello{1, TunnelId{9}, 3});
    std::string credit;
    append_credit(credit, 4, 0xfffffffe);
    CHECK(decode_credit(payload(credit)).value() == 0xfffffffe);
    CHECK_FALSE(decode_credit(std::string(4, '\0')));
    std::string reset;
    append_reset(reset, 4, Reason::unresolved);
    CHECK(decode_reset(payload(reset)).value() == Reason::unresolved);
    CHECK(decode_reset(std::string("\x7f")).value() == Reason::closed);
}

TEST_CASE("a header is refused when type, stream and length do not fit")
{
    const auto valid = [](StreamId stream, FrameType type, std::uint32_t length) {
        std::string bytes(header_size, '\0');
        write_header(bytes.data(), {stream, type, length});
        return decode_header(bytes).has_value();
    };
    CHECK(valid(1, FrameType::data, 1));
    CHECK_FALSE(valid(1, FrameType::data, 0));
    CHECK_FALSE(valid(0, FrameType::data, 1));
    CHECK_FALSE(valid(1, FrameType::data, most_data + 1));
    CHECK(valid(1, FrameType::datagram, 0));
    CHECK(valid(1, FrameType::datagram, most_datagram));
    CHECK_FALSE(valid(1, FrameType::datagram, most_datagram + 1));
    CHECK(valid(0, FrameType::ping, 8));
    CHECK_FALSE(valid(1, FrameType::ping, 8));
    CHECK_FALSE(valid(1, FrameType::credit, 5));
    CHECK_FALSE(valid(1, static_cast<FrameType>(0), 0));
    CHECK_FALSE(valid(1, static_cast<FrameType>(12), 0));
    CHECK_FALSE(decode_header(std::string(7, '\0')));
}
