#include "api/http/assets.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <cstdint>

namespace sluice::http {

namespace {

// A q-value in thousandths (RFC 9110 section 12.4.2); a malformed one counts as 0.
int quality(std::string_view parameters)
{
    for (const auto parameter : split(parameters, ';')) {
        const auto text = trim(parameter);
        if (text.size() < 3 || (text[0] != 'q' && text[0] != 'Q') || text[1] != '=') continue;
        const auto number = text.substr(2);
        if (number.size() > 5 || (number[0] != '0' && number[0] != '1') || (number.size() > 1 && number[1] != '.')) return 0;
        int value = number[0] == '1' ? 1000 : 0;
        int scale = 100;
        for (const char c : number.substr(std::min<std::size_t>(2, number.size()))) {
            if (c < '0' || c > '9') return 0;
            value += (c - '0') * scale;
            scale /= 10;
        }
        return std::min(value, 1000);
    }
    return 1000;
}

// How much a client wants an encoding, in thousandths; -1 when it says nothing about it.
int wish(std::string_view accept, std::string_view encoding)
{
    int star = -1;
    for (const auto item : split(accept, ',')) {
        const auto semicolon = item.find(';');
        const auto name = trim(item.substr(0, semicolon));
        const auto parameters = semicolon == std::string_view::npos ? std::string_view{} : item.substr(semicolon + 1);
        if (equals_ignoring_case(name, encoding)) return quality(parameters);
        if (name == "*") star = quality(parameters);
    }
    return star;
}

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
    std::string_view body = asset.raw;
    std::string_view encoding;
    if (request.headers.has("accept-encoding")) {
        std::string all;
        for (const auto& [name, value] : request.headers.all())
            if (equals_ignoring_case(name, "accept-encoding")) all += (all.empty() ? "" : ",") + value;
        const int plain = std::max(wish(all, "identity"), 0); // unless wished for, the last choice
        const int brotli = asset.brotli.empty() ? 0 : wish(all, "br");
        const int gzip = asset.gzip.empty() ? 0 : wish(all, "gzip");
        if (brotli > 0 && brotli >= gzip && brotli >= plain) {
            body = asset.brotli;
            encoding = "br";
        } else if (gzip > 0 && gzip >= plain) {
            body = asset.gzip;
            encoding = "gzip";
        }
    }
    AssetReply reply;
    // One ETag per representation: a cache must not answer a brotli request with gzip bytes (RFC 9110 section 8.8.3.3).
    std::string etag{asset.etag};
    if (!encoding.empty() && etag.size() >= 2) etag.insert(etag.size() - 1, "-" + std::string{encoding});
    reply.headers.add("ETag", etag);
    reply.headers.add("Vary", "Accept-Encoding");
    reply.headers.add("Cache-Control", asset.immutable ? "public, max-age=31536000, immutable" : "no-cache");
    if (request.headers.has("if-none-match") && etag_matches(request.header("if-none-match"), etag)) {
        reply.status = 304;
        return reply;
    }
    reply.headers.add("Content-Type", std::string{asset.content_type});
    if (!encoding.empty()) reply.headers.add("Content-Encoding", std::string{encoding});
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
