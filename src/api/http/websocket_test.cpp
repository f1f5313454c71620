// WebSockets on a real socket: handshake, messages, pings by a held clock, every way to end.
#include "api/http/testing.hpp"
#include "net/ws_frame.hpp"

#include <atomic>
#include <doctest/doctest.h>
#include <mutex>

using namespace sluice;
using namespace sluice::http;
using sluice::http::testing::Client;
using sluice::http::testing::eventually;
using sluice::net::WsEvent;
using sluice::net::WsOpcode;

namespace {

const std::string handshake = "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
constexpr std::array<std::uint8_t, 4> mask{1, 2, 3, 4};

std::string masked(WsOpcode opcode, std::string_view payload) { return net::ws_encode(opcode, payload, mask); }

// The client's end: frames out, events in.
struct Peer : Client {
    explicit Peer(const Endpoint& server, bool tls = false, const std::string& request = handshake) : Client(server, tls)
    {
        send(request);
        opening = reply(true);
    }
    // The next event; a close with code 0 at the end of the stream.
    WsEvent next()
    {
        while (events.empty()) {
            const auto byte = read_exactly(1);
            if (byte.empty()) return {WsEvent::Kind::close, {}, 0};
            reader.feed(byte, events);
        }
        auto event = std::move(events.front());
        events.erase(events.begin());
        return event;
    }
    Reply opening;
    net::WsReader reader{net::WsRole::client, std::size_t{4} << 20U};
    std::vector<WsEvent> events;
};

struct WsSite : testing::Site {
    WsSite()
    {
        router.websocket(
            "/ws",
            [this](const Request& request) -> std::variant<Response, WebSocketHandler> {
                if (request.query.get("key") == "wrong") return Response::text(403, "forbidden");
                WebSocketHandler handler;
                handler.on_open = [this](const WebSocketPtr& socket) {
                    const std::lock_guard lock(mutex);
                    current = socket;
                    ++opened;
                };
                handler.on_message = [](const WebSocketPtr& socket, WebSocketMessage message) {
                    if (message.binary) {
                        socket->send_binary(std::move(message.data));
                    } else {
                        socket->send("echo " + message.data);
                    }
                };
                handler.on_close = [this](const WebSocketPtr&, std::uint16_t code) {
                    last_code = code;
                    ++closed; // last: it is what tests wait for
                };
                return handler;
            },
            socket_options);
    }
    WebSocketPtr socket()
    {
        REQUIRE(eventually([this] { return opened > 0; }));
        const std::lock_guard lock(mutex);
        return current;
    }
    WebSocketOptions socket_options;
    std::mutex mutex;
    WebSocketPtr current;
    std::atomic<int> opened{0};
    std::atomic<int> closed{0};
    std::atomic<int> last_code{0};
};

} // namespace

