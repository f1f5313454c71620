// What the front adds to every response, in one place: date, request id, and the headers that tell a browser to be strict.
// A response that has one of them already keeps its own.
#pragma once

#include "api/http/message.hpp"
#include "base/time.hpp"

#include <string>
#include <string_view>

namespace sluice::http {

// Everything but the page's own files gets a policy that allows nothing; the page may use its own origin and nothing else.
// "connect-src 'self'" covers ws: and wss: to the same origin in current browsers.
std::string page_policy_with(const std::string& origin); // the same, and scripts and frames of one other origin
inline constexpr std::string_view page_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
inline constexpr std::string_view answer_policy = "default-src 'none'; frame-ancestors 'none'";

struct Surroundings {
    std::string date;             // as http_date() gives it
    std::string request_id;       // may be empty: a connection's error before any request
    bool hsts = false;            // TLS with a certificate that browsers trust
    bool page = false;            // a file of the page, else an answer
    std::string page_origin = {}; // that the page may also take scripts and frames from; empty: none
};

void add_standard_headers(Headers& headers, const Surroundings& around);

std::string http_date(WallTime time); // "Sun, 06 Nov 1994 08:49:37 GMT"

// Status line and fields, with the empty line.
std::string render_head(int status, const Headers& headers);

} // namespace sluice::http
