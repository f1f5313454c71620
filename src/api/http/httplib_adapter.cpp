#include "api/http/httplib_adapter.hpp"

#include "api/http/gzip.hpp"
#include "api/http/multipart.hpp"
#include "api/http/negotiation.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <cstring>
#include <httplib.h>

namespace sluice::http {

namespace {

// What httplib takes for a connection: reads the request that we composed, keeps what it writes.
class MemoryStream final : public httplib::Stream {
public:
    explicit MemoryStream(std::string head) : head_(std::move(head)) {}

    bool is_readable() const override { return true; }
    bool is_writable() const override { return true; }
    ssize_t read(char* into, std::size_t size) override
    {
        const auto piece = std::string_view{head_}.substr(at_, size);
        std::memcpy(into, piece.data(), piece.size());
        at_ += piece.size();
        return static_cast<ssize_t>(piece.size());
    }
    ssize_t write(const char* data, std::size_t size) override
    {
        written_.append(data, size);
        return static_cast<ssize_t>(size);
    }
    void get_remote_ip_and_port(std::string&, int&) const override {}
    void get_local_ip_and_port(std::string&, int&) const override {}
    socket_t socket() const override { return -1; }

    std::string take() { return std::move(written_); }

private:
    std::string head_;
    std::size_t at_ = 0;
    std::string written_;
};

bool has_type(const Request& request, std::string_view type)
{
    const auto value = request.header("content-type");
    return value.size() >= type.size() && equals_ignoring_case(value.substr(0, type.size()), type);
}

// Query, form and parts. False when the body is none of what its type says, or holds more fields than anybody means.
bool read_body(Request& request)
{
    auto query = parse_fields(request.raw_query);
    if (!query) return false;
    request.query = std::move(*query);
    if (has_type(request, "application/x-www-form-urlencoded")) {
        auto form = parse_fields(request.body);
        if (!form) return false;
        request.form = std::move(*form);
    }
    if (!request.body.empty() && has_type(request, "multipart/form-data")) {
        const auto boundary = multipart_boundary(request.header("content-type"));
        auto parts = boundary ? parse_multipart(request.body, *boundary) : std::nullopt;
        if (!parts) return false;
        request.parts = std::move(*parts);
    }
    return true;
}

// Answers a range out of a whole 200 answer.
void cut(const Request& request, Response& response)
{
    const auto size = response.body.size();
    response.headers.set("Accept-Ranges", "bytes");
    const auto part = choose_part(request, size, response.headers.get("etag"));
    if (part.kind == Part::Kind::whole) return;
    response.headers.set("Content-Range", content_range(part, size));
    const bool outside = part.kind == Part::Kind::unsatisfiable;
    response.status = outside ? 416 : 206;
    response.body = outside ? std::string{} : response.body.substr(part.first, part.size);
}

void finish_headers(Headers& headers, const Response& response, const Answering& how, Rendered& rendered)
{
    rendered.status = response.status;
    const bool bodiless = response.status == 204 || response.status == 304 || (response.status >= 100 && response.status < 200);
    if (response.producer && !bodiless) {
        rendered.producer = response.producer;
        if (response.producer_length) {
            headers.set("Content-Length", std::to_string(*response.producer_length));
        } else if (how.http_1_0) {
            rendered.close = true; // the end of the connection is the end of the body
        } else {
            rendered.chunked = true;
            headers.set("Transfer-Encoding", "chunked");
        }
    }
    if (rendered.close) {
        headers.set("Connection", "close");
    } else if (how.http_1_0) {
        headers.set("Connection", "keep-alive");
    }
    add_standard_headers(headers, how.around);
}

} // namespace

// One object for all workers: process_request() only reads its members. What belongs to one request travels in `current`, because
// httplib hands its handlers nothing of ours.
class HttplibAdapter::Engine final : public httplib::Server {
public:
    struct Call {
        Request* request = nullptr;
        const Answering* how = nullptr;
        Rendered rendered;
        Headers headers;
        bool answered = false;
        bool bodiless = false;
    };

