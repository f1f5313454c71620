// The numbered migrations, compiled in from src/store/migrations/NNNN_name.sql. Never edited once released.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace sluice::store {

struct Migration {
    std::int64_t number = 0; // 1, 2, 3, ... without a gap
    std::string_view name;
    std::string_view sql;
};

const std::vector<Migration>& migrations();

} // namespace sluice::store
