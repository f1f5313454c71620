// What the adapter promises whatever cpp-httplib does: bodies, forms, parts, ranges, fields of the answer.
#include "api/http/httplib_adapter.hpp"

#include <doctest/doctest.h>
#include <stdexcept>
#include <zlib.h>

using namespace sluice::http;

namespace {

struct Bench {
    Router router;
    Request request;
    Answering how;

    Bench()
    {
        request.method = "GET";
        request.path = "/x";
        how.around.date = "today";
        how.around.request_id = "r-1";
    }
    std::string run()
    {
        const HttplibAdapter adapter(router);
        rendered = adapter.run(request, how);
        return rendered.bytes;
    }
    static bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }
    Rendered rendered;
};

std::string body_of(const std::string& bytes) { return bytes.substr(bytes.find("\r\n\r\n") + 4); }

std::string gunzip(std::string packed)
{
    z_stream stream{};
    REQUIRE(inflateInit2(&stream, 15 + 16) == Z_OK);
    std::string text(100'000, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_in = static_cast<uInt>(packed.size());
    stream.next_out = reinterpret_cast<Bytef*>(text.data());
    stream.avail_out = static_cast<uInt>(text.size());
    CHECK(inflate(&stream, Z_FINISH) == Z_STREAM_END);
    text.resize(stream.total_out);
    inflateEnd(&stream);
    return text;
}

} // namespace

