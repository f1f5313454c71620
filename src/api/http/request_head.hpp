// The strict reader of an HTTP/1.1 request head (RFC 9112): bytes in, a checked value or one status out. Refuses whatever two
// programs could read differently, because that is how requests are smuggled past a proxy. No sockets, no time, no routes.
#pragma once

#include "api/http/message.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::http {

struct HeadLimits {
    std::size_t request_line = 8 * 1024;
    std::size_t header_lines = 100;
    std::size_t head = 32 * 1024; // everything up to the empty line
};

struct RequestHead {
    enum class BodyKind { none, sized, chunked };

    std::string method;
    std::string target;    // as sent
    std::string path;      // decoded; "*" only for OPTIONS
    std::string raw_query; // without "?"
    std::string host;
    Headers headers; // without REMOTE_ADDR and its kin, which only a server may say
    bool http_1_0 = false;
    bool keep_alive = true;
    bool expects_continue = false;
    BodyKind body = BodyKind::none;
    std::uint64_t content_length = 0; // of a sized body
};

// Looks for the end of the head as bytes arrive, without reading any byte twice, and checks the limits on the way.
class HeadScanner {
public:
    explicit HeadScanner(HeadLimits limits = {}) : limits_(limits) {}

    struct Progress {
        std::size_t head_size = 0; // complete: this many bytes, the empty line included
        int refuse = 0;            // else, when not 0: the status to answer with
    };
    // `bytes`: everything received for this request so far.
    Progress scan(std::string_view bytes);
    void reset() { *this = HeadScanner(limits_); }

private:
    HeadLimits limits_;
    std::size_t line_start_ = 0;
    std::size_t searched_ = 0;
    std::size_t lines_ = 0;
    bool skipped_blank_ = false;
};

struct HeadOutcome {
    std::optional<RequestHead> head;
    int refuse = 0;          // when there is no head
    std::string_view reason; // what was wrong, a constant, for the log and the answer
};

// `bytes`: a complete head as HeadScanner found it.
HeadOutcome parse_head(std::string_view bytes, HeadLimits limits = {});

// Percent-decodes a path and checks it: starts with "/", UTF-8, no control character, no "." or ".." segment. Absent when refused.
std::optional<std::string> decode_path(std::string_view raw);

} // namespace sluice::http
