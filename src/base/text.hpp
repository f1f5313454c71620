// Small text functions that every parser needs. None of them uses the locale.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

// Without spaces, tabs, CR and LF at both ends.
std::string_view trim(std::string_view text);

// Pieces between separators, untrimmed; an empty text gives one empty piece.
std::vector<std::string_view> split(std::string_view text, char separator);

// Base-10 integer that fills the whole text; no blanks, no plus sign. Absent when malformed or out of range.
std::optional<std::int64_t> parse_int(std::string_view text);

// ASCII only.
std::string to_lower(std::string_view text);
bool equals_ignoring_case(std::string_view a, std::string_view b);

// Well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text);

std::string to_hex(std::span<const std::uint8_t> bytes);
std::optional<std::vector<std::uint8_t>> from_hex(std::string_view text);

// base64 (RFC 4648): standard alphabet with padding, url alphabet without.
std::string to_base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);
std::string to_base64url(std::string_view bytes);
std::optional<std::string> from_base64url(std::string_view text);

// The candidate nearest to `text` by edit distance, for "did you mean"; empty when none is near.
std::string nearest(std::string_view text, std::span<const std::string_view> candidates);

} // namespace sluice
