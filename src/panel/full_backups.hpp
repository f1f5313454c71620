// The full backup (panel/backup.hpp) of a panel that runs: taken while it works, put back by checking and deciding now and moving at the next start,
// which follows at once. Administrators only.
#pragma once

#include "base/result.hpp"
#include "panel/actor.hpp"
#include "panel/backup.hpp"

#include <string>
#include <string_view>

namespace sluice::panel {

struct Context;

class FullBackups {
public:
    explicit FullBackups(Context& context) : context_(context) {}

    // A file of this process alone (mode 0600); whoever asked removes it. Errors: forbidden "role", unavailable "backup.folder" (there is no data
    // directory), and those of write_backup.
    Result<std::string> write(const Actor& actor);

    // The process ends in order and starts anew with what the backup holds. Errors: forbidden "role", unavailable "backup.restart" (nobody can start this
    // process again: restore at the console), and those of stage_restore. Nothing happens on an error.
    Result<RestoreReport> restore(const Actor& actor, std::string_view archive);

private:
    Result<std::string> passing_file();
    Context& context_;
};

} // namespace sluice::panel
