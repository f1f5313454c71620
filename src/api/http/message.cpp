#include "api/http/message.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <stdexcept>
#include <sys/stat.h>
#include <unistd.h>

namespace sluice::http {

namespace {

constexpr std::size_t fields_limit = 1'000;

} // namespace

std::string Fields::get(std::string_view name) const
{
    const auto found = values_.lower_bound(name);
    return found != values_.end() && found->first == name ? found->second : std::string{};
}

std::optional<std::string> Fields::find(std::string_view name) const
{
    const auto found = values_.lower_bound(name);
    if (found == values_.end() || found->first != name) return std::nullopt;
    return found->second;
}

std::vector<std::string> Fields::all(std::string_view name) const
{
    std::vector<std::string> result;
    const auto [first, last] = values_.equal_range(name);
    for (auto it = first; it != last; ++it) result.push_back(it->second);
    return result;
}

namespace {

int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::string decode_form(std::string_view text)
{
    std::string decoded;
    decoded.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
        const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
        if (low >= 0) {
            decoded += static_cast<char>(high * 16 + low);
            i += 2;
        } else {
            decoded += text[i] == '+' ? ' ' : text[i];
        }
    }
    return decoded;
}

bool is_token(std::string_view text)
{
    const auto fits = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos;
    };
    return !text.empty() && std::all_of(text.begin(), text.end(), fits);
}

} // namespace

std::optional<Fields> parse_fields(std::string_view text)
{
    Fields fields;
    std::size_t count = 0;
    while (!text.empty()) {
        const auto end = std::min(text.find('&'), text.size());
        const auto pair = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (pair.empty()) continue;
        if (++count > fields_limit) return std::nullopt;
        const auto equals = pair.find('=');
        fields.add(decode_form(pair.substr(0, equals)), equals == std::string_view::npos ? std::string{} : decode_form(pair.substr(equals + 1)));
    }
    return fields;
}

void Headers::add(std::string name, std::string value)
{
    if (!is_token(name) || value.find_first_of(std::string_view{"\r\n\0", 3}) != std::string::npos)
        throw std::invalid_argument("header field " + name);
    fields_.emplace_back(std::move(name), std::move(value));
}

void Headers::set(std::string name, std::string value)
{
    remove(name);
    add(std::move(name), std::move(value));
}

void Headers::remove(std::string_view name)
{
    std::erase_if(fields_, [&](const Field& field) { return equals_ignoring_case(field.first, name); });
}

const std::string* Headers::find(std::string_view name) const
{
    for (const auto& field : fields_)
        if (equals_ignoring_case(field.first, name)) return &field.second;
    return nullptr;
}

std::string_view Headers::get(std::string_view name) const
{
    const auto* found = find(name);
    return found ? std::string_view{*found} : std::string_view{};
}

std::size_t Headers::count(std::string_view name) const
{
    return static_cast<std::size_t>(
        std::count_if(fields_.begin(), fields_.end(), [&](const Field& field) { return equals_ignoring_case(field.first, name); }));
}

bool Headers::lists(std::string_view name, std::string_view token) const
{
    for (const auto& [key, value] : fields_) {
        if (!equals_ignoring_case(key, name)) continue;
        for (const auto item : split(value, ','))
            if (equals_ignoring_case(trim(item), token)) return true;
    }
    return false;
}

std::string Request::cookie(std::string_view name) const
{
    for (const auto& [key, value] : headers.all()) {
        if (!equals_ignoring_case(key, "cookie")) continue;
        for (const auto item : split(value, ';')) {
            const auto pair = trim(item);
            const auto equals = pair.find('=');
            if (equals != std::string_view::npos && pair.substr(0, equals) == name) return std::string{pair.substr(equals + 1)};
        }
    }
    return {};
}

std::string_view Request::bearer() const
{
    const auto value = header("authorization");
    constexpr std::string_view scheme = "bearer ";
    if (value.size() <= scheme.size() || !equals_ignoring_case(value.substr(0, scheme.size()), scheme)) return {};
    return trim(value.substr(scheme.size()));
}

Response Response::empty(int status)
{
    Response response;
    response.status = status;
    return response;
}

Response Response::text(int status, std::string body)
{
    Response response;
    response.status = status;
    response.content_type = "text/plain; charset=utf-8";
    response.body = std::move(body);
    return response;
}

Response Response::html(int status, std::string body)
{
    auto response = text(status, std::move(body));
    response.content_type = "text/html; charset=utf-8";
    return response;
}