    explicit Engine(const Router& router) : router_(router)
    {
        const auto answer = [this](const httplib::Request&, httplib::Response& out) { this->answer(out); };
        Get("/", answer);
        Post("/", answer);
        Put("/", answer);
        Patch("/", answer);
        Delete("/", answer);
        Options("/", answer);
        set_post_routing_handler([](const httplib::Request&, httplib::Response& out) { finish(out); });
    }

    Call run(Request& request, const Answering& how)
    {
        Call call;
        call.request = &request;
        call.how = &how;
        call.rendered.close = !how.keep_alive;
        MemoryStream stream(request.method + " / HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
        bool closed = false;
        current_ = &call;
        const bool written = process_request(stream, false, closed, nullptr);
        current_ = nullptr;
        call.rendered.bytes = stream.take();
        if (call.rendered.bytes.empty() || !written) { // httplib gave up without a word
            call.rendered = render(request, Response::plain_status(400), how);
        }
        return call;
    }

private:
    void answer(httplib::Response& out)
    {
        auto& call = *current_;
        auto& request = *call.request;
        auto response = Response::plain_status(400);
        if (read_body(request)) {
            response = router_.handle(request);
        } else {
            router_.finish(request, response);
        }
        call.answered = true;
        if (call.how->ranges && response.status == 200 && !response.producer) cut(request, response);
        compress_if_wanted(request, response);
        call.headers = response.headers;
        call.bodiless = response.status == 204 || response.status == 304;
        finish_headers(call.headers, response, *call.how, call.rendered);
        if (request.method == "HEAD") {
            call.rendered.producer = nullptr;
            call.rendered.chunked = false;
        }
        out.status = response.status;
        if (!response.content_type.empty() && !call.bodiless) out.set_header("Content-Type", response.content_type);
        if (!call.bodiless && !response.producer) out.body = std::move(response.body);
    }

    // The last word on the fields, after httplib has put in its own.
    static void finish(httplib::Response& out)
    {
        auto& call = *current_;
        out.headers.erase("Keep-Alive");
        out.headers.erase("Connection");
        if (!call.answered) { // httplib refused what we composed
            const auto plain = Response::plain_status(out.status);
            call.rendered.status = out.status;
            if (call.rendered.close) call.headers.set("Connection", "close");
            add_standard_headers(call.headers, call.how->around);
            if (call.request->method != "HEAD") out.body = plain.body;
            out.headers.erase("Content-Type");
            out.headers.erase("Content-Length");
            out.set_header("Content-Type", plain.content_type);
            out.set_header("Content-Length", std::to_string(plain.body.size()));
        }
        if (call.bodiless || call.headers.has("Transfer-Encoding") || call.headers.has("Content-Length") ||
            (call.rendered.producer && call.rendered.close))
            out.headers.erase("Content-Length");
        out.headers.erase("Accept-Ranges"); // its own, on every HEAD
        for (const auto& [name, value] : call.headers.all()) out.headers.emplace(name, value);
    }

    const Router& router_;
    static thread_local Call* current_;
};

thread_local HttplibAdapter::Engine::Call* HttplibAdapter::Engine::current_ = nullptr;

HttplibAdapter::HttplibAdapter(const Router& router) : engine_(std::make_unique<Engine>(router)) {}

HttplibAdapter::~HttplibAdapter() = default;

Rendered HttplibAdapter::run(Request& request, const Answering& how) const { return std::move(engine_->run(request, how).rendered); }

Rendered render(const Request& request, Response response, const Answering& how)
{
    Rendered rendered;
    rendered.close = !how.keep_alive;
    auto headers = std::move(response.headers);
    const bool bodiless = response.status == 204 || response.status == 304;
    if (!response.content_type.empty() && !bodiless) headers.set("Content-Type", response.content_type);
    if (!bodiless && !headers.has("Content-Length")) headers.set("Content-Length", std::to_string(response.body.size()));
    finish_headers(headers, response, how, rendered);
    rendered.bytes = render_head(response.status, headers);
    if (request.method != "HEAD" && !bodiless) rendered.bytes += response.body;
    return rendered;
}

} // namespace sluice::http
