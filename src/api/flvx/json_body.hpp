// A request body of this dialect: one JSON object, read the tolerant way that its clients rely on (FLVX contract 1.5).
#pragma once

#include "base/result.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::flvx {

using Json = nlohmann::json;

// The part of `text` that is its first JSON value; bytes after it are ignored. Absent: empty, not UTF-8, or nested deeper than 64.
std::optional<std::string_view> first_value(std::string_view text);

// Absent: not a JSON integer, or one that 64 bits do not hold.
std::optional<std::int64_t> exact_integer_of(const Json& value);

// Loose reading of one value: a number or a text that is an integer, else the fallback.
std::int64_t integer_of(const Json& value, std::int64_t fallback);

class Body {
public:
    // Errors: invalid "body" (no JSON object).
    static Result<Body> parse(std::string_view text);
    Body() : object_(Json::object()) {}

    bool has(const char* key) const { return object_.contains(key); }
    bool is_null(const char* key) const { return object_.contains(key) && object_[key].is_null(); }

    // Loose reading: numbers and texts become each other; absent, null and unparsable become the default.
    std::string text(const char* key) const; // trimmed
    std::int64_t integer(const char* key, std::int64_t fallback) const;
    double number(const char* key, double fallback) const;
    std::optional<std::int64_t> id(const char* key) const; // positive, else absent
    std::vector<std::int64_t> ids(const char* key) const;  // positive ones, in order
    bool is_list(const char* key) const { return object_.contains(key) && object_[key].is_array(); }

    // Strict reading: exact JSON types. A wrong type makes the whole body bad; absent is empty.
    std::string exact_text(const char* key); // not trimmed
    std::int64_t exact_integer(const char* key);
    bool bad() const { return bad_; }
    void mark_bad() { bad_ = true; }

    // The first of two names that is there: the dialect's, else a client's alias (contract 8).
    const char* either(const char* name, const char* alias) const { return has(name) || !has(alias) ? name : alias; }

    const Json& json() const { return object_; }

private:
    Json object_;
    bool bad_ = false;
};

} // namespace sluice::flvx
