// An SQLite file of another program, read row by row without knowing its schema in advance. The file may be hostile: only tables are read, never
// views, nothing of its schema is trusted, and what it holds is bounded.
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace SQLite {
class Database;
}

namespace sluice::store {

using ForeignValue = std::variant<std::monostate, std::int64_t, double, std::string>;
using ForeignRow = std::map<std::string, ForeignValue>; // by column name, as spelt in the file

// "SQLite format 3", 0: how such a file begins.
bool looks_like_sqlite(std::string_view first_bytes);

class ForeignDatabase {
public:
    static constexpr std::size_t most_rows = 2'000'000; // of one table

    // The file is a copy that belongs to the caller: a journal that it asks for is folded in. Errors: invalid "database" (args[0] says why).
    static Result<ForeignDatabase> open(const std::string& path);
    ForeignDatabase(ForeignDatabase&&) noexcept;
    ForeignDatabase& operator=(ForeignDatabase&&) noexcept;
    ~ForeignDatabase();

    bool has(const std::string& table) const;
    // All rows by id; none when the table is not there. Errors: invalid "database" (damaged, or too many rows).
    Result<std::vector<ForeignRow>> rows(const std::string& table) const;
    std::int64_t count(const std::string& table) const; // 0 when the table is not there or cannot be read

private:
    explicit ForeignDatabase(std::unique_ptr<SQLite::Database> database);
    std::unique_ptr<SQLite::Database> database_;
};

} // namespace sluice::store
