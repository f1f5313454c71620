// A database as a file that somebody else may be using: copied while a panel writes it, and looked at before it replaces another.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace sluice::store {

// A consistent copy of the database at `path` (in use or not) as the new file `to`, mode 0600, without a journal beside it. Neither is migrated. Errors: not_found "file",
// unavailable "store", unavailable "store.full".
Result<void> copy_database(const std::string& path, const std::string& to);

struct DatabaseFacts {
    std::int64_t version = 0; // of the schema
    std::int64_t users = 0;
    std::int64_t forwards = 0;
    std::optional<std::string> setting; // the one asked for
};

// Checks a file that nobody uses: whole, consistent, ours, not newer than this program. Leaves one file without a journal. Errors: invalid "database" (args[0] says why),
// conflict "store.version".
Result<DatabaseFacts> inspect_database(const std::string& path, const std::string& setting);

} // namespace sluice::store
