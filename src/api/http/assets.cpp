#include "api/http/assets.hpp"

#include "api/http/negotiation.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <cstdint>

namespace sluice::http {

namespace {

bool etag_matches(std::string_view if_none_match, std::string_view etag)
{
    for (const auto item : split(if_none_match, ',')) {
        auto text = trim(item);
        if (text == "*") return true;
        if (text.starts_with("W/")) text.remove_prefix(2); // weak comparison (RFC 9110 section 13.1.2)
        if (text == etag) return true;
    }
    return false;
}

} // namespace

const Asset* find_asset(std::span<const Asset> assets, std::string_view path)
{
    const auto found =
        std::lower_bound(assets.begin(), assets.end(), path, [](const Asset& asset, std::string_view wanted) { return asset.path < wanted; });
    return found != assets.end() && found->path == path ? &*found : nullptr;
}

AssetReply serve_asset(const Asset& asset, const Request& request)
{
    const auto encoding = choose_encoding(request.headers, !asset.gzip.empty(), !asset.brotli.empty());
    auto body = encoding == Encoding::brotli ? asset.brotli : encoding == Encoding::gzip ? asset.gzip : asset.raw;
    AssetReply reply;
    // One ETag per representation: a cache must not answer a brotli request with gzip bytes (RFC 9110 section 8.8.3.3).
    std::string etag{asset.etag};
    if (encoding != Encoding::identity && etag.size() >= 2) etag.insert(etag.size() - 1, "-" + std::string{to_text(encoding)});
    reply.headers.add("ETag", etag);
    reply.headers.add("Vary", "Accept-Encoding");
    reply.headers.add("Cache-Control", asset.immutable ? "public, max-age=31536000, immutable" : "no-cache");
    if (request.headers.has("if-none-match") && etag_matches(request.header("if-none-match"), etag)) {
        reply.status = 304;
        return reply;
    }
    reply.headers.add("Accept-Ranges", "bytes");
    const auto part = choose_part(request, body.size(), etag);
    if (part.kind != Part::Kind::whole) reply.headers.add("Content-Range", content_range(part, body.size()));
    if (part.kind == Part::Kind::unsatisfiable) {
        reply.status = 416;
        reply.headers.add("Content-Length", "0");
        return reply;
    }
    if (part.kind == Part::Kind::part) {
        reply.status = 206;
        body = body.substr(part.first, part.size);
    }
    reply.headers.add("Content-Type", std::string{asset.content_type});
    if (encoding != Encoding::identity) reply.headers.add("Content-Encoding", std::string{to_text(encoding)});
    reply.headers.add("Content-Length", std::to_string(body.size()));
    if (request.method != "HEAD") reply.body = body;
    return reply;
}

bool wants_page(const Request& request)
{
    if (request.method != "GET" && request.method != "HEAD") return false;
    const auto last = std::string_view{request.path}.substr(request.path.rfind('/') + 1);
    if (last.find('.') != std::string_view::npos) return false;
    for (const auto& [name, value] : request.headers.all()) {
        if (!equals_ignoring_case(name, "accept")) continue;
        for (const auto item : split(value, ',')) {
            const auto semicolon = item.find(';');
            if (equals_ignoring_case(trim(item.substr(0, semicolon)), "text/html"))
                return semicolon == std::string_view::npos || quality(item.substr(semicolon + 1)) > 0;
        }
    }
    return false;
}

} // namespace sluice::http
