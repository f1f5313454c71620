#include "api/http/router.hpp"

#include <doctest/doctest.h>
#include <stdexcept>

using namespace sluice::http;

namespace {

Handler says(const std::string& text)
{
    return [text](const Request&) { return Response::text(200, text); };
}

Response ask(const Router& router, const std::string& method, const std::string& path)
{
    Request request;
    request.method = method;
    request.path = path;
    return router.handle(request);
}

} // namespace

TEST_CASE("exact wins over parameters, those over prefixes, longer over shorter")
{
    Router router;
    router.add("GET", "/a/*", says("prefix"));
    router.add("GET", "/a/b/*", says("longer prefix"));
    router.add("GET", "/a/:id", says("parameter"));
    router.add("GET", "/a/new", says("exact"));
    router.add("GET", "/x/:id/y", [](const Request& request) { return Response::text(200, request.value("id")); });
    router.add("GET", "/x/:id/:what", [](const Request& request) { return Response::text(200, request.value("id") + "." + request.value("what")); });
    CHECK(ask(router, "GET", "/a/new").body == "exact");
    CHECK(ask(router, "GET", "/a/7").body == "parameter");
    CHECK(ask(router, "GET", "/a/7/8").body == "prefix");
    CHECK(ask(router, "GET", "/a/b/8").body == "longer prefix");
    CHECK(ask(router, "GET", "/a/").body == "prefix"); // an empty segment is no value
    CHECK(ask(router, "GET", "/x/42/y").body == "42");
    CHECK(ask(router, "GET", "/x/42/z").body == "42.z");
    CHECK(ask(router, "GET", "/x//y").status == 404);
    CHECK(ask(router, "GET", "/nowhere").status == 404);
}

TEST_CASE("methods: star takes all, GET takes HEAD, the wrong one hears which exist")
{
    Router router;
    router.add("GET", "/thing", says("get"));
    router.add("PUT", "/thing", says("put"));
    router.add("*", "/any", says("any"));
    router.add("POST", "/any", says("post"));
    CHECK(ask(router, "HEAD", "/thing").body == "get");
    CHECK(ask(router, "PATCH", "/any").body == "any");
    CHECK(ask(router, "POST", "/any").body == "post");
    const auto wrong = ask(router, "DELETE", "/thing");
    CHECK(wrong.status == 405);
    CHECK(wrong.headers.get("allow") == "GET, HEAD, PUT");
}

TEST_CASE("a second route for the same is a bug")
{
    Router router;
    router.add("GET", "/a/:id", says("x"));
    router.add("POST", "/a/:other", says("y"));
    CHECK_THROWS_AS(router.add("GET", "/a/:name", says("z")), std::logic_error);
    CHECK_THROWS_AS(router.add("GET", "relative", says("z")), std::logic_error);
    CHECK_THROWS_AS(router.add("GET", "/b", nullptr), std::logic_error);
}

TEST_CASE("guards come first, finishers last, fallbacks take the rest of a prefix")
{
    Router router;
    router.add("GET", "/api/open", says("open"));
    router.before("/api/", [](const Request& request) -> std::optional<Response> {
        if (request.path == "/api/locked") return Response::text(401, "no");
        return std::nullopt;
    });
    router.after("/api/", [](const Request&, Response& response) { response.headers.set("X-Done", "yes"); });
    router.fallback("/api/", says("api fallback"));
    router.fallback("/api/v2/", says("v2 fallback"));
    router.options([](const Request&) { return Response::empty(204); });
    CHECK(ask(router, "GET", "/api/open").body == "open");
    CHECK(ask(router, "GET", "/api/open").headers.get("x-done") == "yes");
    CHECK(ask(router, "GET", "/api/locked").status == 401);
    CHECK(ask(router, "GET", "/api/locked").headers.get("x-done") == "yes");
    CHECK(ask(router, "GET", "/api/unknown").body == "api fallback");
    CHECK(ask(router, "GET", "/api/v2/unknown").body == "v2 fallback");
    CHECK(ask(router, "POST", "/api/open").status == 405);
    CHECK(ask(router, "OPTIONS", "/api/locked").status == 204);
    CHECK(ask(router, "OPTIONS", "/api/locked").headers.get("x-done") == "yes");
    CHECK(ask(router, "OPTIONS", "*").status == 204);
    CHECK(ask(router, "GET", "/other").headers.get("x-done").empty());
}

TEST_CASE("an exception becomes 500 and says nothing about itself")
{
    Router router;
    router.add("GET", "/bug", [](const Request&) -> Response { throw std::runtime_error("secret words"); });
    const auto answer = ask(router, "GET", "/bug");
    CHECK(answer.status == 500);
    CHECK(answer.body.find("secret") == std::string::npos);
}

TEST_CASE("options of a route are found before its body is read")
{
    Router router;
    router.add("POST", "/upload", says("x"), {std::size_t{64} * 1024 * 1024, false});
    CHECK(router.find("POST", "/upload").options.body_limit == std::size_t{64} * 1024 * 1024);
    CHECK(router.find("POST", "/other").options.body_limit == std::size_t{1024} * 1024);
}