TEST_CASE_FIXTURE(WsSite, "an upgrade is accepted, messages go both ways, a close is answered")
{
    start();
    Peer peer(address());
    CHECK(peer.opening.status == 101);
    CHECK(peer.opening.field("sec-websocket-accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    peer.send(masked(WsOpcode::text, "hello") + masked(WsOpcode::ping, "p"));
    CHECK(peer.next().data == "echo hello");
    const auto pong = peer.next();
    CHECK(pong.kind == WsEvent::Kind::pong);
    CHECK(pong.data == "p");
    CHECK(socket()->send("from another thread"));
    CHECK(peer.next().data == "from another thread");
    const std::string large(60'000, 'x');
    peer.send(masked(WsOpcode::binary, large));
    CHECK(peer.next().data == large);
    peer.send(masked(WsOpcode::close, net::ws_close_payload(1000, "bye")));
    CHECK(peer.next().code == 1000);
    CHECK(peer.at_end());
    REQUIRE(eventually([&] { return closed == 1; }));
    CHECK(last_code == 1000);
    CHECK_FALSE(socket()->open());
    CHECK_FALSE(socket()->send("too late"));
}

TEST_CASE_FIXTURE(WsSite, "it works through TLS, with a message behind the handshake")
{
    with_tls = true;
    start();
    Peer peer(address(), true, handshake + masked(WsOpcode::text, "early"));
    CHECK(peer.opening.status == 101);
    CHECK(peer.next().data == "echo early");
}

TEST_CASE_FIXTURE(WsSite, "what is no proper upgrade is refused, and the connection goes on")
{
    start();
    const auto refused = [&](const std::string& from, const std::string& to) {
        auto request = handshake;
        request.replace(request.find(from), from.size(), to);
        return Peer(address(), false, request).opening;
    };
    CHECK(refused("/ws", "/ws?key=wrong").status == 403);
    CHECK(refused("Upgrade: WebSocket\r\n", "").status == 400);
    CHECK(refused("keep-alive, Upgrade", "keep-alive").status == 400);
    CHECK(refused("HTTP/1.1", "HTTP/1.0").status == 400);
    CHECK(refused("dGhlIHNhbXBsZSBub25jZQ==", "short").status == 400);
    const auto version = refused("Version: 13", "Version: 8");
    CHECK(version.status == 426);
    CHECK(version.field("sec-websocket-version") == "13");
    CHECK(refused("GET", "POST").status == 405);
    CHECK(opened == 0);
    Client client(address());
    client.send("GET /ws?key=wrong HTTP/1.1\r\nHost: a\r\n\r\nGET /ws?key=wrong HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(client.reply().body == "forbidden");
    CHECK(client.reply().status == 403);
}

TEST_CASE_FIXTURE(WsSite, "a peer that breaks the protocol hears why")
{
    start();
    const auto code_for = [&](const std::string& bytes) {
        Peer peer(address());
        peer.send(bytes);
        const auto event = peer.next();
        CHECK(event.kind == WsEvent::Kind::close);
        CHECK(peer.at_end());
        return event.code;
    };
    CHECK(code_for(net::ws_encode(WsOpcode::text, "unmasked")) == 1002);
    CHECK(code_for(masked(WsOpcode::text, "\xff")) == 1007);
    CHECK(code_for(masked(WsOpcode::binary, std::string(70'000, 'x'))) == 1009);
    REQUIRE(eventually([&] { return closed == 3; }));
}

TEST_CASE_FIXTURE(WsSite, "the server pings, keeps who answers and drops who does not")
{
    start();
    Peer answers(address());
    Peer silent(address());
    REQUIRE(eventually([&] { return opened == 2; }));
    for (int i = 0; i < 5; ++i) { // the first tick may still find on_open running, which counts as having been heard
        clock.advance(Milliseconds{15'000});
        CHECK(answers.next().kind == WsEvent::Kind::ping);
        answers.send(masked(WsOpcode::pong, "") + masked(WsOpcode::text, "x"));
        CHECK(answers.next().data == "echo x"); // so the pong has been heard
    }
    REQUIRE(eventually([&] { return closed == 1; }));
    CHECK(last_code == close_code::abnormal);
    while (silent.next().kind == WsEvent::Kind::ping) {}
    CHECK(silent.at_end());
    CHECK(server->counters().websockets == 1);
}

TEST_CASE_FIXTURE(WsSite, "a peer that does not read fills its queue and is closed, not fed")
{
    start();
    Peer peer(address());
    auto server_end = socket();
    const std::string message(60'000, 'x');
    CHECK(eventually([&] { return !server_end->send(message); })); // the kernel's buffers first, then ours
    CHECK_FALSE(server_end->open());
    REQUIRE(eventually([&] {
        clock.advance(Milliseconds{6'000}); // the write in progress does not end either
        return closed == 1;
    }));
    CHECK(last_code == close_code::abnormal);
}

TEST_CASE_FIXTURE(WsSite, "closing from our side waits for the answer, but not for ever")
{
    start();
    Peer polite(address());
    socket()->close(close_code::policy, "signed out");
    const auto event = polite.next();
    CHECK(event.code == 1008);
    CHECK(event.data == "signed out");
    polite.send(masked(WsOpcode::close, net::ws_close_payload(1008, "")));
    REQUIRE(eventually([&] { return closed == 1; }));
    CHECK(last_code == 1008);
    opened = 0;
    Peer rude(address());
    socket()->close();
    CHECK(rude.next().code == 1000);
    REQUIRE(eventually([&] {
        clock.advance(Milliseconds{6'000});
        return closed == 2;
    }));
    CHECK(last_code == close_code::abnormal);
}

TEST_CASE_FIXTURE(WsSite, "a vanished peer ends with 1006, once")
{
    start();
    {
        Peer peer(address());
        socket();
    }
    REQUIRE(eventually([&] { return closed == 1; }));
    CHECK(last_code == close_code::abnormal);
}

TEST_CASE_FIXTURE(WsSite, "draining says 1001, and a socket object may outlive its server")
{
    start();
    Peer peer(address());
    auto kept = socket();
    std::thread drainer([&] { CHECK(server->drain(std::chrono::duration_cast<Milliseconds>(testing::patience))); });
    CHECK(peer.next().code == 1001);
    peer.send(masked(WsOpcode::close, net::ws_close_payload(1001, "")));
    drainer.join();
    CHECK(closed == 1);
    server->stop();
    server.reset();
    CHECK_FALSE(kept->send("nobody"));
    kept->close();
    current.reset();
    kept.reset();
}
