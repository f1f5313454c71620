// Fuzz target: what a client may ask of a page file (Accept-Encoding, Range, If-Range, If-None-Match), one field per line of the input.
// Whatever it asks, it gets bytes of one representation, told truthfully.
#include "api/http/negotiation.hpp"
#include "api/http/assets.hpp"
#include "base/text.hpp"

#include <cstdlib>

using namespace sluice;
using namespace sluice::http;

namespace {

void must(bool holds)
{
    if (!holds) std::abort();
}

constexpr Asset asset{"/a.js", "text/javascript", "\"abc\"", true, "0123456789abcdefghij", "GZIP-FORM", "BROTLI"};

bool is_field_value(std::string_view text)
{
    for (const char c : text)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
    return true;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    constexpr std::string_view names[] = {"Accept-Encoding", "Range", "If-Range", "If-None-Match", "Accept"};
    Request request;
    request.method = "GET";
    request.path = "/deep/link";
    std::size_t index = 0;
    for (const auto line : split(text, '\n')) {
        if (!line.empty() && is_field_value(line)) request.headers.add(std::string{names[index % 5]}, std::string{line});
        ++index;
    }
    const int q = quality(text);
    must(q >= 0 && q <= 1000);
    static_cast<void>(wants_page(request));

    const auto reply = serve_asset(asset, request);
    const auto encoding = reply.headers.get("content-encoding");
    const auto whole = encoding == "br" ? asset.brotli : encoding == "gzip" ? asset.gzip : asset.raw;
    must(encoding.empty() || encoding == "br" || encoding == "gzip");
    must(reply.headers.get("vary") == "Accept-Encoding" && reply.headers.count("etag") == 1);
    switch (reply.status) {
    case 200: must(reply.body == whole && !reply.headers.has("content-range")); break;
    case 206: {
        must(!reply.body.empty() && reply.body.size() <= whole.size());
        const auto first = static_cast<std::size_t>(reply.body.data() - whole.data());
        must(first + reply.body.size() <= whole.size());
        must(reply.headers.get("content-range") ==
             "bytes " + std::to_string(first) + '-' + std::to_string(first + reply.body.size() - 1) + '/' + std::to_string(whole.size()));
        break;
    }
    case 304: must(reply.body.empty() && request.headers.has("if-none-match")); break;
    case 416: must(reply.body.empty() && request.headers.has("range")); break;
    default: must(false);
    }
    if (reply.status != 304) must(reply.headers.get("content-length") == std::to_string(reply.body.size()));
    // A HEAD is told the length that a GET without a range would have.
    request.method = "HEAD";
    const auto head = serve_asset(asset, request);
    must(head.body.empty() && (head.status == 200 || head.status == 304) && head.headers.get("etag") == reply.headers.get("etag"));
    return 0;
}
