// The front at its limits, on a real socket: caps, full queues, no descriptors, crowds. What it must keep is that others are served.
#include "api/http/server.hpp"
#include "api/http/testing.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <doctest/doctest.h>
#include <future>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace sluice;
using namespace sluice::http;
using sluice::http::testing::Client;
using sluice::http::testing::eventually;

namespace {

struct EchoSite : testing::Site {
    EchoSite()
    {
        router.add("*", "/echo", [](const Request& request) { return Response::text(200, request.method); });
        RouteOptions at_once;
        at_once.instant = true;
        router.add("GET", "/health", [](const Request&) { return Response::text(200, "ok"); }, at_once);
        router.after("/", [](const Request&, Response& response) { response.headers.set("Access-Control-Allow-Origin", "*"); });
    }
};

const std::string get_echo = "GET /echo HTTP/1.1\r\nHost: a\r\n\r\n";

// No new descriptor for this process until it is destroyed.
struct NoDescriptors {
    NoDescriptors()
    {
        REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
        rlimit none = before;
        // Not the lowest free number: another thread (its first allocation reads /sys) may give back a lower one at any moment.
        none.rlim_cur = 0;
        REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    }
    ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before); }
    rlimit before{};
};

} // namespace

TEST_CASE_FIXTURE(EchoSite, "connections of one address are capped, those of proxies and of this machine are not")
{
    options.limits.connections_per_address = 2;
    options.uncapped.clear();
    start();
    Client one(address());
    Client two(address());
    one.send(get_echo);
    two.send(get_echo);
    CHECK(one.reply().status == 200);
    CHECK(two.reply().status == 200);
    Client three(address());
    CHECK(three.at_end());
    CHECK(server->counters().refused_connections == 1);
    server->set_trusted_proxies({*Cidr::parse("127.0.0.1")}); // a proxy brings many clients
    Client four(address());
    four.send(get_echo);
    CHECK(four.reply().status == 200);

    for (const std::string local : {"127.0.0.1", "127.8.8.8", "::1"}) {
        const auto networks = ServerOptions{}.uncapped;
        CHECK(std::any_of(networks.begin(), networks.end(), [&](const Cidr& network) { return network.contains(*IpAddress::parse(local)); }));
    }
}

TEST_CASE_FIXTURE(EchoSite, "a newcomer above the total takes the place of whoever waited longest")
{
    options.limits.connections = 3;
    start();
    Client oldest(address());
    oldest.send(get_echo);
    CHECK(oldest.reply().status == 200);
    Client half(address());
    half.send("GET /echo HTTP/1.1\r\nHo");
    Client silent(address());
    REQUIRE(eventually([&] { return server->counters().connections == 3; }));
    oldest.send(get_echo); // no longer the one that waited longest
    CHECK(oldest.reply().status == 200);
    Client fourth(address());
    fourth.send(get_echo);
    CHECK(fourth.reply().status == 200);
    CHECK(half.at_end());
    oldest.send(get_echo);
    CHECK(oldest.reply().status == 200);
    CHECK(server->counters().evicted == 1);
    CHECK(server->counters().refused_connections == 0);
}

TEST_CASE_FIXTURE(EchoSite, "a newcomer is refused when everybody is being answered")
{
    options.limits.connections = 1;
    std::promise<void> gate;
    auto opened = gate.get_future().share();
    std::atomic<int> inside{0};
    router.add("GET", "/wait", [&, opened](const Request&) {
        ++inside;
        opened.wait();
        return Response::text(200, "done");
    });
    start();
    Client busy(address());
    busy.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    REQUIRE(eventually([&] { return inside == 1; }));
    Client second(address());
    CHECK(second.at_end());
    CHECK(server->counters().refused_connections == 1);
    gate.set_value();
    CHECK(busy.reply().body == "done");
}

