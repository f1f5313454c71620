// Vectors of RFC 6455 section 5.7, and the ways to break its rules.
#include "net/ws_frame.hpp"

#include <doctest/doctest.h>
#include <random>

using namespace sluice::net;

namespace {

using Mask = std::array<std::uint8_t, 4>;
constexpr Mask mask{0x37, 0xfa, 0x21, 0x3d};

std::string bytes(std::initializer_list<unsigned> list)
{
    std::string text;
    for (const auto byte : list) text += static_cast<char>(byte);
    return text;
}

struct Outcome {
    std::vector<WsEvent> events;
    std::uint16_t problem = 0;
};

Outcome feed(const std::string& data, std::size_t limit = 70'000, WsRole role = WsRole::server)
{
    WsReader reader(role, limit);
    Outcome outcome;
    outcome.problem = reader.feed(data, outcome.events);
    return outcome;
}

// A masked frame with any first byte.
std::string raw(unsigned first, const std::string& payload)
{
    auto frame = ws_encode(WsOpcode::text, payload, mask);
    frame[0] = static_cast<char>(first);
    return frame;
}

} // namespace

TEST_CASE("the examples of RFC 6455 are read")
{
    const auto masked = feed(bytes({0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58}));
    REQUIRE(masked.events.size() == 1);
    CHECK(masked.events[0].data == "Hello");
    CHECK(masked.events[0].kind == WsEvent::Kind::text);
    const auto unmasked = feed(bytes({0x81, 0x05}) + "Hello", 100, WsRole::client);
    REQUIRE(unmasked.events.size() == 1);
    CHECK(unmasked.events[0].data == "Hello");
    const auto fragments = feed(bytes({0x01, 0x03}) + "Hel" + bytes({0x80, 0x02}) + "lo", 100, WsRole::client);
    REQUIRE(fragments.events.size() == 1);
    CHECK(fragments.events[0].data == "Hello");
    CHECK(ws_encode(WsOpcode::text, "Hello") == bytes({0x81, 0x05}) + "Hello");
    CHECK(ws_encode(WsOpcode::text, "Hello", mask) == bytes({0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58}));
}

TEST_CASE("every length form makes the round trip")
{
    for (const std::size_t size : {0U, 1U, 125U, 126U, 127U, 65'535U, 65'536U}) {
        const std::string payload(size, 'x');
        const auto read = feed(ws_encode(WsOpcode::binary, payload, mask));
        REQUIRE(read.events.size() == 1);
        CHECK(read.events[0].data == payload);
        CHECK(read.events[0].kind == WsEvent::Kind::binary);
        CHECK(feed(ws_encode(WsOpcode::binary, payload), 70'000, WsRole::client).events.size() == 1);
    }
}

TEST_CASE("frames may arrive byte by byte, and control frames between fragments")
{
    const std::string data =
        raw(0x01, "Hel") + ws_encode(WsOpcode::ping, "p", mask) + raw(0x00, "") + raw(0x80, "lo") + ws_encode(WsOpcode::pong, "", mask);
    WsReader reader(WsRole::server, 100);
    std::vector<WsEvent> events;
    for (const char c : data) REQUIRE(reader.feed({&c, 1}, events) == 0);
    REQUIRE(events.size() == 3);
    CHECK(events[0].kind == WsEvent::Kind::ping);
    CHECK(events[0].data == "p");
    CHECK(events[1].data == "Hello");
    CHECK(events[2].kind == WsEvent::Kind::pong);
    CHECK(reader.held() == 0);
}

TEST_CASE("broken frames end with 1002")
{
    CHECK(feed(bytes({0x81, 0x05}) + "Hello").problem == 1002);                                 // unmasked to a server
    CHECK(feed(ws_encode(WsOpcode::text, "Hello", mask), 100, WsRole::client).problem == 1002); // masked to a client
    CHECK(feed(raw(0xc1, "x")).problem == 1002);                                                // reserved bit
    CHECK(feed(raw(0x83, "x")).problem == 1002);                                                // reserved opcodes
    CHECK(feed(raw(0x8b, "x")).problem == 1002);
    CHECK(feed(raw(0x09, "x")).problem == 1002);                                                // fragmented ping
    CHECK(feed(raw(0x89, std::string(126, 'x'))).problem == 1002);                              // long ping
    CHECK(feed(raw(0x80, "x")).problem == 1002);                                                // continuation of nothing
    CHECK(feed(raw(0x01, "x") + raw(0x81, "y")).problem == 1002);                               // new message inside another
    CHECK(feed(bytes({0x81, 0xfe, 0x00, 0x7d}) + bytes({0, 0, 0, 0})).problem == 1002);         // 125 in the long form
    CHECK(feed(bytes({0x81, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0})).problem == 1002); // 65535 in the longest
    CHECK(feed(bytes({0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})).problem == 1002);    // negative length
    CHECK(feed(raw(0x88, "x")).problem == 1002);                                                // half a close code
    CHECK(feed(raw(0x88, bytes({0x03, 0xed}))).problem == 1002);                                // 1005 is never sent
    CHECK(feed(raw(0x88, bytes({0x00, 0x01}))).problem == 1002);
}

TEST_CASE("text that is not UTF-8 ends with 1007, also in a close reason")
{
    CHECK(feed(raw(0x81, "\xff")).problem == 1007);
    CHECK(feed(raw(0x01, "\xe4") + raw(0x80, "\xb8\xad")).problem == 0); // a character across fragments is fine
    CHECK(feed(raw(0x82, "\xff")).problem == 0);
    CHECK(feed(raw(0x88, bytes({0x03, 0xe8}) + "\xff")).problem == 1007);
}

TEST_CASE("messages beyond the limit end with 1009 before they are read")
{
    CHECK(feed(ws_encode(WsOpcode::binary, std::string(100, 'x'), mask), 100).problem == 0);
    CHECK(feed(ws_encode(WsOpcode::binary, std::string(101, 'x'), mask).substr(0, 6), 100).problem == 1009);
    CHECK(feed(raw(0x02, std::string(60, 'x')) + raw(0x80, std::string(60, 'x')), 100).problem == 1009);
    CHECK(feed(bytes({0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}), 100).problem == 1009);
}

TEST_CASE("a close carries code and reason, and nothing is read after it")
{
    auto data = ws_encode(WsOpcode::close, ws_close_payload(1001, "bye"), mask) + ws_encode(WsOpcode::text, "late", mask);
    const auto read = feed(data);
    REQUIRE(read.events.size() == 1);
    CHECK(read.events[0].code == 1001);
    CHECK(read.events[0].data == "bye");
    const auto bare = feed(ws_encode(WsOpcode::close, "", mask));
    REQUIRE(bare.events.size() == 1);
    CHECK(bare.events[0].code == 1005);
    CHECK(ws_close_payload(1000, std::string(200, 'x')).size() == 125);
    std::string wide;
    for (int i = 0; i < 60; ++i) wide += "中";
    CHECK(ws_close_payload(1000, wide).size() == 2 + 123);
    CHECK(ws_close_payload(1000, "x" + wide).size() == 2 + 121);
}

TEST_CASE("the accept key is the one of RFC 6455, and a bad key has none")
{
    CHECK(ws_accept_key("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    CHECK(ws_accept_key("").empty());
    CHECK(ws_accept_key("c2hvcnQ=").empty());
    CHECK(ws_accept_key("dGhlIHNhbXBsZSBub25jZQ=!").empty());
}

TEST_CASE("random bytes never take more memory than the limit")
{
    std::mt19937 random(99);
    for (int round = 0; round < 20'000; ++round) {
        WsReader reader(WsRole::server, 64);
        std::vector<WsEvent> events;
        std::string data;
        const auto length = random() % 80;
        for (unsigned i = 0; i < length; ++i) data += static_cast<char>(random() % 256);
        if (!data.empty() && round % 2 == 0) data[0] = static_cast<char>(0x80U | random() % 11);
        reader.feed(data, events);
        REQUIRE(reader.held() <= 64 + 125);
        for (const auto& event : events) REQUIRE(event.data.size() <= 125);
    }
}
