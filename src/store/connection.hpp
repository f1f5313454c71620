// How every connection of the program is set up, and how SQLite's failures become ours.
#pragma once

#include "base/result.hpp"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>

#include <cstdint>
#include <memory>
#include <string>

namespace sluice::store {

enum class Access { read_only, read_write };

// WAL, foreign keys, 5 s busy timeout. Throws SQLite::Exception.
std::unique_ptr<SQLite::Database> connect(const std::string& path, Access access);

// Applies missing migrations, each in its own transaction together with its number. Errors: conflict "store.version" (newer than
// this program), unavailable "store".
Result<void> migrate(SQLite::Database& database);
// Only up to migration `up_to`, for tests of single migrations.
Result<void> migrate(SQLite::Database& database, std::int64_t up_to);

// unavailable "store.full" for a full disk, conflict "store.constraint" for a violated constraint, else unavailable "store".
Error to_error(const SQLite::Exception& problem);

} // namespace sluice::store
