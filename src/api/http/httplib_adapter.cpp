#include "api/http/httplib_adapter.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <cstring>
#include <httplib.h>

namespace sluice::http {

namespace {

// What httplib takes for a connection: reads the request that we composed, keeps what it writes.
class MemoryStream final : public httplib::Stream {
public:
    MemoryStream(std::string head, std::string_view body) : head_(std::move(head)), body_(body) {}

    bool is_readable() const override { return true; }
    bool is_writable() const override { return true; }
    ssize_t read(char* into, std::size_t size) override
    {
        std::string_view from = at_ < head_.size() ? std::string_view{head_}.substr(at_) : body_.substr(at_ - head_.size());
        const auto piece = from.substr(0, size);
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
    std::string_view body_;
    std::size_t at_ = 0;
    std::string written_;
};

bool has_type(const Request& request, std::string_view type)
{
    const auto value = request.header("content-type");
    return value.size() >= type.size() && equals_ignoring_case(value.substr(0, type.size()), type);
}

// The only body that httplib has to make sense of; any other goes to the handler as it is.
bool is_multipart(const Request& request) { return !request.body.empty() && has_type(request, "multipart/form-data"); }

// One range only: several can ask for the same bytes over and over, and a server may ignore Range (RFC 9110 section 14.2).
std::string_view usable_range(const Request& request, const Answering& how)
{
    if (!how.ranges || (request.method != "GET" && request.method != "HEAD") || request.headers.count("range") != 1) return {};
    const auto range = request.header("range");
    const auto set = range.starts_with("bytes=") ? range.substr(6) : std::string_view{};
    const auto dash = set.find('-');
    if (dash == std::string_view::npos || set.size() < 2 || set.size() > 40) return {};
    const auto digits = [](std::string_view text) { return text.find_first_not_of("0123456789") == std::string_view::npos && text.size() <= 15; };
    return digits(set.substr(0, dash)) && digits(set.substr(dash + 1)) ? range : std::string_view{};
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
        const auto answer = [this](const httplib::Request& parsed, httplib::Response& out) { this->answer(parsed, out); };
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
        request.query = parse_fields(request.raw_query);
        if (has_type(request, "application/x-www-form-urlencoded")) request.form = parse_fields(request.body);
        const bool with_body = is_multipart(request);
        std::string head = request.method + " / HTTP/1.1\r\nContent-Length: " + std::to_string(with_body ? request.body.size() : 0) + "\r\n";
        if (with_body) head += "Content-Type: " + std::string{request.header("content-type")} + "\r\n";
        if (const auto range = usable_range(request, how); !range.empty()) head += "Range: " + std::string{range} + "\r\n";
        head += "\r\n";

        MemoryStream stream(std::move(head), with_body ? std::string_view{request.body} : std::string_view{});
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
    void answer(const httplib::Request& parsed, httplib::Response& out)
    {
        auto& call = *current_;
        auto& request = *call.request;
        for (const auto& [name, part] : parsed.files) request.parts.push_back({part.name, part.filename, part.content_type, part.content});

        auto response = router_.handle(request);
        call.answered = true;
        call.headers = response.headers;
        call.bodiless = response.status == 204 || response.status == 304;
        const bool is_head = request.method == "HEAD";
        finish_headers(call.headers, response, *call.how, call.rendered);
        if (is_head) {
            call.rendered.producer = nullptr;
            call.rendered.chunked = false;
        }
        const bool ranged = !parsed.ranges.empty() && response.status == 200 && !response.body.empty() && !response.producer;
        if (ranged && !fits(parsed.ranges.front(), response.body.size())) {
            response.status = call.rendered.status = 416;
            call.headers.set("Content-Range", "bytes */" + std::to_string(response.body.size()));
            response.body.clear();
        }
        const bool cut = ranged && response.status == 200;
        if (cut) call.rendered.status = 206;
        // httplib cuts the body by these, also where a handler answered something else, and without looking where the body ends.
        auto& ranges = const_cast<httplib::Request&>(parsed).ranges; // its own object, which it made non-const
        if (!cut) ranges.clear();
        if (cut && ranges.front().first >= 0) ranges.front().second = std::min(ranges.front().second, static_cast<ssize_t>(response.body.size()) - 1);
        out.status = cut ? 206 : response.status;
        if (call.how->ranges && response.status == 200 && !response.producer) call.headers.set("Accept-Ranges", "bytes");
        if (!response.content_type.empty() && !call.bodiless) out.set_header("Content-Type", response.content_type);
        if (!call.bodiless && !response.producer) out.body = std::move(response.body);
    }

    static bool fits(const httplib::Range& range, std::size_t size)
    {
        const auto [first, last] = range;
        if (first < 0) return last > 0;                                               // the last bytes
        return static_cast<std::size_t>(first) < size && (last < 0 || last >= first); // from an offset
    }

    // The last word on the fields, after httplib has put in its own.
    static void finish(httplib::Response& out)
    {
        auto& call = *current_;
        out.headers.erase("Keep-Alive");
        out.headers.erase("Connection");
        if (!call.answered) { // httplib refused the body or the query
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
        if (call.headers.has("Accept-Ranges") || !call.how->ranges) out.headers.erase("Accept-Ranges");
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
