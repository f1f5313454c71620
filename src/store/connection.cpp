#include "store/connection.hpp"

#include "base/log.hpp"
#include "store/migrations.hpp"

#include <SQLiteCpp/Transaction.h>

#include <sqlite3.h>

namespace sluice::store {

std::unique_ptr<SQLite::Database> connect(const std::string& path, Access access)
{
    const int flags = (access == Access::read_write ? SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE : SQLite::OPEN_READWRITE) | SQLite::OPEN_NOMUTEX;
    auto database = std::make_unique<SQLite::Database>(path, flags, 5000);
    database->exec("PRAGMA journal_mode=WAL");
    // With WAL, NORMAL survives a killed process; only a power cut may take the last commits, never consistency.
    database->exec("PRAGMA synchronous=NORMAL");
    database->exec("PRAGMA foreign_keys=ON");
    database->exec("PRAGMA temp_store=MEMORY");
    if (access == Access::read_only) database->exec("PRAGMA query_only=ON");
    return database;
}

Result<void> migrate(SQLite::Database& database) { return migrate(database, migrations().back().number); }

Result<void> migrate(SQLite::Database& database, std::int64_t up_to)
{
    const std::int64_t have = database.execAndGet("PRAGMA user_version").getInt64();
    const std::int64_t newest = migrations().back().number;
    if (have > newest)
        return make_error(Errc::conflict, "store.version", "the database was made by a newer program",
                          {std::to_string(have), std::to_string(newest)});
    for (const auto& migration : migrations()) {
        if (migration.number <= have || migration.number > up_to) continue;
        SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
        database.exec(std::string{migration.sql});
        database.exec("PRAGMA user_version=" + std::to_string(migration.number));
        transaction.commit();
        log::info("database migrated", {{"to", migration.number}, {"name", migration.name}});
    }
    return {};
}

Error to_error(const SQLite::Exception& problem)
{
    switch (problem.getErrorCode()) {
    case SQLITE_FULL: return make_error(Errc::unavailable, "store.full", problem.what());
    case SQLITE_CONSTRAINT: return make_error(Errc::conflict, "store.constraint", problem.what());
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return make_error(Errc::unavailable, "store.busy", problem.what());
    default: return make_error(Errc::unavailable, "store", problem.what());
    }
}

} // namespace sluice::store
