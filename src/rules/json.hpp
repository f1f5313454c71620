// Tolerant reading of other programs' JSON: numbers and texts become each other.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::rules {

using Json = nlohmann::json;

std::optional<Json> parse_json(std::string_view text); // absent: none, or deeper than 64
std::string text_at(const Json& object, const char* key);
std::int64_t integer_at(const Json& object, const char* key);
bool truth_at(const Json& object, const char* key);                     // true, 1, "1", "true"
std::vector<std::string> texts_at(const Json& object, const char* key); // of a list, or the one text

} // namespace sluice::rules
