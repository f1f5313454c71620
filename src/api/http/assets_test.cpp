#include "api/http/assets.hpp"

#include <array>
#include <doctest/doctest.h>

using namespace sluice::http;

namespace {

constexpr std::array assets{
    Asset{"/assets/app-1a2b.js", "text/javascript; charset=utf-8", "\"js\"", true, "raw script", "gz", "br"},
    Asset{"/icon.png", "image/png", "\"png\"", false, "png bytes", "", ""},
    Asset{"/index.html", "text/html; charset=utf-8", "\"html\"", false, "<p>page", "gz page", ""},
};

AssetReply get(std::string_view path, const std::vector<Headers::Field>& fields = {}, const std::string& method = "GET")
{
    Request request;
    request.method = method;
    request.path = path;
    for (const auto& [name, value] : fields) request.headers.add(name, value);
    const auto* asset = find_asset(assets, path);
    REQUIRE(asset);
    return serve_asset(*asset, request);
}

std::string encoding_for(std::string_view path, const std::string& accept)
{
    const auto reply = get(path, {{"Accept-Encoding", accept}});
    return std::string{reply.headers.get("content-encoding")};
}

} // namespace

TEST_CASE("assets are found by exact path only")
{
    CHECK(find_asset(assets, "/index.html"));
    CHECK_FALSE(find_asset(assets, "/index.htm"));
    CHECK_FALSE(find_asset(assets, "/"));
    CHECK_FALSE(find_asset({}, "/index.html"));
}

TEST_CASE("the encoding follows the client's q-values")
{
    const auto* js = "/assets/app-1a2b.js";
    CHECK(encoding_for(js, "gzip, deflate, br, zstd") == "br");
    CHECK(encoding_for(js, "gzip") == "gzip");
    CHECK(encoding_for(js, "gzip;q=1.0, br;q=0.5") == "gzip");
    CHECK(encoding_for(js, "br;q=0, gzip;q=0.1, identity;q=0.05") == "gzip");
    CHECK(encoding_for(js, "br;q=0,gzip;q=0").empty());
    CHECK(encoding_for(js, "*") == "br");
    CHECK(encoding_for(js, "*;q=0").empty());
    CHECK(encoding_for(js, "identity, gzip;q=0.5").empty());
    CHECK(encoding_for(js, "GZIP").size() == 4);
    CHECK(encoding_for(js, "br;q=nonsense").empty());
    CHECK(encoding_for("/index.html", "br").empty());
    CHECK(encoding_for("/icon.png", "br, gzip").empty());
    CHECK(get(js).body == "raw script");
    CHECK(get(js, {{"Accept-Encoding", "br"}}).body == "br");
}

TEST_CASE("caching: hashed names for a year, the page never without asking")
{
    CHECK(get("/assets/app-1a2b.js").headers.get("cache-control") == "public, max-age=31536000, immutable");
    CHECK(get("/index.html").headers.get("cache-control") == "no-cache");
    CHECK(get("/index.html").headers.get("vary") == "Accept-Encoding");
    CHECK(get("/icon.png", {}, "HEAD").body.empty());
    CHECK(get("/icon.png", {}, "HEAD").headers.get("content-length") == "9");
}

TEST_CASE("a known ETag is answered with 304, and each encoding has its own")
{
    const auto plain = get("/index.html").headers;
    const auto gzip = get("/index.html", {{"Accept-Encoding", "gzip"}}).headers;
    CHECK(plain.get("etag") == "\"html\"");
    CHECK(gzip.get("etag") == "\"html-gzip\"");
    CHECK(get("/index.html", {{"If-None-Match", "\"html\""}}).status == 304);
    CHECK(get("/index.html", {{"If-None-Match", "W/\"html\""}}).status == 304);
    CHECK(get("/index.html", {{"If-None-Match", "\"x\", \"html\""}}).status == 304);
    CHECK(get("/index.html", {{"If-None-Match", "*"}}).status == 304);
    CHECK(get("/index.html", {{"If-None-Match", "\"other\""}}).status == 200);
    const auto crossed = get("/index.html", {{"If-None-Match", "\"html\""}, {"Accept-Encoding", "gzip"}});
    CHECK(crossed.status == 200);
    const auto same = get("/index.html", {{"If-None-Match", "\"html-gzip\""}, {"Accept-Encoding", "gzip"}});
    CHECK(same.status == 304);
    CHECK(same.body.empty());
    CHECK(same.headers.get("vary") == "Accept-Encoding");
    CHECK_FALSE(same.headers.has("content-length"));
}

TEST_CASE("a range is cut out of the encoding that is sent, and If-Range guards it")
{
    const auto part = get("/icon.png", {{"Range", "bytes=4-6"}});
    CHECK(part.status == 206);
    CHECK(part.body == "byt");
    CHECK(part.headers.get("content-range") == "bytes 4-6/9");
    CHECK(part.headers.get("content-length") == "3");
    CHECK(get("/icon.png").headers.get("accept-ranges") == "bytes");
    const auto packed = get("/index.html", {{"Range", "bytes=-4"}, {"Accept-Encoding", "gzip"}});
    CHECK(packed.body == "page");
    CHECK(packed.headers.get("content-range") == "bytes 3-6/7");
    CHECK(packed.headers.get("content-encoding") == "gzip");
    const auto outside = get("/icon.png", {{"Range", "bytes=9-"}});
    CHECK(outside.status == 416);
    CHECK(outside.body.empty());
    CHECK(outside.headers.get("content-range") == "bytes */9");
    CHECK(get("/icon.png", {{"Range", "bytes=0-1"}}, "HEAD").status == 200);
    CHECK(get("/icon.png", {{"Range", "bytes=0-1"}, {"If-Range", "\"png\""}}).status == 206);
    CHECK(get("/icon.png", {{"Range", "bytes=0-1"}, {"If-Range", "\"old\""}}).status == 200);
    CHECK(get("/icon.png", {{"Range", "bytes=0-1"}, {"If-Range", "W/\"png\""}}).status == 200);
    CHECK(get("/icon.png", {{"Range", "bytes=0-1"}, {"If-None-Match", "\"png\""}}).status == 304);
}

TEST_CASE("only a browser asking for a page gets the page for an unknown path")
{
    const auto wants = [](const std::string& method, const std::string& path, const std::string& accept) {
        Request request;
        request.method = method;
        request.path = path;
        if (!accept.empty()) request.headers.add("Accept", accept);
        return wants_page(request);
    };
    CHECK(wants("GET", "/forwards/7", "text/html,application/xhtml+xml"));
    CHECK(wants("HEAD", "/", "text/html;q=0.9"));
    CHECK_FALSE(wants("POST", "/forwards", "text/html"));
    CHECK_FALSE(wants("GET", "/forwards", "application/json"));
    CHECK_FALSE(wants("GET", "/forwards", "*/*"));
    CHECK_FALSE(wants("GET", "/forwards", "text/html;q=0"));
    CHECK_FALSE(wants("GET", "/forwards", ""));
    CHECK_FALSE(wants("GET", "/assets/missing.js", "text/html"));
}
