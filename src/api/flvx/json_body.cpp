#include "api/flvx/json_body.hpp"

#include "base/text.hpp"

#include <charconv>
#include <cmath>
#include <system_error>

namespace sluice::flvx {

namespace {

constexpr std::size_t deepest = 64;

// 5.0 and 5e0 are the integer 5 for clients whose language has one kind of number; the largest such is 2^53.
std::string float_text(double value)
{
    constexpr double largest = 9'007'199'254'740'992.0;
    if (std::trunc(value) == value && std::abs(value) <= largest) return std::to_string(static_cast<std::int64_t>(value));
    return Json(value).dump();
}

std::string as_text(const Json& value)
{
    switch (value.type()) {
    case Json::value_t::string: return std::string{trim(value.get_ref<const std::string&>())};
    case Json::value_t::number_integer: return std::to_string(value.get<std::int64_t>());
    case Json::value_t::number_unsigned: return std::to_string(value.get<std::uint64_t>());
    case Json::value_t::number_float: return float_text(value.get<double>());
    case Json::value_t::boolean: return value.get<bool>() ? "true" : "false";
    default: return {};
    }
}

} // namespace

std::optional<std::string_view> first_value(std::string_view text)
{
    if (!is_utf8(text)) return std::nullopt;
    const auto start = text.find_first_not_of(" \t\r\n");
    if (start == std::string_view::npos) return std::nullopt;
    std::size_t depth = 0;
    bool in_string = false;
    for (std::size_t at = start; at < text.size(); ++at) {
        const char c = text[at];
        if (in_string) {
            if (c == '\\')
                ++at;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > deepest) return std::nullopt;
        } else if (c == '}' || c == ']') {
            if (depth == 0) return std::nullopt;
            if (--depth == 0) return text.substr(start, at + 1 - start);
        }
    }
    return text.substr(start); // a scalar, or cut off: the parser decides
}

std::optional<std::int64_t> exact_integer_of(const Json& value)
{
    if (!value.is_number_integer()) return std::nullopt;
    if (value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
    return value.get<std::int64_t>();
}

std::int64_t integer_of(const Json& value, std::int64_t fallback) { return parse_int(as_text(value)).value_or(fallback); }

Result<Body> Body::parse(std::string_view text)
{
    const auto value = first_value(text);
    if (!value) return make_error(Errc::invalid, "body");
    Body body;
    body.object_ = Json::parse(*value, nullptr, false);
    if (body.object_.is_discarded() || !body.object_.is_object()) return make_error(Errc::invalid, "body");
    return body;
}

std::string Body::text(const char* key) const
{
    const auto found = object_.find(key);
    return found == object_.end() ? std::string{} : as_text(*found);
}

std::int64_t Body::integer(const char* key, std::int64_t fallback) const { return parse_int(text(key)).value_or(fallback); }

double Body::number(const char* key, double fallback) const
{
    const auto found = object_.find(key);
    if (found == object_.end()) return fallback;
    if (found->is_number()) return found->get<double>();
    if (!found->is_string()) return fallback;
    const auto text = trim(found->get_ref<const std::string&>());
    double parsed = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), parsed);
    return problem == std::errc{} && end == text.data() + text.size() && std::isfinite(parsed) ? parsed : fallback;
}

std::optional<std::int64_t> Body::id(const char* key) const
{
    const auto value = integer(key, 0);
    if (value <= 0) return std::nullopt;
    return value;
}

std::vector<std::int64_t> Body::ids(const char* key) const
{
    std::vector<std::int64_t> out;
    if (!is_list(key)) return out;
    for (const auto& item : object_[key]) {
        const auto value = integer_of(item, 0);
        if (value > 0) out.push_back(value);
    }
    return out;
}

std::string Body::exact_text(const char* key)
{
    const auto found = object_.find(key);
    if (found == object_.end() || found->is_null()) return {};
    if (!found->is_string()) {
        bad_ = true;
        return {};
    }
    return found->get<std::string>();
}

std::int64_t Body::exact_integer(const char* key)
{
    const auto found = object_.find(key);
    if (found == object_.end() || found->is_null()) return 0;
    const auto value = exact_integer_of(*found);
    if (!value) bad_ = true;
    return value.value_or(0);
}

} // namespace sluice::flvx
