// {"nodes":[{"id":1,"inx":0},...]}, and the published skill's {"orders":[{"id":1,"order":0}]} (FLVX contract 8, row 23).
#pragma once

#include "api/flvx/json_body.hpp"
#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace sluice::flvx {

inline constexpr std::size_t most_orders = 100'000;

// Errors: invalid "body".
template <class SomeId>
Result<std::vector<std::pair<SomeId, std::int64_t>>> read_order(const Body& body, const char* key)
{
    std::vector<std::pair<SomeId, std::int64_t>> order;
    const char* name = body.either(key, "orders");
    if (!body.is_list(name) || body.json()[name].size() > most_orders) return make_error(Errc::invalid, "body");
    for (const auto& item : body.json()[name]) {
        if (!item.is_object() || !item.contains("id")) return make_error(Errc::invalid, "body");
        const auto place = item.find(item.contains("inx") ? "inx" : "order");
        if (place == item.end()) return make_error(Errc::invalid, "body");
        const auto id = exact_integer_of(item["id"]);
        const auto position = exact_integer_of(*place);
        if (!id || !position) return make_error(Errc::invalid, "body");
        order.emplace_back(SomeId{*id}, *position);
    }
    return order;
}

} // namespace sluice::flvx
