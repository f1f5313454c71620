// What a client would take of a body: which encoding (RFC 9110 section 12.5.3), which part (section 14). Pure functions on header
// fields; the sender decides what it has.
#pragma once

#include "api/http/message.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::http {

// A q-value among parameters (";q=0.5") in thousandths; absent is 1000, a malformed one counts as 0.
int quality(std::string_view parameters);

enum class Encoding { identity, gzip, brotli };

// The client's choice among identity and what we have; between equals the smaller one. Identity stays the last resort also when refused:
// a body that somebody can read beats 406.
Encoding choose_encoding(const Headers& headers, bool have_gzip, bool have_brotli);

std::string_view to_text(Encoding encoding); // "", "gzip", "br"

// "bytes=a-b" of a GET. One range only: several can ask for the same bytes over and over, and a server may ignore Range.
struct Part {
    enum class Kind { whole, part, unsatisfiable };
    Kind kind = Kind::whole;
    std::size_t first = 0;
    std::size_t size = 0; // of a part, at least 1
};

// `etag`: of the representation that would be sent, quoted; with If-Range the part is given only when it is the same (strong comparison).
Part choose_part(const Request& request, std::size_t body_size, std::string_view etag = {});

// The value of Content-Range: "bytes 0-4/10", or "bytes */10" for an unsatisfiable one.
std::string content_range(const Part& part, std::size_t body_size);

} // namespace sluice::http
