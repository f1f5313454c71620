// The head reader: what it takes, what it refuses, and that it never reads twice or past its limits.
#include "api/http/request_head.hpp"

#include <doctest/doctest.h>
#include <random>

using namespace sluice::http;

namespace {

HeadOutcome head_of(const std::string& lines) { return parse_head(lines + "\r\n"); }

HeadOutcome with(const std::string& fields, const std::string& line = "POST /x HTTP/1.1") { return head_of(line + "\r\nHost: a\r\n" + fields); }

int status_with(const std::string& fields, const std::string& line = "POST /x HTTP/1.1")
{
    const auto outcome = with(fields, line);
    return outcome.head ? 200 : outcome.refuse;
}

int status_of_target(const std::string& target)
{
    const auto outcome = head_of("GET " + target + " HTTP/1.1\r\nHost: a\r\n");
    return outcome.head ? 200 : outcome.refuse;
}

} // namespace

TEST_CASE("a plain head is read into its parts")
{
    const auto outcome = head_of("GET /a%20b/c?x=1&y=a?b HTTP/1.1\r\nHost: panel.example:6365\r\nAccept:  text/html \r\nX-Empty:\r\n");
    REQUIRE(outcome.head);
    CHECK(outcome.head->method == "GET");
    CHECK(outcome.head->path == "/a b/c");
    CHECK(outcome.head->raw_query == "x=1&y=a?b");
    CHECK(outcome.head->host == "panel.example:6365");
    CHECK(outcome.head->headers.get("accept") == "text/html");
    CHECK(outcome.head->headers.has("x-empty"));
    CHECK(outcome.head->keep_alive);
    CHECK(outcome.head->body == RequestHead::BodyKind::none);
}

TEST_CASE("Content-Length must stand once and be plain digits")
{
    CHECK(with("Content-Length: 12\r\n").head->content_length == 12);
    CHECK(with("Content-Length: 0\r\n").head->body == RequestHead::BodyKind::none);
    CHECK(status_with("Content-Length: 5\r\nContent-Length: 5\r\n") == 400);
    CHECK(status_with("Content-Length: 5\r\ncontent-length: 50\r\n") == 400);
    for (const std::string value : {"5, 5", "+5", "-5", "5 5", "0x5", "5a", "", "99999999999999999999", "5.0"})
        CHECK_MESSAGE(status_with("Content-Length: " + value + "\r\n") == 400, value);
}

