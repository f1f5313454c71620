// Reads a multipart/form-data body (RFC 7578), whole in memory. Strict and bounded, in time linear in the body's size: cpp-httplib's own
// reader matches regular expressions against the heads of parts, which a sender can make take minutes.
#pragma once

#include "api/http/message.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::http {

// The boundary parameter of a Content-Type; absent when there is none or it is not 1 to 70 characters that RFC 2046 allows.
std::optional<std::string> multipart_boundary(std::string_view content_type);

// Absent when the body is malformed or cut off, a part has no name, or there is more than 100 parts or 4 kB in the head of one.
std::optional<std::vector<FormPart>> parse_multipart(std::string_view body, std::string_view boundary);

} // namespace sluice::http
