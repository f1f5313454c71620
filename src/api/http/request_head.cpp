#include "api/http/request_head.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <array>

namespace sluice::http {

namespace {

constexpr std::array<bool, 256> token_table = [] {
    std::array<bool, 256> table{};
    for (unsigned c = '0'; c <= '9'; ++c) table[c] = true;
    for (unsigned c = 'a'; c <= 'z'; ++c) table[c] = true;
    for (unsigned c = 'A'; c <= 'Z'; ++c) table[c] = true;
    for (const char c : std::string_view{"!#$%&'*+-.^_`|~"}) table[static_cast<unsigned char>(c)] = true;
    return table;
}();

bool is_token(std::string_view text)
{
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return token_table[static_cast<unsigned char>(c)]; });
}

bool is_field_value(std::string_view text)
{
    return std::all_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
    });
}

std::string_view trim_blanks(std::string_view text)
{
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

// host[:port] of RFC 3986: a name, an IPv4 address, or an IPv6 address in brackets.
bool is_authority(std::string_view text)
{
    if (text.empty() || text.size() > 300) return false;
    std::string_view port;
    bool has_port = false;
    if (text.front() == '[') {
        const auto end = text.find(']');
        if (end == std::string_view::npos || !IpAddress::parse(text.substr(0, end + 1))) return false;
        const auto rest = text.substr(end + 1);
        if (!rest.empty() && rest.front() != ':') return false;
        has_port = !rest.empty();
        if (has_port) port = rest.substr(1);
    } else {
        const auto colon = text.find(':');
        const auto name = text.substr(0, colon);
        has_port = colon != std::string_view::npos;
        if (has_port) port = text.substr(colon + 1);
        const auto fits = [](char c) {
            return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '_' || c == '~';
        };
        if (name.empty() || !std::all_of(name.begin(), name.end(), fits)) return false;
    }
    if (!has_port || port.empty()) return true; // "host:" is allowed by RFC 3986
    const auto number = parse_int(port);
    return port.size() <= 5 && number && *number >= 0 && *number <= 65535 && port.find_first_not_of("0123456789") == std::string_view::npos;
}

// Headers that cpp-httplib adds itself and that programs behind CGI trusted: only a server may say them.
bool is_server_field(std::string_view name)
{
    for (const std::string_view ours : {"REMOTE_ADDR", "REMOTE_PORT", "LOCAL_ADDR", "LOCAL_PORT"})
        if (equals_ignoring_case(name, ours)) return true;
    return false;
}

struct Refusal {
    int status = 0;
    std::string_view reason;
};

Refusal read_target(RequestHead& head)
{
    std::string_view target = head.target;
    if (head.method == "OPTIONS" && target == "*") {
        head.path.assign(1, '*'); // GCC 12 warns falsely about assigning a literal here
        return {};
    }
    if (target.front() != '/') { // absolute-form: its authority replaces Host (RFC 9112 section 3.2.2)
        const auto scheme = target.find("://");
        const auto name = target.substr(0, scheme);
        if (scheme == std::string_view::npos || !(equals_ignoring_case(name, "http") || equals_ignoring_case(name, "https")))
            return {400, "request target"};
        target.remove_prefix(scheme + 3);
        const auto end = target.find_first_of("/?");
        const auto authority = target.substr(0, end);
        if (!is_authority(authority)) return {400, "request target"};
        head.host = std::string{authority};
        target = end == std::string_view::npos ? std::string_view{} : target.substr(end);
    }
    const auto question = target.find('?');
    if (question != std::string_view::npos) head.raw_query = std::string{target.substr(question + 1)};
    const auto raw_path = target.substr(0, question);
    auto path = decode_path(raw_path.empty() ? std::string_view{"/"} : raw_path);
    if (!path) return {400, "path"};
    head.path = std::move(*path);
    return {};
}

Refusal read_request_line(std::string_view line, RequestHead& head)
{
    const auto first = line.find(' ');
    const auto last = line.rfind(' ');
    if (first == std::string_view::npos || first == last) return {400, "request line"};
    const auto method = line.substr(0, first);
    const auto target = line.substr(first + 1, last - first - 1);
    const auto version = line.substr(last + 1);
    if (!is_token(method)) return {400, "method"};
    const bool visible = std::all_of(target.begin(), target.end(), [](char c) { return c > 0x20 && c < 0x7f && c != '#'; });
    if (target.empty() || !visible) return {400, "request target"};
    if (version == "HTTP/1.0") {
        head.http_1_0 = true;
    } else if (version != "HTTP/1.1") {
        const bool other = version.size() == 8 && version.substr(0, 5) == "HTTP/" && version[6] == '.' && version[5] >= '0' && version[5] <= '9' &&
                           version[7] >= '0' && version[7] <= '9';
        return other ? Refusal{505, "HTTP version"} : Refusal{400, "request line"};
    }
    static constexpr std::array<std::string_view, 7> known{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"};
    if (std::find(known.begin(), known.end(), method) == known.end()) return {501, "method"};
    head.method = std::string{method};
    head.target = std::string{target};
    return {};
}

Refusal read_field(std::string_view line, RequestHead& head)
{
    if (line.front() == ' ' || line.front() == '\t') return {400, "folded header field"};
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return {400, "header field without colon"};
    const auto name = line.substr(0, colon);
    if (!is_token(name)) return {400, "header field name"};
    const auto value = trim_blanks(line.substr(colon + 1));
    if (!is_field_value(value)) return {400, "header field value"};
    if (!is_server_field(name)) head.headers.add(std::string{name}, std::string{value});
    return {};
}

Refusal read_framing(RequestHead& head)
{
    const auto lengths = head.headers.count("content-length");
    const auto encodings = head.headers.count("transfer-encoding");
    if (lengths > 1) return {400, "more than one Content-Length"};
    if (encodings > 1) return {400, "more than one Transfer-Encoding"};
    if (encodings == 1) {
        if (lengths == 1) return {400, "Content-Length together with Transfer-Encoding"};
        if (head.http_1_0) return {400, "Transfer-Encoding in HTTP/1.0"};
        if (!equals_ignoring_case(head.headers.get("transfer-encoding"), "chunked")) return {501, "Transfer-Encoding"};
        head.body = RequestHead::BodyKind::chunked;
    } else if (lengths == 1) {
        const auto text = head.headers.get("content-length");
        // 15 digits: far above every limit, far below overflow.
        if (text.empty() || text.size() > 15 || text.find_first_not_of("0123456789") != std::string_view::npos) return {400, "Content-Length"};
        head.content_length = static_cast<std::uint64_t>(*parse_int(text));
        if (head.content_length > 0) head.body = RequestHead::BodyKind::sized;
    }
    return {};
}

Refusal read_meaning(RequestHead& head)
{
    const auto hosts = head.headers.count("host");
    if (hosts > 1) return {400, "more than one Host"};
    if (hosts == 0 && !head.http_1_0) return {400, "Host is missing"};
    if (hosts == 1) {
        const auto host = head.headers.get("host");
        if (!is_authority(host)) return {400, "Host"};
        if (head.host.empty()) head.host = std::string{host};
    }
    if (const auto refusal = read_framing(head); refusal.status != 0) return refusal;
    if (head.headers.has("expect") && !head.http_1_0) {
        if (head.headers.count("expect") > 1 || !equals_ignoring_case(head.headers.get("expect"), "100-continue")) return {417, "Expect"};
        head.expects_continue = head.body != RequestHead::BodyKind::none;
    }
    head.headers.remove("expect");
    if (head.headers.lists("connection", "close")) {
        head.keep_alive = false;
    } else {
        head.keep_alive = !head.http_1_0 || head.headers.lists("connection", "keep-alive");
    }
    return {};
}

int digit_of(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

} // namespace

HeadScanner::Progress HeadScanner::scan(std::string_view bytes)
{
    for (;;) {
        const auto newline = bytes.find('\n', searched_);
        if (newline == std::string_view::npos) {
            searched_ = bytes.size();
            if (lines_ == 0 && bytes.size() - line_start_ > limits_.request_line) return {0, 414};
            if (bytes.size() > limits_.head) return {0, 431};
            return {};
        }
        searched_ = newline + 1;
        if (newline == line_start_ || bytes[newline - 1] != '\r') return {0, 400}; // a bare LF ends a line for some programs only
        const bool blank = newline - 1 == line_start_;
        const auto length = newline - 1 - line_start_;
        line_start_ = newline + 1;
        if (searched_ > limits_.head) return {0, 431};
        if (blank && lines_ == 0) { // one empty line before a request is forgiven (RFC 9112 section 2.2)
            if (skipped_blank_) return {0, 400};
            skipped_blank_ = true;
            continue;
        }
        if (blank) return {line_start_, 0};
        if (lines_ == 0 && length > limits_.request_line) return {0, 414};
        if (lines_ > limits_.header_lines) return {0, 431};
        ++lines_;
    }
}

HeadOutcome parse_head(std::string_view bytes, HeadLimits limits)
{
    RequestHead head;
    const auto refused = [](Refusal refusal) { return HeadOutcome{std::nullopt, refusal.status, refusal.reason}; };
    if (bytes.substr(0, 2) == "\r\n") bytes.remove_prefix(2);
    bool first = true;
    std::size_t lines = 0;
    for (;;) {
        const auto end = bytes.find("\r\n");
        if (end == std::string_view::npos) return refused({400, "head without end"});
        const auto line = bytes.substr(0, end);
        bytes.remove_prefix(end + 2);
        if (line.empty()) break;
        if (line.find_first_of(std::string_view{"\r\n\0", 3}) != std::string_view::npos) return refused({400, "control character"});
        if (!first && ++lines > limits.header_lines) return refused({431, "too many header fields"});
        const auto refusal = first ? read_request_line(line, head) : read_field(line, head);
        if (refusal.status != 0) return refused(refusal);
        first = false;
    }
    if (first) return refused({400, "request line"});
    if (const auto refusal = read_target(head); refusal.status != 0) return refused(refusal);
    if (const auto refusal = read_meaning(head); refusal.status != 0) return refused(refusal);
    return {std::move(head), 0, {}};
}

std::optional<std::string> decode_path(std::string_view raw)
{
    if (raw.empty() || raw.front() != '/') return std::nullopt;
    std::string path;
    path.reserve(raw.size());
    for (std::size_t i = 0; i < raw.size(); ++i) {
        char c = raw[i];
        if (c == '%') {
            if (i + 2 >= raw.size()) return std::nullopt;
            const int high = digit_of(raw[i + 1]);
            const int low = digit_of(raw[i + 2]);
            if (high < 0 || low < 0) return std::nullopt;
            c = static_cast<char>(high * 16 + low);
            i += 2;
        }
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f) return std::nullopt;
        path += c;
    }
    if (!is_utf8(path)) return std::nullopt;
    for (const auto segment : split(path, '/'))
        if (segment == "." || segment == "..") return std::nullopt;
    return path;
}

} // namespace sluice::http
