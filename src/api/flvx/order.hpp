// {"nodes":[{"id":1,"inx":0},...]}, and the published skill's {"orders":[{"id":1,"order":0}]} (FLVX contract 8, row 23).
#pragma once

#include "api/flvx/json_body.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace sluice::flvx {

// Errors: invalid "body".
template <class SomeId>
Result<std::vector<std::pair<SomeId, std::int64_t>>> read_order(const Body& body, const char* key)
{
    std::vector<std::pair<SomeId, std::int64_t>> order;
    const char* name = body.either(key, "orders");
    if (!body.is_list(name)) return make_error(Errc::invalid, "body");
    for (const auto& item : body.json()[name]) {
        if (!item.is_object() || !item.contains("id") || !item["id"].is_number_integer()) return make_error(Errc::invalid, "body");
        const auto place = item.find(item.contains("inx") ? "inx" : "order");
        if (place == item.end() || !place->is_number_integer()) return make_error(Errc::invalid, "body");
        order.emplace_back(SomeId{item["id"].template get<std::int64_t>()}, place->template get<std::int64_t>());
    }
    return order;
}

} // namespace sluice::flvx
