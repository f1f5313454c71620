// One small HTTP question to another server, over TLS or without, with a deadline for all of it. No redirects, no cookies, no proxies. Blocks.
#pragma once

#include "base/result.hpp"
#include "probe/tcp_ping.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::probe {

struct HttpAnswer {
    int status = 0;
    std::string body; // without chunks; at most most_answer_bytes
};

inline constexpr std::size_t most_answer_bytes = std::size_t{64} * 1024; // head and body

using Form = std::vector<std::pair<std::string, std::string>>;

// application/x-www-form-urlencoded: everything but letters, digits and -._ is escaped.
std::string form_text(const Form& form);

// What a server sent until it closed, taken apart: status line, head, and a body that is plain (with or without Content-Length) or chunked. Absent:
// not HTTP/1, or cut off.
std::optional<HttpAnswer> parse_answer(std::string_view bytes);

// POST of a form to "https://host[:port]/path" or "http://...". A server's certificate must be valid for its name by the system's certificates.
// Errors: invalid "url"; unavailable "http" (name, connection, handshake, certificate, no or a malformed answer; the detail says which), timeout "http".
Result<HttpAnswer> post_form(const std::string& url, const Form& form, Deadline deadline);

// Whether post_form() understands it.
bool is_http_url(std::string_view url);

} // namespace sluice::probe
