// A whole FLVX panel as a file: the JSON of its export, or its SQLite database (contract 3). Both become the rows that a backup object becomes.
#pragma once

#include "api/flvx/backup_json.hpp"
#include "base/result.hpp"
#include "panel/foreign_file.hpp"
#include "panel/transfer.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::flvx {

// What the file has and this panel does not take.
struct LeftBehind {
    std::string what; // the table's or section's name there
    std::int64_t rows = 0;
    std::string_view why;
};

struct Migration {
    std::string form; // "sqlite", "json"
    domain::Snapshot snapshot;
    std::vector<domain::Remarked> remarks; // said while reading
    std::vector<LeftBehind> left_behind;
};

// Errors: invalid "migration.file" (neither of both, args[0] says why), and those of reading the file.
Result<Migration> read_migration(const panel::ForeignFile& file);

// What comes over, what does not and why; the same before (preview) and after.
Json migration_json(const Migration& migration, const panel::TransferReport& report);
// The same for people at a console, one line each.
std::vector<std::string> migration_lines(const Migration& migration, const panel::TransferReport& report);

} // namespace sluice::flvx
