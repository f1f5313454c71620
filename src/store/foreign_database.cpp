#include "store/foreign_database.hpp"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include <algorithm>
#include <utility>

namespace sluice::store {

namespace {

constexpr int busy_ms = 5'000;

Error unusable(const std::string& why) { return make_error(Errc::invalid, "database", why, {why}); }

// Names go into SQL, so only plain ones do.
bool is_plain(const std::string& name)
{
    return !name.empty() &&
           std::all_of(name.begin(), name.end(), [](char c) { return c == '_' || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
}

ForeignValue value_of(const SQLite::Column& column)
{
    if (column.isInteger()) return column.getInt64();
    if (column.isFloat()) return column.getDouble();
    if (column.isText() || column.isBlob()) return std::string{column.getString()};
    return std::monostate{};
}

} // namespace

bool looks_like_sqlite(std::string_view first_bytes)
{
    constexpr std::string_view magic{"SQLite format 3\0", 16};
    return first_bytes.substr(0, magic.size()) == magic;
}

ForeignDatabase::ForeignDatabase(std::unique_ptr<SQLite::Database> database) : database_(std::move(database)) {}
ForeignDatabase::ForeignDatabase(ForeignDatabase&&) noexcept = default;
ForeignDatabase& ForeignDatabase::operator=(ForeignDatabase&&) noexcept = default;
ForeignDatabase::~ForeignDatabase() = default;

Result<ForeignDatabase> ForeignDatabase::open(const std::string& path)
{
    try {
        auto database = std::make_unique<SQLite::Database>(path, SQLite::OPEN_READWRITE, busy_ms);
        database->exec("PRAGMA trusted_schema = OFF");
        database->exec("PRAGMA cell_size_check = ON");
        database->exec("PRAGMA journal_mode = DELETE");
        if (database->execAndGet("PRAGMA integrity_check").getString() != "ok") return unusable("the database is damaged");
        database->exec("PRAGMA query_only = ON");
        return ForeignDatabase{std::move(database)};
    } catch (const SQLite::Exception& problem) {
        return unusable(std::string{"it is not a database: "} + problem.what());
    }
}

bool ForeignDatabase::has(const std::string& table) const
{
    try {
        SQLite::Statement query(*database_, "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ? AND sql NOT LIKE 'CREATE VIRTUAL%'");
        query.bind(1, table);
        return query.executeStep();
    } catch (const SQLite::Exception&) {
        return false; // a schema that cannot be read has no tables
    }
}

Result<std::vector<ForeignRow>> ForeignDatabase::rows(const std::string& table) const
{
    std::vector<ForeignRow> rows;
    if (!is_plain(table) || !has(table)) return rows;
    try {
        SQLite::Statement query(*database_, "SELECT * FROM \"" + table + "\" ORDER BY 1");
        while (query.executeStep()) {
            if (rows.size() == most_rows) return unusable("table " + table + " has too many rows");
            ForeignRow row;
            for (int column = 0; column < query.getColumnCount(); ++column)
                row.emplace(query.getColumnName(column), value_of(query.getColumn(column)));
            rows.push_back(std::move(row));
        }
    } catch (const SQLite::Exception& problem) {
        return unusable("table " + table + ": " + problem.what());
    }
    return rows;
}

std::int64_t ForeignDatabase::count(const std::string& table) const
{
    if (!is_plain(table) || !has(table)) return 0;
    try {
        return database_->execAndGet("SELECT count(*) FROM \"" + table + "\"").getInt64();
    } catch (const SQLite::Exception&) {
        return 0;
    }
}

} // namespace sluice::store