TEST_CASE_FIXTURE(EchoSite, "a full worker queue is answered with 503 and Retry-After, and the connection stays")
{
    worker_threads = 1;
    worker_queue = 1;
    std::promise<void> gate;
    auto opened = gate.get_future().share();
    std::atomic<int> inside{0};
    router.add("GET", "/wait", [&, opened](const Request&) {
        ++inside;
        opened.wait();
        return Response::text(200, "done");
    });
    start();
    Client first(address());
    Client second(address());
    Client third(address());
    first.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    REQUIRE(eventually([&] { return inside == 1; }));
    second.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    REQUIRE(eventually([&] { return workers->queued() == 1; }));
    third.send(get_echo);
    const auto refused = third.reply();
    CHECK(refused.status == 503);
    CHECK(refused.field("retry-after") == "1");
    CHECK(refused.field("access-control-allow-origin") == "*"); // else a browser hides the refusal from its page
    CHECK(server->counters().overloaded == 1);
    CHECK(get("/health").status == 200); // needs no worker
    gate.set_value();
    CHECK(first.reply().status == 200);
    CHECK(second.reply().status == 200);
    third.send(get_echo);
    CHECK(third.reply().status == 200);
}

TEST_CASE_FIXTURE(EchoSite, "without a free descriptor nobody is lost: who waits is accepted as soon as there is one")
{
    start();
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(descriptor >= 0);
    {
        const NoDescriptors held;
        sockaddr_storage storage{};
        const auto length = address().to_sockaddr(storage);
        REQUIRE(::connect(descriptor, reinterpret_cast<const sockaddr*>(&storage), length) == 0);
        REQUIRE(::send(descriptor, get_echo.data(), get_echo.size(), MSG_NOSIGNAL) > 0);
        CHECK(eventually([&] { return server->counters().exhausted >= 2; })); // it pauses and tries again
        CHECK(server->counters().accepted == 0);
    }
    std::array<char, 16> answer{};
    CHECK(::recv(descriptor, answer.data(), 12, MSG_WAITALL) == 12);
    CHECK(std::string{answer.data()} == "HTTP/1.1 200");
    ::close(descriptor);
}

TEST_CASE_FIXTURE(EchoSite, "a handshake that does not end is cut, and what is no handshake is closed")
{
    with_tls = true;
    start();
    Client stuck(address());
    stuck.send(std::string("\x16\x03\x01\x02\x00\x01\x00", 7)); // a ClientHello that never comes
    Client garbage(address());
    garbage.send("\x16" + std::string(300, 'g'));
    CHECK_FALSE(garbage.read_all().starts_with("HTTP")); // at most an alert
    REQUIRE(eventually([&] { return server->counters().connections == 1; }));
    clock.advance(Milliseconds{10'500});
    CHECK(stuck.at_end());
    CHECK(server->counters().timed_out == 1);
    Client fine(address(), true);
    fine.send(get_echo);
    CHECK(fine.reply().status == 200);
}

TEST_CASE_FIXTURE(EchoSite, "what speaks another protocol hears that in HTTP")
{
    start();
    const auto status = [&](const std::string& bytes) {
        Client client(address());
        client.send(bytes);
        const auto reply = client.reply();
        CHECK(client.at_end());
        return reply.status;
    };
    CHECK(status("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == 505);
    CHECK(status("CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n") == 501);
    CHECK(status("PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n") == 501);
    CHECK(get("/health", "").status == 200);
}

TEST_CASE_FIXTURE(EchoSite, "refusals of the front carry the fields of finishers where the path is known")
{
    router.add("POST", "/small", [](const Request&) { return Response::empty(); }, {10, false});
    start();
    Client client(address());
    client.send("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n12345678901");
    const auto reply = client.reply();
    CHECK(reply.status == 413);
    CHECK(reply.field("access-control-allow-origin") == "*");
    CHECK(get("/unknown").field("access-control-allow-origin") == "*");
}

TEST_CASE_FIXTURE(EchoSite, "many clients that say nothing or half of something cost a normal request nothing")
{
    start();
    std::vector<std::unique_ptr<Client>> crowd;
    for (int i = 0; i < 300; ++i) {
        crowd.push_back(std::make_unique<Client>(address()));
        if (i % 2 == 0) crowd.back()->send("GET /echo HTTP/1.1\r\nHost: a\r\nX-Slow: ");
    }
    CHECK(get("/echo").status == 200);
    CHECK(eventually([&] {
        clock.advance(Milliseconds{3'000}); // the deadline of the head, then that of a last word
        return server->counters().connections == 0;
    }));
    CHECK(server->counters().timed_out >= 300);
    CHECK(get("/echo").status == 200);
}
