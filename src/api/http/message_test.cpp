#include "api/http/message.hpp"

#include "api/http/standard_headers.hpp"
#include "api/http/trusted_proxies.hpp"

#include <doctest/doctest.h>
#include <stdexcept>
#include <unistd.h>

using namespace sluice;
using namespace sluice::http;

TEST_CASE("queries and forms keep all of a value")
{
    const auto fields = *parse_fields("secret=abc%3d==&a=1&a=2&empty=&lone&plus=a+b&%E4%B8%AD=x&bad=%zz&&cut=%4");
    CHECK(fields.get("secret") == "abc===");
    CHECK(fields.all("a") == std::vector<std::string>{"1", "2"});
    CHECK(fields.find("empty") == "");
    CHECK(fields.has("lone"));
    CHECK(fields.get("plus") == "a b");
    CHECK(fields.get("中") == "x");
    CHECK(fields.get("bad") == "%zz");
    CHECK(fields.get("cut") == "%4");
    CHECK_FALSE(fields.find("absent"));
    CHECK(parse_fields("")->empty());
    std::string many;
    for (int i = 0; i < 1'000; ++i) many += "a&";
    CHECK(parse_fields(many)->all("a").size() == 1'000);
    CHECK_FALSE(parse_fields(many + "a"));
}

TEST_CASE("header fields are compared without case and cannot carry a line end")
{
    Headers headers;
    headers.add("X-One", "1");
    headers.add("x-one", "2");
    CHECK(headers.get("X-ONE") == "1");
    CHECK(headers.count("x-one") == 2);
    headers.set("X-One", "3");
    CHECK(headers.count("x-one") == 1);
    CHECK_THROWS_AS(headers.add("X", "a\r\nSet-Cookie: b"), std::invalid_argument);
    CHECK_THROWS_AS(headers.add("X Y", "a"), std::invalid_argument);
    CHECK_THROWS_AS(headers.add("", "a"), std::invalid_argument);
    headers.set("Connection", "keep-alive, Upgrade");
    CHECK(headers.lists("connection", "upgrade"));
    CHECK_FALSE(headers.lists("connection", "keep"));
}

TEST_CASE("cookies and bearer tokens are found")
{
    Request request;
    request.headers.add("Cookie", "a=1; session=x=y; b=2");
    request.headers.add("Authorization", "bearer  tok ");
    CHECK(request.cookie("session") == "x=y");
    CHECK(request.cookie("b") == "2");
    CHECK(request.cookie("c").empty());
    CHECK(request.bearer() == "tok");
    request.headers.set("Authorization", "tok");
    CHECK(request.bearer().empty());
}

TEST_CASE("a download's name cannot break out of its quotes")
{
    const auto response = Response::download("a\"b/../c d.json", "application/json", "{}");
    CHECK(response.headers.get("content-disposition") == "attachment; filename=\"a_b_.._c_d.json\"");
}

TEST_CASE("a file is sent piece by piece, and its absence is an error")
{
    const std::string path = "/proc/self/no-such-file";
    CHECK(Response::file(path, "x/y").error().code == Errc::not_found);
    CHECK(Response::file("/", "x/y").error().code == Errc::unavailable);
    char name[] = "/tmp/sluice-message-XXXXXX";
    const int descriptor = ::mkstemp(name);
    const std::string content(150'000, 'x');
    REQUIRE(::write(descriptor, content.data(), content.size()) == static_cast<ssize_t>(content.size()));
    ::close(descriptor);
    auto response = Response::file(name, "application/octet-stream");
    REQUIRE(response);
    CHECK(response->producer_length == content.size());
    std::string read;
    for (auto piece = response->producer(); !piece.empty(); piece = response->producer()) read += piece;
    CHECK(read == content);
    ::unlink(name);
}

TEST_CASE("dates are those of RFC 9110")
{
    CHECK(http_date(from_epoch_ms(784'111'777'000)) == "Sun, 06 Nov 1994 08:49:37 GMT");
    CHECK(http_date(from_epoch_ms(1'709'164'800'123)) == "Thu, 29 Feb 2024 00:00:00 GMT");
}

TEST_CASE("standard headers do not replace what a response says itself, and HSTS needs a trusted certificate")
{
    Headers headers;
    headers.add("Cache-Control", "max-age=5");
    add_standard_headers(headers, {"now", "r1", false, false});
    CHECK(headers.get("cache-control") == "max-age=5");
    CHECK(headers.get("x-content-type-options") == "nosniff");
    CHECK(headers.get("content-security-policy") == answer_policy);
    CHECK_FALSE(headers.has("strict-transport-security"));
    Headers page;
    add_standard_headers(page, {"now", "r1", true, true});
    CHECK(page.get("content-security-policy") == page_policy);
    CHECK(page.has("strict-transport-security"));
    CHECK_FALSE(page.has("cache-control"));
}

TEST_CASE("forwarded addresses are believed only from trusted proxies")
{
    const auto trusted = std::vector<Cidr>{*Cidr::parse("10.0.0.0/8"), *Cidr::parse("127.0.0.1")};
    const auto client = [&](const std::string& peer, const std::vector<std::pair<std::string, std::string>>& fields, bool tls = false) {
        Headers headers;
        for (const auto& [name, value] : fields) headers.add(name, value);
        const auto found = resolve_client({*IpAddress::parse(peer), 1234}, tls, headers, trusted);
        return found.remote.to_text() + (found.secure ? " tls" : "");
    };
    CHECK(client("192.0.2.9", {{"X-Forwarded-For", "1.1.1.1"}, {"X-Forwarded-Proto", "https"}}) == "192.0.2.9:1234");
    CHECK(client("10.0.0.1", {{"X-Forwarded-For", "1.1.1.1"}, {"X-Forwarded-Proto", "https"}}) == "1.1.1.1:0 tls");
    CHECK(client("10.0.0.1", {{"X-Forwarded-For", "6.6.6.6, 1.1.1.1, 10.0.0.2"}}) == "1.1.1.1:0");
    CHECK(client("10.0.0.1", {{"X-Forwarded-For", "6.6.6.6"}, {"X-Forwarded-For", "1.1.1.1"}}) == "1.1.1.1:0");
    CHECK(client("10.0.0.1", {{"X-Forwarded-For", "1.1.1.1, garbage"}}) == "10.0.0.1:1234");
    CHECK(client("10.0.0.1", {{"X-Forwarded-For", "10.0.0.3, 10.0.0.2"}}) == "10.0.0.3:0");
    CHECK(client("10.0.0.1", {{"X-Forwarded-For", "[2001:db8::1]:443"}}) == "[2001:db8::1]:0");
    CHECK(client("10.0.0.1", {{"X-Real-IP", "1.1.1.1"}}) == "1.1.1.1:0");
    CHECK(client("10.0.0.1", {{"X-Real-IP", "1.1.1.1"}, {"X-Real-IP", "6.6.6.6"}}) == "10.0.0.1:1234");
    CHECK(client("127.0.0.1", {{"X-Forwarded-Proto", "http"}}, true) == "127.0.0.1:1234");
    CHECK(client("127.0.0.1", {}, true) == "127.0.0.1:1234 tls");
}

TEST_CASE("Forwarded is read like X-Forwarded-For, and gives way to the fields that more proxies set")
{
    const auto trusted = std::vector<Cidr>{*Cidr::parse("10.0.0.0/8")};
    const auto client = [&](const std::string& peer, const std::vector<std::pair<std::string, std::string>>& fields) {
        Headers headers;
        for (const auto& [name, value] : fields) headers.add(name, value);
        const auto found = resolve_client({*IpAddress::parse(peer), 1234}, false, headers, trusted);
        return found.remote.to_text() + (found.secure ? " tls" : "");
    };
    CHECK(client("10.0.0.1", {{"Forwarded", "for=1.1.1.1;proto=https;by=10.0.0.1"}}) == "1.1.1.1:0 tls");
    CHECK(client("10.0.0.1", {{"Forwarded", "proto=http; For=\"[2001:db8::1]:4711\""}}) == "[2001:db8::1]:0");
    CHECK(client("10.0.0.1", {{"Forwarded", "for=6.6.6.6, for=1.1.1.1, for=10.0.0.2"}}) == "1.1.1.1:0");
    CHECK(client("10.0.0.1", {{"Forwarded", "for=1.1.1.1, for=_hidden"}}) == "10.0.0.1:1234");
    CHECK(client("10.0.0.1", {{"Forwarded", "for=1.1.1.1, proto=https"}}) == "10.0.0.1:1234 tls");
    CHECK(client("192.0.2.9", {{"Forwarded", "for=1.1.1.1;proto=https"}}) == "192.0.2.9:1234");
    CHECK(client("10.0.0.1", {{"Forwarded", "for=6.6.6.6;proto=https"}, {"X-Forwarded-For", "1.1.1.1"}}) == "1.1.1.1:0");
    CHECK(client("10.0.0.1", {{"Forwarded", "for=6.6.6.6;proto=https"}, {"X-Real-IP", "1.1.1.1"}}) == "1.1.1.1:0");
    CHECK(client("10.0.0.1", {{"Forwarded", "for=1.1.1.1;proto=https"}, {"X-Forwarded-Proto", "http"}}) == "1.1.1.1:0");
}
