// The API document: OpenAPI 3.1, made from the route tables and the field tables, and from nothing else.
#pragma once

#include "api/flvx/route.hpp"

#include <span>
#include <string_view>
#include <vector>

namespace sluice::flvx {

// What is served beside the tables: no envelope, no guard.
struct DocumentedPath {
    std::string_view path;
    std::string_view about;
    std::string_view media; // empty: a WebSocket
};

Json openapi_document(const std::vector<std::span<const Route>>& tables, std::span<const DocumentedPath> others);

} // namespace sluice::flvx
