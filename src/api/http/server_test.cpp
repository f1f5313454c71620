// The front on a real socket. Deadlines run on a held clock: a test moves it, nothing waits for minutes.
#include "api/http/server.hpp"

#include "api/http/testing.hpp"
#include "net/tls_context.hpp"

#include <array>
#include <atomic>
#include <doctest/doctest.h>
#include <future>

using namespace sluice;
using namespace sluice::http;
using sluice::http::testing::Client;
using sluice::http::testing::eventually;

namespace {

// Answers with what it saw.
struct EchoSite : testing::Site {
    EchoSite()
    {
        router.add("*", "/echo", [this](const Request& request) {
            ++handled;
            return Response::text(200, request.method + ' ' + std::to_string(request.body.size()) + ' ' + request.body.substr(0, 64));
        });
        router.add("GET", "/who",
                   [](const Request& request) { return Response::text(200, request.remote.to_text() + (request.secure ? " secure" : " plain")); });
        router.add("POST", "/small", [](const Request& request) { return Response::text(200, std::to_string(request.body.size())); }, {10, false});
    }
    std::atomic<int> handled{0};
};

const std::string get_echo = "GET /echo HTTP/1.1\r\nHost: a\r\n\r\n";

} // namespace

TEST_CASE_FIXTURE(EchoSite, "one port speaks HTTP and HTTPS, told apart by the first byte")
{
    with_tls = true;
    start();
    Client plain(address());
    plain.send("GET /who HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(plain.reply().body.ends_with(" plain"));
    Client secure(address(), true);
    CHECK(secure.protocol() == "http/1.1");
    secure.send("GET /who HTTP/1.1\r\nHost: a\r\n\r\n");
    const auto reply = secure.reply();
    CHECK(reply.body.ends_with(" secure"));
    CHECK(reply.field("strict-transport-security").empty()); // self-signed
    secure.send(get_echo);
    CHECK(secure.reply().status == 200);
}

TEST_CASE_FIXTURE(EchoSite, "large bodies pass through TLS both ways")
{
    with_tls = true;
    router.add("POST", "/back", [](const Request& request) { return Response::text(200, request.body); }, {std::size_t{4} << 20U, false});
    start();
    Client client(address(), true);
    const std::string body(std::size_t{3} << 20U, 'z');
    std::thread writer([&] { client.send("POST /back HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body); });
    writer.join();
    CHECK(client.reply().body == body);
}

TEST_CASE_FIXTURE(EchoSite, "without TLS a handshake is closed, not answered")
{
    start();
    Client client(address());
    client.send("\x16\x03\x01\x00\x05hello");
    CHECK(client.at_end());
}

TEST_CASE_FIXTURE(EchoSite, "a connection is kept, and closed when either side says so")
{
    start();
    Client client(address());
    for (int i = 0; i < 3; ++i) {
        client.send(get_echo);
        CHECK(client.reply().status == 200);
    }
    client.send("GET /echo HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n");
    const auto last = client.reply();
    CHECK(last.field("connection") == "close");
    CHECK(client.at_end());

    Client old(address());
    old.send("GET /echo HTTP/1.0\r\n\r\n");
    CHECK(old.reply().field("connection") == "close");
    CHECK(old.at_end());
    Client old_kept(address());
    old_kept.send("GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    CHECK(old_kept.reply().field("connection") == "keep-alive");
    old_kept.send(get_echo);
    CHECK(old_kept.reply().status == 200);
}

TEST_CASE_FIXTURE(EchoSite, "the number of requests per connection ends with a truthful close")
{
    options.limits.requests_per_connection = 2;
    start();
    Client client(address());
    client.send(get_echo + get_echo + get_echo);
    CHECK(client.reply().field("connection").empty());
    CHECK(client.reply().field("connection") == "close");
    CHECK(client.at_end());
    CHECK(handled == 2);
}

TEST_CASE_FIXTURE(EchoSite, "pipelined requests are answered in order, bodies included")
{
    start();
    Client client(address());
    client.send(
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nonePOST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n" +
        get_echo);
    CHECK(client.reply().body == "POST 3 one");
    CHECK(client.reply().body == "POST 3 two");
    CHECK(client.reply().body == "GET 0 ");
}

TEST_CASE_FIXTURE(EchoSite, "a smuggled request is never seen by a handler")
{
    start();
    const std::string inner = "GET /echo HTTP/1.1\r\nHost: a\r\n\r\n";
    const auto attempt = [&](const std::string& fields, const std::string& body) {
        Client client(address());
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n" + body);
        const auto reply = client.reply();
        CHECK(reply.status >= 400);
        CHECK(reply.field("connection") == "close");
        CHECK(client.at_end());
    };
    attempt("Content-Length: 4\r\nContent-Length: " + std::to_string(inner.size()) + "\r\n", "abcd" + inner);
    attempt("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n" + inner);
    attempt("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n" + inner);
    attempt("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n" + inner);
    attempt("Transfer-Encoding : chunked\r\n", "0\r\n\r\n" + inner);
    attempt("Content-Length: +4\r\n", "abcd" + inner);
    attempt("Content-Length: 4\r\n folded: x\r\n", "abcd" + inner);
    attempt("X: y\nContent-Length: 0\r\n", inner);
    attempt("Transfer-Encoding: chunked\r\n", "4\nabcd\r\n0\r\n\r\n" + inner);
    CHECK(handled == 0);
    CHECK(server->counters().bad_requests == 9);
}

TEST_CASE_FIXTURE(EchoSite, "oversized heads and bodies are refused, and the refusal arrives")
{
    start();
    const auto status = [&](const std::string& bytes) {
        Client client(address());
        client.send(bytes);
        return client.reply().status;
    };
    CHECK(status("GET /" + std::string(9'000, 'a')) == 414);
    CHECK(status("GET / HTTP/1.1\r\nX: " + std::string(40'000, 'a')) == 431);
    CHECK(status("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n12345678901") == 413);
    CHECK(status("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999999\r\n\r\n") == 413);
    CHECK(status("POST /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n") == 413);
    CHECK(status("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n1234567890") == 200);
    CHECK(status("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n" + std::string(200'000, 'x')) == 413);
    CHECK(status("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n" + std::string(3'000'000, 'x')) == 413);
    CHECK(status("\r\n\r\n\r\n") == 400);
    CHECK(status("HELO mail\r\n\r\n") == 400);
    CHECK(status(std::string("\0\x01\x02\xff\n", 5)) == 400);
}

TEST_CASE_FIXTURE(EchoSite, "bodies of all requests together have a limit")
{
    options.limits.body_memory = 100;
    start();
    Client client(address());
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 90\r\n\r\n" + std::string(90, 'x'));
    CHECK(client.reply().status == 200);
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 90\r\n\r\n" + std::string(90, 'x')); // the first was given back
    CHECK(client.reply().status == 200);
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n" + std::string(101, 'x'));
    CHECK(client.reply().status == 503);
}

TEST_CASE_FIXTURE(EchoSite, "Expect: 100-continue is answered before the body, or refused instead of it")
{
    start();
    Client client(address());
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    CHECK(client.read_until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("body");
    const auto reply = client.reply();
    CHECK(reply.status == 200);
    CHECK(reply.body == "POST 4 body");
    Client large(address());
    large.send("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n");
    CHECK(large.reply().status == 413);
    Client odd(address());
    odd.send("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: miracles\r\n\r\n");
    CHECK(odd.reply().status == 417);
}

TEST_CASE_FIXTURE(EchoSite, "half a head is answered with 408 when its time is over, silence with a close")
{
    start();
    Client slow(address());
    Client silent(address());
    slow.send("GET /echo HTTP/1.1\r\nHo");
    CHECK(get("/echo").status == 200); // so both have been accepted, and their time runs
    clock.advance(Milliseconds{9'000});
    slow.send("st: a\r\n");
    Client quick(address());
    quick.send(get_echo);
    CHECK(quick.reply().status == 200);
    clock.advance(Milliseconds{1'500}); // more bytes do not buy more time
    CHECK(slow.reply().status == 408);
    CHECK(silent.at_end());
}

TEST_CASE_FIXTURE(EchoSite, "an idle connection is closed after its minute and not before")
{
    start();
    Client client(address());
    client.send(get_echo);
    CHECK(client.reply().status == 200);
    clock.advance(Milliseconds{59'000});
    client.send(get_echo);
    CHECK(client.reply().status == 200);
    // The answer is read before the loop waits again: until it does, no deadline runs.
    REQUIRE(eventually([&] {
        clock.advance(Milliseconds{61'000});
        return server->counters().connections == 0;
    }));
    CHECK(client.at_end());
    CHECK(server->counters().timed_out == 0); // idling is no fault
}

TEST_CASE_FIXTURE(EchoSite, "a body may be slow, but not slower than the minimum rate")
{
    options.limits.minimum_rate = 100;
    start();
    Client client(address());
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3000\r\n\r\n");
    for (int i = 0; i < 2; ++i) {
        client.send(std::string(1'000, 'x')); // earns ten seconds
        Client other(address());              // by the time this is answered, the loop has seen those bytes
        other.send(get_echo);
        CHECK(other.reply().status == 200);
        clock.advance(Milliseconds{9'900});
    }
    CHECK(server->counters().timed_out == 0);
    REQUIRE(eventually([&] {
        clock.advance(Milliseconds{11'000});
        return server->counters().timed_out == 1;
    }));
    CHECK(client.reply().status == 408);
}

TEST_CASE_FIXTURE(EchoSite, "a client that does not read its answer is cut")
{
    router.add("GET", "/big", [](const Request&) { return Response::text(200, std::string(std::size_t{32} << 20U, 'b')); });
    start();
    Client client(address());
    client.send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    REQUIRE(eventually([&] { return server->counters().requests == 1; }));
    REQUIRE(eventually([&] {
        clock.advance(Milliseconds{1'000'000});
        return server->counters().connections == 0;
    }));
    CHECK(client.read_all().size() < std::size_t{32} << 20U);
}

TEST_CASE_FIXTURE(EchoSite, "a client's address comes from a trusted proxy only")
{
    start();
    CHECK(get("/who", "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\n").body.starts_with("127.0.0.1:"));
    server->set_trusted_proxies({*Cidr::parse("127.0.0.1")});
    CHECK(get("/who", "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\n").body == "192.0.2.7:0 secure");
    CHECK(get("/who", "REMOTE_ADDR: 192.0.2.7\r\n").body.starts_with("127.0.0.1:"));
}

TEST_CASE_FIXTURE(EchoSite, "a long answer is streamed in chunks, or by its length, and may fail visibly")
{
    std::atomic<int> pieces{0};
    router.add("GET", "/stream", [&](const Request& request) {
        pieces = 0;
        const bool fails = request.query.has("fails");
        Producer producer = [&, fails]() -> std::string {
            if (++pieces == 3 && fails) throw std::runtime_error("disk");
            return pieces <= 4 ? std::string(50'000, static_cast<char>('0' + pieces)) : std::string{};
        };
        return Response::stream("text/plain", std::move(producer),
                                request.query.has("length") ? std::optional<std::uint64_t>{200'000} : std::nullopt);
    });
    start();
    Client client(address());
    client.send(
        "GET /stream HTTP/1.1\r\nHost: a\r\n\r\nGET /stream?length HTTP/1.1\r\nHost: a\r\n\r\nHEAD /stream?length HTTP/1.1\r\nHost: a\r\n\r\n" +
        get_echo);
    CHECK(client.reply().body.size() == 200'000);
    CHECK(client.reply().body.size() == 200'000);
    CHECK(client.reply(true).field("content-length") == "200000");
    CHECK(client.reply().body == "GET 0 ");
    client.send("GET /stream?fails HTTP/1.1\r\nHost: a\r\n\r\n");
    const auto cut = client.read_all();
    CHECK(cut.size() > 100'000);
    CHECK_FALSE(cut.ends_with("0\r\n\r\n"));
}

TEST_CASE_FIXTURE(EchoSite, "page files are served from the loop with a strict policy")
{
    static constexpr std::array assets{
        Asset{"/assets/a-1.js", "text/javascript; charset=utf-8", "\"js\"", true, "script", "", "br"},
        Asset{"/index.html", "text/html; charset=utf-8", "\"html\"", false, "<p>page", "gz", ""},
    };
    router.fallback("/api/", [](const Request&) { return Response::text(404, "api"); });
    start(assets);
    const auto page = get("/");
    CHECK(page.body == "<p>page");
    CHECK(page.field("content-security-policy").find("script-src 'self'") != std::string::npos);
    CHECK(page.field("content-security-policy").find("default-src 'none'") != std::string::npos);
    CHECK(page.field("x-content-type-options") == "nosniff");
    CHECK(page.field("referrer-policy") == "no-referrer");
    CHECK(page.field("cross-origin-opener-policy") == "same-origin");
    CHECK_FALSE(page.field("permissions-policy").empty());
    CHECK(page.field("cache-control") == "no-cache");
    CHECK(get("/assets/a-1.js", "Range: bytes=1-3\r\n").body == "cri");
    CHECK(get("/none").body == "404 page not found");
    CHECK(get("/index.html", "If-None-Match: \"html\"\r\n").status == 304);
    CHECK(get("/index.html", "Accept-Encoding: gzip\r\n").body == "gz");
    CHECK(get("/assets/a-1.js", "Accept-Encoding: br\r\n").field("content-encoding") == "br");
    CHECK(get("/forwards/7", "Accept: text/html\r\n").body == "<p>page");
    CHECK(get("/forwards/7").status == 404);
    CHECK(get("/assets/none.js", "Accept: text/html\r\n").status == 404);
    CHECK(get("/api/unknown", "Accept: text/html\r\n").body == "api");
    CHECK(get("/echo", "Accept: text/html\r\n").body == "GET 0 ");
    Client client(address());
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + get_echo);
    CHECK(client.reply(true).field("content-length") == "7");
    CHECK(client.reply().body == "GET 0 ");
}

TEST_CASE_FIXTURE(EchoSite, "draining finishes what is in flight, closes the idle and accepts nobody")
{
    std::promise<void> gate;
    auto opened = gate.get_future().share();
    std::atomic<int> inside{0};
    router.add("GET", "/wait", [&, opened](const Request&) {
        ++inside;
        opened.wait();
        return Response::text(200, "done");
    });
    start();
    Client idle(address());
    idle.send(get_echo);
    CHECK(idle.reply().status == 200);
    Client busy(address());
    busy.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    REQUIRE(eventually([&] { return inside == 1; }));
    CHECK_FALSE(server->drain(Milliseconds{10})); // still busy
    CHECK(idle.at_end());
    gate.set_value();
    const auto reply = busy.reply();
    CHECK(reply.body == "done");
    CHECK(reply.field("connection").empty()); // it was promised before; the close follows all the same
    CHECK(busy.at_end());
    CHECK(server->drain(std::chrono::duration_cast<Milliseconds>(testing::patience)));
    REQUIRE(eventually([&] { return server->counters().connections == 0; }));
    CHECK(server->drain(Milliseconds{0})); // also when there is nothing left to do
    server->stop();
    server->stop();
    CHECK(server->counters().connections == 0);
}

TEST_CASE_FIXTURE(EchoSite, "listening on a taken address is an error that names it, and takes no other")
{
    start();
    ServerOptions second;
    second.listen = {{*IpAddress::parse("127.0.0.1"), 0}, address()};
    Server other(second, router, *workers, nullptr);
    const auto refused = other.listen();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::conflict);
    CHECK(refused.error().field == "listen");
    CHECK(refused.error().args.front() == address().to_text());
    CHECK(other.endpoints().empty());
}

TEST_CASE_FIXTURE(EchoSite, "a certificate is replaced under open connections")
{
    with_tls = true;
    start();
    Client before(address(), true);
    REQUIRE(tls->make_self_signed());
    Client after(address(), true);
    for (auto* client : {&before, &after}) {
        client->send(get_echo);
        CHECK(client->reply().status == 200);
    }
}
