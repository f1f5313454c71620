// Compresses what handlers answer. Page files come compressed already and never pass here.
#pragma once

#include "api/http/message.hpp"

#include <string>
#include <string_view>

namespace sluice::http {

// The gzip form, or empty when it would not be smaller.
std::string gzip(std::string_view body);

// Replaces the body of a good text or JSON answer that is worth it and that the client takes compressed; says so in Content-Encoding
// and Vary.
void compress_if_wanted(const Request& request, Response& response);

} // namespace sluice::http
