#include "panel/full_backups.hpp"

#include "base/file.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "panel/context.hpp"
#include "store/store.hpp"

#include <unistd.h>

namespace sluice::panel {

Result<std::string> FullBackups::passing_file()
{
    if (context_.folder.empty()) return make_error(Errc::unavailable, "backup.folder", "this panel has no data directory");
    const auto folder = context_.folder + passing_folder;
    if (auto made = make_private_folder(folder); !made) return made.error();
    return folder + "/" + random_hex(8) + ".zip";
}

Result<std::string> FullBackups::write(const Actor& actor)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed.error();
    auto path = passing_file();
    if (!path) return path;
    // Who took everything away is part of history, so it is written before the file is.
    auto noted = context_.store->write([&](store::WriteTx& tx) -> Result<void> {
        audit(tx, context_, actor, "backup.full", 0);
        return {};
    });
    if (!noted) return noted.error();
    if (auto written = write_backup(context_.folder, *path, context_.clock->wall()); !written) return written.error();
    return path;
}

Result<RestoreReport> FullBackups::restore(const Actor& actor, std::string_view archive)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed.error();
    if (!context_.restart) return make_error(Errc::unavailable, "backup.restart", "this process cannot be started again from here");
    const auto path = passing_file();
    if (!path) return path.error();
    if (auto written = write_file_atomically(*path, archive); !written) return written.error();
    auto report = stage_restore(context_.folder, *path);
    ::unlink(path->c_str());
    if (!report) return report;
    log::warning("a full backup will be restored; starting again",
                 {{"user", actor.name}, {"address", actor.address.to_text()}, {"made", report->made_at}});
    context_.restart();
    return report;
}

} // namespace sluice::panel
