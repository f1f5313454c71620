// Everything that is stored, as one file, and back: the database (a consistent copy), the key that its secrets are encrypted with, the
// certificate, and the configuration file. Works on the data directory's files, with or without a running panel.
//
// A restore is all or nothing, also when the power fails in between: the new files are unpacked and checked in DIR/restore-new, that folder is renamed to
// DIR/restore-ready (from there on the restore will happen), and finish_restore() moves file by file; it is called again at every start.
// What was there before is kept in DIR/before-restore-TIME.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"

#include <cstdint>
#include <string>

namespace sluice::panel {

// Writes the backup of data directory `folder` to `path` (mode 0600); a copy of the database lies beside it meanwhile. Errors: not_found "file" (no
// database there), conflict "file" (path exists), unavailable "file" or "store".
Result<void> write_backup(const std::string& folder, const std::string& path, WallTime now);

struct RestoreReport {
    std::string made_by; // the program's version
    std::string made_at; // ISO 8601, UTC
    std::int64_t users = 0;
    std::int64_t forwards = 0;
    std::string kept_in; // folder with what was there before; empty when there was nothing
};

// Puts a backup into `folder`, which nobody else uses meanwhile (the caller holds its lock). Errors: not_found "file"; invalid "archive" or "backup" (args[1] says what
// is wrong: not a backup, damaged, another key); conflict "store.version" (made by a newer program); unavailable "file". Nothing is changed on an error.
Result<RestoreReport> restore_backup(const std::string& folder, const std::string& path, WallTime now);

// The first half of restore_backup: everything is checked and decided, and nothing that a running panel uses is touched. finish_restore() at the next
// start does the rest; `kept_in` is empty. Errors: also conflict "backup.decided".
Result<RestoreReport> stage_restore(const std::string& folder, const std::string& path);

// For files on their way in or out, below the data directory; emptied at every start.
inline constexpr const char* passing_folder = "/passing";

// Completes a restore that was decided and not completed. True when there was one.
Result<bool> finish_restore(const std::string& folder, WallTime now);

} // namespace sluice::panel
