// Fuzz target: form bodies through the adapter, with the first line as the Content-Type and the rest as the body. The handler sees the
// parts that were sent or is not called; parts that are written again read the same; the answer is always one whole HTTP response.
#include "api/http/multipart.hpp"
#include "api/http/httplib_adapter.hpp"

#include <cstdint>
#include <cstdlib>

using namespace sluice::http;

namespace {

void must(bool holds)
{
    if (!holds) std::abort();
}

bool is_plain(std::string_view text) { return text.find_first_of(std::string_view{"\r\n\0\"\\", 5}) == std::string_view::npos; }

void check_parts(const std::vector<FormPart>& parts)
{
    const std::string boundary = "=_fuzz_0f3c9a71b2";
    std::string body;
    for (const auto& part : parts) {
        if (!is_plain(part.name) || !is_plain(part.file_name) || part.content.find(boundary) != std::string::npos) return;
        body += "--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + part.name + "\"; filename=\"" + part.file_name +
                "\"\r\nContent-Type: " + part.content_type + "\r\n\r\n" + part.content + "\r\n";
    }
    const auto again = parse_multipart(body + "--" + boundary + "--\r\n", boundary);
    must(again && again->size() == parts.size());
    for (std::size_t i = 0; i < parts.size(); ++i) {
        must((*again)[i].name == parts[i].name && (*again)[i].file_name == parts[i].file_name && (*again)[i].content == parts[i].content);
        must((*again)[i].content_type == parts[i].content_type);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    const auto line = text.find('\n');
    const auto type = text.substr(0, line);
    if (line == std::string_view::npos || type.find_first_of(std::string_view{"\r\0", 2}) != std::string_view::npos) return 0;

    static bool called = false;
    static const Router router = [] {
        Router routes;
        routes.add("POST", "/x", [](const Request& request) {
            called = true;
            check_parts(request.parts);
            return Response::text(200, std::to_string(request.parts.size() + request.form.all("a").size()));
        });
        return routes;
    }();
    static const HttplibAdapter adapter(router);
    Request request;
    request.method = "POST";
    request.path = "/x";
    request.headers.add("Content-Type", std::string{type});
    request.body = std::string{text.substr(line + 1)};
    called = false;
    const auto rendered = adapter.run(request, {});
    must(rendered.status == (called ? 200 : 400));
    must(rendered.bytes.starts_with(called ? "HTTP/1.1 200 OK\r\n" : "HTTP/1.1 400 Bad Request\r\n"));
    const auto end = rendered.bytes.find("\r\n\r\n");
    must(end != std::string::npos);
    must(rendered.bytes.find("Content-Length: " + std::to_string(rendered.bytes.size() - end - 4) + "\r\n") < end);
    return 0;
}