TEST_CASE_FIXTURE(Bench, "an answer carries length, type and the standard fields once")
{
    router.add("GET", "/x", [](const Request&) { return Response::json("{}").with("X-Mine", "1"); });
    const auto bytes = run();
    CHECK(bytes.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(has(bytes, "Content-Length: 2\r\n"));
    CHECK(has(bytes, "Content-Type: application/json; charset=utf-8\r\n"));
    CHECK(has(bytes, "X-Mine: 1\r\n"));
    CHECK(has(bytes, "Date: today\r\n"));
    CHECK(has(bytes, "X-Request-Id: r-1\r\n"));
    CHECK(has(bytes, "X-Content-Type-Options: nosniff\r\n"));
    CHECK(has(bytes, "Cache-Control: no-store\r\n"));
    CHECK_FALSE(has(bytes, "Keep-Alive:"));
    CHECK_FALSE(has(bytes, "Connection:"));
    CHECK(body_of(bytes) == "{}");
}

TEST_CASE_FIXTURE(Bench, "the connection's fate is told truthfully")
{
    router.add("GET", "/x", [](const Request&) { return Response::text(200, "a"); });
    how.keep_alive = false;
    CHECK(has(run(), "Connection: close\r\n"));
    CHECK(rendered.close);
    how.keep_alive = true;
    how.http_1_0 = true;
    CHECK(has(run(), "Connection: keep-alive\r\n"));
    CHECK_FALSE(rendered.close);
}

TEST_CASE_FIXTURE(Bench, "204 and 304 have neither body nor length, HEAD has the length of GET")
{
    router.add("GET", "/x", [](const Request& asked) { return asked.query.has("none") ? Response::empty(204) : Response::text(200, "four"); });
    request.raw_query = "none";
    CHECK_FALSE(has(run(), "Content-Length"));
    request = {};
    request.method = "HEAD";
    request.path = "/x";
    const auto bytes = run();
    CHECK(has(bytes, "Content-Length: 4\r\n"));
    CHECK(body_of(bytes).empty());
}

TEST_CASE_FIXTURE(Bench, "forms of any size are read, apart from the query")
{
    Fields query;
    Fields form;
    router.add("POST", "/x", [&](const Request& asked) {
        query = asked.query;
        form = asked.form;
        return Response::empty();
    });
    request.method = "POST";
    request.raw_query = "a=query&token=x==";
    request.headers.add("Content-Type", "application/x-www-form-urlencoded");
    request.body = "a=form&long=" + std::string(20'000, 'x');
    run();
    CHECK(rendered.status == 204);
    CHECK(query.get("a") == "query");
    CHECK(query.get("token") == "x==");
    CHECK(form.get("a") == "form");
    CHECK(form.get("long").size() == 20'000);
}

TEST_CASE_FIXTURE(Bench, "multipart parts arrive with their names, and a broken body is 400 without the handler")
{
    std::vector<FormPart> parts;
    bool called = false;
    router.add("POST", "/x", [&](const Request& asked) {
        parts = asked.parts;
        called = true;
        return Response::empty();
    });
    request.method = "POST";
    request.headers.add("Content-Type", "multipart/form-data; boundary=BB");
    request.body =
        "--BB\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.json\"\r\nContent-Type: application/json\r\n\r\n{\"a\":1}\r\n--BB\r\n"
        "Content-Disposition: form-data; name=\"mode\"\r\n\r\nfull\r\n--BB--\r\n";
    run();
    REQUIRE(parts.size() == 2);
    CHECK(parts[0].name == "file");
    CHECK(parts[0].file_name == "a.json");
    CHECK(parts[0].content == "{\"a\":1}");
    CHECK(parts[1].content == "full");
    called = false;
    request.parts.clear();
    request.body = "--BB\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nno end";
    const auto bytes = run();
    CHECK(rendered.status == 400);
    CHECK(has(bytes, "400 Bad Request\n"));
    CHECK(has(bytes, "X-Content-Type-Options: nosniff\r\n"));
    CHECK_FALSE(called);
    request.headers.set("Content-Type", "multipart/form-data");
    run();
    CHECK(rendered.status == 400);
}

TEST_CASE_FIXTURE(Bench, "a form with more fields than anybody means is refused before a handler, with the finishers' fields")
{
    bool called = false;
    router.add("POST", "/x", [&](const Request&) {
        called = true;
        return Response::empty();
    });
    router.after("/", [](const Request&, Response& response) { response.headers.set("X-Finished", "yes"); });
    request.method = "POST";
    request.headers.add("Content-Type", "application/x-www-form-urlencoded");
    for (int i = 0; i < 2'000; ++i) request.body += "a&";
    CHECK(has(run(), "X-Finished: yes\r\n"));
    CHECK(rendered.status == 400);
    request.body.clear();
    request.raw_query = std::string(2'000, 'a');
    for (std::size_t i = 1; i < request.raw_query.size(); ++i) request.raw_query[i] = i % 2 ? '&' : 'a';
    run();
    CHECK(rendered.status == 204);
    request.raw_query += "&a";
    called = false;
    run();
    CHECK(rendered.status == 400);
    CHECK_FALSE(called);
}

TEST_CASE_FIXTURE(Bench, "a long text is compressed for who takes it, and only then")
{
    const std::string list(5'000, 'x');
    router.add("GET", "/x", [&](const Request&) { return Response::json(list); });
    router.add("GET", "/short", [&](const Request&) { return Response::json("{}"); });
    router.add("GET", "/binary", [&](const Request&) { return Response::download("a.bin", "application/octet-stream", list); });
    router.add("GET", "/failed", [&](const Request&) { return Response::json(list, 500); });
    auto bytes = run();
    CHECK(body_of(bytes) == list);
    CHECK(has(bytes, "Vary: Accept-Encoding\r\n"));
    request.headers.add("Accept-Encoding", "br, gzip;q=0.5");
    bytes = run();
    CHECK(has(bytes, "Content-Encoding: gzip\r\n"));
    CHECK(has(bytes, "Content-Length: " + std::to_string(body_of(bytes).size()) + "\r\n"));
    CHECK(gunzip(body_of(bytes)) == list);
    const auto head_of = [](const std::string& text) { return text.substr(0, text.find("\r\n\r\n")); };
    const auto whole = head_of(bytes);
    request.method = "HEAD";
    CHECK(head_of(run()) == whole);
    request.method = "GET";
    for (const std::string path : {"/short", "/binary", "/failed"}) {
        request.path = path;
        CHECK_MESSAGE(!has(run(), "Content-Encoding"), path);
    }
    request.path = "/x";
    request.headers.set("Accept-Encoding", "gzip;q=0");
    CHECK(body_of(run()) == list);
    request.headers.set("Accept-Encoding", "gzip");
    request.headers.add("Range", "bytes=0-2000");
    how.ranges = true;
    bytes = run();
    CHECK(rendered.status == 206);
    CHECK(body_of(bytes).size() == 2'001);
    CHECK_FALSE(has(bytes, "Content-Encoding"));
}

TEST_CASE_FIXTURE(Bench, "a JSON body is handed over untouched, whatever its method")
{
    std::string seen;
    router.add("*", "/x", [&](const Request& asked) {
        seen = asked.body;
        return Response::empty();
    });
    for (const std::string method : {"POST", "PUT", "PATCH", "DELETE", "GET", "OPTIONS"}) {
        seen.clear();
        request.method = method;
        request.body = std::string("{\"\0\":1}", 7);
        run();
        CHECK_MESSAGE(rendered.status == 204, method);
        CHECK_MESSAGE(seen.size() == 7, method);
    }
}

TEST_CASE_FIXTURE(Bench, "one range is cut where the route allows it, and only of a good answer")
{
    router.add("GET", "/x", [](const Request&) { return Response::text(200, "0123456789"); });
    const auto ask = [&](const std::string& range, bool allowed = true) {
        request.headers = {};
        request.headers.add("Range", range);
        how.ranges = allowed;
        return run();
    };
    auto bytes = ask("bytes=2-4");
    CHECK(rendered.status == 206);
    CHECK(body_of(bytes) == "234");
    CHECK(has(bytes, "Content-Range: bytes 2-4/10\r\n"));
    CHECK(has(bytes, "Content-Length: 3\r\n"));
    bytes = ask("bytes=8-99");
    CHECK(body_of(bytes) == "89");
    CHECK(has(bytes, "Content-Range: bytes 8-9/10\r\n"));
    CHECK(body_of(ask("bytes=-3")) == "789");
    CHECK(body_of(ask("bytes=-30")) == "0123456789");
    CHECK(body_of(ask("bytes=7-")) == "789");
    for (const std::string outside : {"bytes=10-", "bytes=10-20", "bytes=-0"}) {
        bytes = ask(outside);
        CHECK_MESSAGE(rendered.status == 416, outside);
        CHECK(has(bytes, "Content-Range: bytes */10\r\n"));
    }
    for (const std::string ignored : {"bytes=0-0,2-3", "lines=1-2", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-4", "bytes=99999999999999999999-"}) {
        bytes = ask(ignored);
        CHECK_MESSAGE(rendered.status == 200, ignored);
        CHECK(body_of(bytes) == "0123456789");
    }
    bytes = ask("bytes=2-4", false);
    CHECK(rendered.status == 200);
    CHECK_FALSE(has(bytes, "Accept-Ranges"));
}

TEST_CASE_FIXTURE(Bench, "a long answer is announced as chunks, by its length, or by the connection's end")
{
    std::optional<std::uint64_t> length;
    router.add("GET", "/x", [&](const Request&) { return Response::stream("text/plain", [] { return std::string{}; }, length); });
    auto bytes = run();
    CHECK(has(bytes, "Transfer-Encoding: chunked\r\n"));
    CHECK_FALSE(has(bytes, "Content-Length"));
    CHECK(rendered.producer);
    CHECK(rendered.chunked);
    length = 7;
    bytes = run();
    CHECK(has(bytes, "Content-Length: 7\r\n"));
    CHECK_FALSE(has(bytes, "Transfer-Encoding"));
    CHECK_FALSE(rendered.chunked);
    length.reset();
    how.http_1_0 = true;
    bytes = run();
    CHECK(has(bytes, "Connection: close\r\n"));
    CHECK_FALSE(has(bytes, "Transfer-Encoding"));
    CHECK_FALSE(has(bytes, "Content-Length"));
    CHECK(rendered.close);
    how.http_1_0 = false;
    request.method = "HEAD";
    run();
    CHECK_FALSE(rendered.producer);
}

TEST_CASE_FIXTURE(Bench, "a handler's exception leaks nothing")
{
    router.add("GET", "/x", [](const Request&) -> Response { throw std::runtime_error("secret words"); });
    const auto bytes = run();
    CHECK(bytes.starts_with("HTTP/1.1 500 "));
    CHECK_FALSE(has(bytes, "secret"));
    CHECK_FALSE(has(bytes, "EXCEPTION"));
}
