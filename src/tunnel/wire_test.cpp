// Two wires back to back, for every way of carrying: bytes are cut anywhere.
#include "tunnel/wire.hpp"

#include "base/random.hpp"
#include "net/identity.hpp"
#include "tunnel/upgrade.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::tunnel;

namespace {

struct Ends {
    net::Identity alice = net::Identity::make();
    net::Identity bob = net::Identity::make();
    WireContexts alices = make_wire_contexts(alice.context());
    WireContexts bobs = make_wire_contexts(bob.context());
    std::unique_ptr<Wire> dialler;
    std::unique_ptr<Wire> listener;
    std::string at_dialler;
    std::string at_listener;

    void start(bool websocket, bool outer_tls, Fingerprint dialler_expects, Fingerprint listener_expects)
    {
        plan::Dial dial{{"127.0.0.1", 1}, websocket, outer_tls, "www.example.com", {"h2"}, "/chat"};
        dialler = Wire::dialling(alices, dial, [=](const Fingerprint& key) { return key == dialler_expects; });
        listener = Wire::listening(bobs, websocket, [=](const Fingerprint& key) { return key == listener_expects; });
    }

    static void carry(Wire& from, Wire& to, std::string& heard)
    {
        const auto bytes = std::exchange(from.output(), {});
        for (std::size_t at = 0; at < bytes.size();) {
            const auto size = std::min<std::size_t>(bytes.size() - at, 1 + random_below(3000));
            to.received(std::span{bytes}.subspan(at, size), [&](std::span<const char> plain) {
                heard.append(plain.data(), plain.size());
                return true;
            });
            at += size;
        }
    }

    bool connect()
    {
        for (int i = 0; i < 12; ++i) {
            carry(*dialler, *listener, at_listener);
            carry(*listener, *dialler, at_dialler);
        }
        return dialler->state() == Wire::State::open && listener->state() == Wire::State::open;
    }
};

} // namespace

TEST_CASE_FIXTURE(Ends, "bytes pass through every kind of wire, and each end knows the other's key")
{
    for (const auto& [websocket, outer_tls] : {std::pair{false, false}, {true, true}, {true, false}}) {
        CAPTURE(websocket);
        CAPTURE(outer_tls);
        start(websocket, outer_tls, bob.fingerprint(), alice.fingerprint());
        REQUIRE(connect());
        CHECK(dialler->peer() == bob.fingerprint());
        CHECK(listener->peer() == alice.fingerprint());
        const auto up = random_bytes(100'000);
        const auto down = random_bytes(70'000);
        at_dialler.clear();
        at_listener.clear();
        dialler->send(up);
        listener->send(down);
        carry(*dialler, *listener, at_listener);
        carry(*listener, *dialler, at_dialler);
        CHECK(at_listener == up);
        CHECK(at_dialler == down);
        dialler->close();
        carry(*dialler, *listener, at_listener);
        CHECK(listener->state() == Wire::State::closed);
    }
}

TEST_CASE_FIXTURE(Ends, "a key that the plan does not name is refused on every kind of wire")
{
    const auto mallory = net::Identity::make().fingerprint();
    for (const auto& [websocket, outer_tls] : {std::pair{false, false}, {true, true}, {true, false}}) {
        start(websocket, outer_tls, mallory, alice.fingerprint());
        CHECK_FALSE(connect());
        CHECK(dialler->state() == Wire::State::failed);
        start(websocket, outer_tls, bob.fingerprint(), mallory);
        CHECK_FALSE(connect());
        CHECK(listener->state() == Wire::State::failed);
    }
}

TEST_CASE_FIXTURE(Ends, "somebody who is not one of us gets an ordinary refusal")
{
    start(true, false, bob.fingerprint(), alice.fingerprint());
    const auto nothing = [](std::span<const char>) { return true; };
    const std::string request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    CHECK(listener->received(request, nothing) == Wire::State::failed);
    CHECK(listener->output().starts_with("HTTP/1.1 404 "));
    start(true, false, bob.fingerprint(), alice.fingerprint());
    CHECK(listener->received(std::string(most_head, 'x'), nothing) == Wire::State::failed);
    start(false, false, bob.fingerprint(), alice.fingerprint());
    CHECK(listener->received(request, nothing) == Wire::State::failed);
}

TEST_CASE("an upgrade is read as RFC 6455 wants it")
{
    const auto request = upgrade_request("example.com", "/chat", "dGhlIHNhbXBsZSBub25jZQ==");
    const auto head = read_upgrade_request(request + "rest");
    REQUIRE(head);
    CHECK(head->valid);
    CHECK(head->size == request.size());
    CHECK(head->accept_key == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    CHECK_FALSE(read_upgrade_request(request.substr(0, request.size() - 1)));
    CHECK(read_upgrade_answer(upgrade_answer(head->accept_key), head->accept_key)->valid);
    CHECK_FALSE(read_upgrade_answer(upgrade_answer("other"), head->accept_key)->valid);
    CHECK_FALSE(read_upgrade_answer("HTTP/1.1 502 Bad Gateway\r\n\r\n", head->accept_key)->valid);
    CHECK_FALSE(read_upgrade_request("POST / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n")->valid);
}
