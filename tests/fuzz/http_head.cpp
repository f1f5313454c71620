// Fuzz target: the head of a request. However the bytes arrive, the same end is found; what is accepted, written again in its plainest
// form, reads the same; and nothing that two programs could read differently is accepted.
#include "api/http/request_head.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <cstdlib>

using namespace sluice;
using namespace sluice::http;

namespace {

void must(bool holds)
{
    if (!holds) std::abort();
}

HeadScanner::Progress scan_in_pieces(std::string_view bytes, std::size_t piece)
{
    HeadScanner scanner;
    HeadScanner::Progress progress;
    for (std::size_t end = 0; end < bytes.size() && progress.head_size == 0 && progress.refuse == 0;) {
        end = std::min(end + piece, bytes.size());
        progress = scanner.scan(bytes.substr(0, end));
    }
    return progress;
}

std::string write_again(const RequestHead& head)
{
    auto text = head.method + ' ' + head.target + (head.http_1_0 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
    for (const auto& [name, value] : head.headers.all()) text += name + ':' + value + "\r\n";
    if (head.expects_continue) text += "Expect:100-continue\r\n";
    return text + "\r\n";
}

void check_head(const RequestHead& head)
{
    must(head.path == "*" || (head.path.front() == '/' && is_utf8(head.path)));
    for (const auto segment : split(head.path, '/')) must(segment != "." && segment != "..");
    must(head.path.find('\0') == std::string::npos);
    must(head.http_1_0 || !head.host.empty());
    must(head.headers.count("content-length") + head.headers.count("transfer-encoding") <= 1);
    must((head.body == RequestHead::BodyKind::chunked) == head.headers.has("transfer-encoding"));
    must(!head.headers.has("expect") && !head.headers.has("remote_addr") && head.headers.size() <= HeadLimits{}.header_lines);
    if (head.headers.lists("connection", "close")) must(!head.keep_alive);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size < 1) return 0;
    const std::string_view bytes{reinterpret_cast<const char*>(data + 1), size - 1};
    const auto whole = HeadScanner{}.scan(bytes);
    const auto pieces = scan_in_pieces(bytes, 1 + data[0] % 32U);
    // A limit may be noticed a piece earlier or later, an end never.
    must(whole.head_size == pieces.head_size || whole.refuse != 0 || pieces.refuse != 0);
    if (whole.head_size == 0) return 0;
    must(whole.head_size <= HeadLimits{}.head);
    const auto outcome = parse_head(bytes.substr(0, whole.head_size));
    must(outcome.head.has_value() == (outcome.refuse == 0));
    if (!outcome.head) {
        must(outcome.refuse >= 400 && outcome.refuse < 600 && !outcome.reason.empty());
        return 0;
    }
    check_head(*outcome.head);
    const auto text = write_again(*outcome.head);
    const auto end = HeadScanner{}.scan(text);
    must(end.head_size == text.size());
    const auto again = parse_head(text);
    must(again.head.has_value());
    must(again.head->path == outcome.head->path && again.head->raw_query == outcome.head->raw_query && again.head->host == outcome.head->host);
    must(again.head->keep_alive == outcome.head->keep_alive && again.head->body == outcome.head->body);
    must(again.head->content_length == outcome.head->content_length && again.head->headers.all() == outcome.head->headers.all());
    must(again.head->expects_continue == outcome.head->expects_continue);
    return 0;
}
