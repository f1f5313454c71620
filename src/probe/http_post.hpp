// One small HTTP question to another server, over TLS or without, with a deadline for all of it. No redirects, no cookies, no proxies. Blocks.
#pragma once

#include "base/result.hpp"
#include "probe/tcp_ping.hpp"

#include <optional>
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

struct HttpPost {
    std::string content_type;
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers{}; // names and values without line ends; the caller knows that
    // "sha256//" and base64 of the server's public key, as curl --pinnedpubkey wants it: then this key proves the server, whatever its certificate says.
    std::string pin{};
    std::size_t most_answer = most_answer_bytes;
};

// POST to "https://host[:port]/path" or "http://...". Without a pin a server's certificate must be valid for its name by the system's certificates.
// Errors: invalid "url"; unavailable "http" (name, connection, handshake, certificate, no or a malformed answer; the detail says which), timeout "http".
Result<HttpAnswer> post(const std::string& url, const HttpPost& request, Deadline deadline);
Result<HttpAnswer> post_form(const std::string& url, const Form& form, Deadline deadline);

// Whether post() understands it.
bool is_http_url(std::string_view url);

} // namespace sluice::probe
