#include "api/http/gzip.hpp"

#include "api/http/negotiation.hpp"

#include <limits>
#include <new>
#include <stdexcept>
#include <zlib.h>

namespace sluice::http {

namespace {

constexpr std::size_t worth_it = 1'024; // below it the packet count stays the same
constexpr int level = 4;                // lists of rules shrink to a tenth; more effort gains little and costs the worker's time
constexpr int gzip_window = 15 + 16;    // the largest window, in gzip's own wrapping

bool is_text(std::string_view content_type) { return content_type.starts_with("text/") || content_type.starts_with("application/json"); }

} // namespace

std::string gzip(std::string_view body)
{
    if (body.empty() || body.size() > std::numeric_limits<uInt>::max()) return {};
    z_stream stream{};
    if (deflateInit2(&stream, level, Z_DEFLATED, gzip_window, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc();
    std::string packed(body.size(), '\0');                                     // no room for one that is longer: then it stays as it is
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data())); // zlib does not write there
    stream.avail_in = static_cast<uInt>(body.size());
    stream.next_out = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_out = static_cast<uInt>(packed.size());
    const int outcome = deflate(&stream, Z_FINISH);
    packed.resize(stream.total_out);
    deflateEnd(&stream);
    return outcome == Z_STREAM_END ? packed : std::string{};
}

void compress_if_wanted(const Request& request, Response& response)
{
    if (response.status != 200 || response.producer || response.body.size() < worth_it || !is_text(response.content_type)) return;
    if (response.headers.has("content-encoding") || response.headers.has("content-range")) return;
    if (!response.headers.lists("vary", "accept-encoding")) response.headers.add("Vary", "Accept-Encoding");
    if (choose_encoding(request.headers, true, false) != Encoding::gzip) return;
    auto packed = gzip(response.body);
    if (packed.empty()) return;
    response.body = std::move(packed);
    response.headers.add("Content-Encoding", "gzip");
}

} // namespace sluice::http
