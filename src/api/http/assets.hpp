// The web page's files, compiled into the executable, and how they are served: whole, compressed beforehand, with ETag.
// embed/ generates a source that defines embedded_assets(); nothing here knows how they were made.
#pragma once

#include "api/http/message.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sluice::http {

// All views point into read-only data that lives as long as the process.
struct Asset {
    std::string_view path;         // "/index.html", "/assets/app-3f9c.js": starts with "/", unique
    std::string_view content_type; // "text/javascript; charset=utf-8"
    std::string_view etag;         // quoted: "\"Jf3...\"", of the raw content
    bool immutable = false;        // the name holds a hash of the content: cached for a year
    std::string_view raw;
    std::string_view gzip; // empty when not worth it
    std::string_view brotli;
};

// Sorted by path (byte order). Defined by the generated source of embed/; a program that links none passes an empty span.
std::span<const Asset> embedded_assets();

// What to send for an asset; `body` points into the asset and is empty for HEAD and 304 (`length` is still that of GET).
struct AssetReply {
    int status = 200;
    Headers headers;
    std::string_view body;
};

const Asset* find_asset(std::span<const Asset> assets, std::string_view path);

// Picks the encoding by Accept-Encoding with its q-values, compares If-None-Match, cuts a single range. For GET and HEAD.
AssetReply serve_asset(const Asset& asset, const Request& request);

// The page for an unknown path that a browser asked for: a GET or HEAD that accepts text/html and whose last segment has no dot.
bool wants_page(const Request& request);

} // namespace sluice::http