TEST_CASE("Transfer-Encoding is exactly chunked or nothing")
{
    CHECK(with("Transfer-Encoding: chunked\r\n").head->body == RequestHead::BodyKind::chunked);
    CHECK(with("transfer-encoding: Chunked\r\n").head->body == RequestHead::BodyKind::chunked);
    CHECK(status_with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n") == 400);
    CHECK(status_with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n") == 400);
    CHECK(status_with("Transfer-Encoding: chunked\r\n", "POST /x HTTP/1.0") == 400);
    for (const std::string value : {"gzip", "gzip, chunked", "chunked, chunked", "chunked;q=1", "xchunked", "identity",
                                    "\x0b"
                                    "chunked",
                                    ""})
        CHECK_MESSAGE(status_with("Transfer-Encoding: " + value + "\r\n") >= 400, value);
    CHECK(status_with("Transfer-Encoding : chunked\r\n") == 400);
}

TEST_CASE("field names and values are checked")
{
    for (const std::string field :
         {" folded: x", "\tfolded: x", "no colon", "a b: x", ": x", "a\x01: x", "a(b): x", "X-A : x", "a: x\x01y", "a: x\x7f"})
        CHECK_MESSAGE(status_with(field + "\r\n") == 400, field);
    CHECK(status_with(std::string("a: x\0y\r\n", 8)) == 400);
    CHECK(status_with("a: b\rc: d\r\n") == 400);
    CHECK(status_with("a: caf\xc3\xa9\r\n") == 200);
    CHECK(status_with("a: b\r\n continued\r\n") == 400);
}

TEST_CASE("Host must stand exactly once in HTTP/1.1 and be an authority")
{
    const auto status = [](const std::string& fields, const std::string& version = "HTTP/1.1") {
        const auto outcome = head_of("GET / " + version + "\r\n" + fields);
        return outcome.head ? 200 : outcome.refuse;
    };
    CHECK(status("") == 400);
    CHECK(status("", "HTTP/1.0") == 200);
    CHECK(status("Host: a\r\nHost: a\r\n") == 400);
    CHECK(status("Host: a\r\nhost: b\r\n", "HTTP/1.0") == 400);
    for (const std::string good : {"a", "a.b-c:80", "192.0.2.1:6365", "[2001:db8::1]", "[::1]:6365", "a:"})
        CHECK_MESSAGE(status("Host: " + good + "\r\n") == 200, good);
    for (const std::string bad : {"", "a b", "a/b", "a@b", "a:b", "a:99999", "[::1", "[nonsense]", "a,b", "a:1:2", "<x>"})
        CHECK_MESSAGE(status("Host: " + bad + "\r\n") == 400, bad);
}

TEST_CASE("the request line is three parts with single blanks")
{
    const auto status = [](const std::string& line) {
        const auto outcome = head_of(line + "\r\nHost: a\r\n");
        return outcome.head ? 200 : outcome.refuse;
    };
    CHECK(status("GET / HTTP/1.1") == 200);
    CHECK(status("OPTIONS * HTTP/1.1") == 200);
    for (const std::string bad : {"GET /", "GET  / HTTP/1.1", "GET / HTTP/1.1 ", "GET / x HTTP/1.1", " GET / HTTP/1.1", "GET\t/ HTTP/1.1",
                                  "GET / http/1.1", "GET / HTTP/1", "GET / HTTP/1.1x", "G(T / HTTP/1.1", "GET * HTTP/1.1", "GET x HTTP/1.1"})
        CHECK_MESSAGE(status(bad) == 400, bad);
    CHECK(status("GET / HTTP/2.0") == 505);
    CHECK(status("GET / HTTP/1.2") == 505);
    CHECK(status("TRACE / HTTP/1.1") == 501);
    CHECK(status("CONNECT a:1 HTTP/1.1") == 501);
    CHECK(status("get / HTTP/1.1") == 501);
    CHECK(status("PRI * HTTP/2.0") == 505);
}

TEST_CASE("paths are decoded once and cannot climb")
{
    CHECK(decode_path("/a/%E4%B8%AD") == "/a/中");
    CHECK(decode_path("/a%2Fb") == "/a/b");
    CHECK(decode_path("/%2525") == "/%25");
    for (const std::string bad :
         {"", "a", "/../x", "/x/..", "/./x", "/%2e%2e/x", "/x/%2E", "/%00", "/%0a", "/%7f", "/%", "/%4", "/%zz", "/%ff", "/%c0%af"})
        CHECK_MESSAGE(!decode_path(bad), bad);
    CHECK(decode_path("/..x/x..") == "/..x/x..");
    CHECK(status_of_target("/a#b") == 400);
    CHECK(status_of_target("/a\x80") == 400);
    CHECK(status_of_target("/%zz") == 400);
}

TEST_CASE("an absolute target takes its own authority")
{
    const auto outcome = head_of("GET http://real.example:80/x?y HTTP/1.1\r\nHost: other\r\n");
    REQUIRE(outcome.head);
    CHECK(outcome.head->host == "real.example:80");
    CHECK(outcome.head->path == "/x");
    CHECK(outcome.head->raw_query == "y");
    CHECK(head_of("GET http://real.example HTTP/1.1\r\nHost: other\r\n").head->path == "/");
    CHECK(status_of_target("ftp://a/") == 400);
    CHECK(status_of_target("http:///x") == 400);
}

TEST_CASE("keep-alive is decided without case, from the whole list")
{
    CHECK(with("").head->keep_alive);
    CHECK_FALSE(with("Connection: Close\r\n").head->keep_alive);
    CHECK_FALSE(with("Connection: Upgrade, CLOSE\r\n").head->keep_alive);
    CHECK_FALSE(with("Connection: keep-alive\r\nConnection: close\r\n").head->keep_alive);
    CHECK_FALSE(with("", "GET / HTTP/1.0").head->keep_alive);
    CHECK(with("Connection: Keep-Alive\r\n", "GET / HTTP/1.0").head->keep_alive);
}

TEST_CASE("Expect is understood, removed, or refused")
{
    const auto outcome = with("Content-Length: 3\r\nExpect: 100-Continue\r\n");
    CHECK(outcome.head->expects_continue);
    CHECK_FALSE(outcome.head->headers.has("expect"));
    CHECK_FALSE(with("Expect: 100-continue\r\n").head->expects_continue); // nothing to come
    CHECK(status_with("Expect: something\r\n") == 417);
    CHECK_FALSE(with("Content-Length: 3\r\nExpect: 100-continue\r\n", "POST / HTTP/1.0").head->expects_continue);
}

TEST_CASE("fields that only a server may say are dropped")
{
    const auto outcome = with("REMOTE_ADDR: 1.2.3.4\r\nRemote_Port: 1\r\nLOCAL_ADDR: x\r\nlocal_port: y\r\nX: z\r\n");
    REQUIRE(outcome.head);
    CHECK(outcome.head->headers.size() == 2); // Host, X
}

TEST_CASE("the scanner finds the end however the bytes arrive")
{
    const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    HeadScanner scanner;
    for (std::size_t i = 0; i < head.size(); ++i) {
        const auto early = scanner.scan(std::string_view{head}.substr(0, i));
        CHECK(early.head_size == 0);
        CHECK(early.refuse == 0);
    }
    CHECK(scanner.scan(head + "GET /next").head_size == head.size());
    scanner.reset();
    CHECK(scanner.scan("\r\n" + head).head_size == head.size() + 2);
    CHECK(parse_head("\r\n" + head).head);
    scanner.reset();
    CHECK(scanner.scan("\r\n\r\n" + head).refuse == 400);
}

TEST_CASE("a bare line feed is refused at once")
{
    for (const std::string text : {"GET / HTTP/1.1\nHost: a\n\n", "\n", "GET / HTTP/1.1\r\nHost: a\n\r\n", "GET / HTTP/1.1\r\n\n"}) {
        HeadScanner scanner;
        CHECK_MESSAGE(scanner.scan(text).refuse == 400, text);
    }
}

TEST_CASE("oversized heads are refused before they are complete")
{
    HeadScanner scanner;
    CHECK(scanner.scan("GET /" + std::string(8'300, 'a')).refuse == 414);
    scanner.reset();
    CHECK(scanner.scan("GET /" + std::string(8'300, 'a') + " HTTP/1.1\r\n\r\n").refuse == 414);
    scanner.reset();
    CHECK(scanner.scan("GET / HTTP/1.1\r\nX: " + std::string(33'000, 'a')).refuse == 431);
    scanner.reset();
    std::string many = "GET / HTTP/1.1\r\n";
    for (int i = 0; i < 100; ++i) many += "X: y\r\n";
    CHECK(scanner.scan(many + "\r\n").head_size == many.size() + 2);
    scanner.reset();
    CHECK(scanner.scan(many + "X: y\r\n").refuse == 431);
}

TEST_CASE("random bytes never pass as a head by accident")
{
    std::mt19937 random(20'240'601);
    for (int round = 0; round < 20'000; ++round) {
        std::string bytes = round % 2 == 0 ? "" : "GET / HTTP/1.1\r\nHost: a\r\n";
        const auto length = random() % 60;
        for (unsigned i = 0; i < length; ++i) bytes += static_cast<char>(random() % 256);
        if (round % 3 == 0) bytes += "\r\n\r\n";
        HeadScanner scanner;
        const auto progress = scanner.scan(bytes);
        REQUIRE((progress.head_size == 0 || progress.head_size <= bytes.size()));
        if (progress.head_size == 0) continue;
        const auto outcome = parse_head(std::string_view{bytes}.substr(0, progress.head_size));
        REQUIRE(outcome.head.has_value() == (outcome.refuse == 0));
    }
}
