// Reading JSON from outside, field by field: every way of being malformed ends in one exception, which never leaves the decoder that
// uses this. For sources of this room only; nlohmann/json stays out of its other headers.
#pragma once

#include "base/address.hpp"
#include "base/time.hpp"
#include "plan/plan.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>

namespace sluice::link {

using nlohmann::json;

struct Malformed {
    std::string field;
};

template <class T>
T number(const json& from, const char* field, std::int64_t least, std::int64_t most)
{
    const auto& at = from.at(field);
    if (!at.is_number_integer()) throw Malformed{field}; // a fraction or 1e300 has no honest conversion
    if (at.is_number_unsigned() && at.get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX)) throw Malformed{field};
    const auto value = at.get<std::int64_t>();
    if (value < least || value > most) throw Malformed{field};
    return static_cast<T>(value);
}

inline std::uint64_t any_unsigned(const json& from, const char* field)
{
    const auto& at = from.at(field);
    if (!at.is_number_integer() || (!at.is_number_unsigned() && at.get<std::int64_t>() < 0)) throw Malformed{field};
    return at.get<std::uint64_t>();
}

inline Seconds seconds(const json& from, const char* field) { return Seconds{number<std::int64_t>(from, field, 0, 10'000'000)}; }

// At most `longest` bytes.
inline std::string words(const json& from, const char* field, std::size_t longest)
{
    auto value = from.at(field).get<std::string>();
    if (value.size() > longest) throw Malformed{field};
    return value;
}

inline const json& list(const json& from, const char* field, std::size_t most)
{
    const auto& at = from.at(field);
    if (!at.is_array() || at.size() > most) throw Malformed{field};
    return at;
}

inline IpAddress address(const json& from, const char* field)
{
    const auto parsed = IpAddress::parse(from.at(field).get<std::string>());
    if (!parsed) throw Malformed{field};
    return *parsed;
}

// A plan as a JSON value (plan_json.cpp); the second throws Malformed or json::exception.
json plan_to_json(const plan::Plan& plan);
plan::Plan plan_from_json(const json& from);
// Its parts. An exit's forward has no listener, hence no port.
json forward_to_json(const plan::Forward& forward);
plan::Forward forward_from_json(const json& from, bool at_exit);
json tunnel_to_json(const plan::Tunnel& tunnel);
plan::Tunnel tunnel_from_json(const json& from);

} // namespace sluice::link