Response Response::json(std::string body, int status)
{
    auto response = text(status, std::move(body));
    response.content_type = "application/json; charset=utf-8";
    return response;
}

Response Response::redirect(std::string location, int status)
{
    auto response = empty(status);
    response.headers.set("Location", std::move(location));
    return response;
}

Response Response::download(std::string file_name, std::string content_type, std::string body)
{
    auto response = text(200, std::move(body));
    response.content_type = std::move(content_type);
    // A name that needs quoting is not worth the quoting rules: everything unusual becomes "_".
    for (char& c : file_name)
        if (!is_token({&c, 1}) || c == '%' || c == '\'' || c == '*') c = '_';
    response.headers.set("Content-Disposition", "attachment; filename=\"" + file_name + "\"");
    return response;
}

Response Response::stream(std::string content_type, Producer producer, std::optional<std::uint64_t> length)
{
    Response response;
    response.content_type = std::move(content_type);
    response.producer = std::move(producer);
    response.producer_length = length;
    return response;
}

Result<Response> Response::file(const std::string& path, std::string content_type)
{
    const int opened = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (opened < 0) {
        const auto code = errno == ENOENT ? Errc::not_found : Errc::unavailable;
        return make_error(code, "file", path + ": " + std::strerror(errno), {path});
    }
    const std::shared_ptr<const int> descriptor(new int(opened), [](const int* value) {
        ::close(*value);
        delete value;
    });
    struct stat info{};
    if (::fstat(opened, &info) != 0 || !S_ISREG(info.st_mode)) return make_error(Errc::unavailable, "file", path + ": not a file", {path});
    auto producer = [descriptor] {
        std::string chunk(std::size_t{64} * 1024, '\0');
        ssize_t got = 0;
        do {
            got = ::read(*descriptor, chunk.data(), chunk.size());
        } while (got < 0 && errno == EINTR);
        if (got < 0) throw std::runtime_error(std::string{"reading a file to send: "} + std::strerror(errno));
        chunk.resize(static_cast<std::size_t>(got));
        return chunk;
    };
    return stream(std::move(content_type), std::move(producer), static_cast<std::uint64_t>(info.st_size));
}

Response Response::plain_status(int status) { return text(status, std::to_string(status) + ' ' + std::string{reason_phrase(status)} + '\n'); }

std::string_view reason_phrase(int status)
{
    struct Phrase {
        int status;
        std::string_view text;
    };
    static constexpr std::array phrases{
        Phrase{100, "Continue"},
        Phrase{101, "Switching Protocols"},
        Phrase{200, "OK"},
        Phrase{201, "Created"},
        Phrase{202, "Accepted"},
        Phrase{204, "No Content"},
        Phrase{206, "Partial Content"},
        Phrase{207, "Multi-Status"},
        Phrase{301, "Moved Permanently"},
        Phrase{302, "Found"},
        Phrase{303, "See Other"},
        Phrase{304, "Not Modified"},
        Phrase{307, "Temporary Redirect"},
        Phrase{308, "Permanent Redirect"},
        Phrase{400, "Bad Request"},
        Phrase{401, "Unauthorized"},
        Phrase{402, "Payment Required"},
        Phrase{403, "Forbidden"},
        Phrase{404, "Not Found"},
        Phrase{405, "Method Not Allowed"},
        Phrase{406, "Not Acceptable"},
        Phrase{408, "Request Timeout"},
        Phrase{409, "Conflict"},
        Phrase{410, "Gone"},
        Phrase{411, "Length Required"},
        Phrase{412, "Precondition Failed"},
        Phrase{413, "Content Too Large"},
        Phrase{414, "URI Too Long"},
        Phrase{415, "Unsupported Media Type"},
        Phrase{416, "Range Not Satisfiable"},
        Phrase{417, "Expectation Failed"},
        Phrase{421, "Misdirected Request"},
        Phrase{422, "Unprocessable Content"},
        Phrase{423, "Locked"},
        Phrase{426, "Upgrade Required"},
        Phrase{428, "Precondition Required"},
        Phrase{429, "Too Many Requests"},
        Phrase{431, "Request Header Fields Too Large"},
        Phrase{500, "Internal Server Error"},
        Phrase{501, "Not Implemented"},
        Phrase{502, "Bad Gateway"},
        Phrase{503, "Service Unavailable"},
        Phrase{504, "Gateway Timeout"},
        Phrase{505, "HTTP Version Not Supported"},
        Phrase{507, "Insufficient Storage"},
    };
    for (const auto& phrase : phrases)
        if (phrase.status == status) return phrase.text;
    return "Unknown";
}

} // namespace sluice::http
