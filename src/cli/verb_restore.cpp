#include "cli/data_dir.hpp"
#include "cli/verbs.hpp"
#include "panel/backup.hpp"

#include <iostream>

namespace sluice::cli {

namespace {

std::string words(const Error& error)
{
    if (error.code == Errc::conflict && error.field == "store.version")
        return "the backup was made by a newer program (its database has version " + error.args.at(0) + ", this program knows " + error.args.at(1) +
               ")";
    return error.detail.empty() ? describe(error) : error.detail;
}

} // namespace

int run_restore(const Options& options)
{
    auto folder = DataDir::open(options.data_dir); // also: no panel runs on it
    if (!folder) return complain(folder.error(), exit_failed);
    const SystemClock clock;
    if (const auto finished = panel::finish_restore(options.data_dir, clock.wall()); !finished) return complain(words(finished.error()), exit_failed);
    const auto report = panel::restore_backup(options.data_dir, options.arguments.front(), clock.wall());
    if (!report) return complain(words(report.error()), exit_failed);
    std::cout << "restored " << report->users << (report->users == 1 ? " user and " : " users and ") << report->forwards
              << (report->forwards == 1 ? " forward" : " forwards") << ", saved " << report->made_at << " by sluice " << report->made_by << "\n";
    if (!report->kept_in.empty()) std::cout << "what was there before is in " << report->kept_in << "\n";
    std::cout << std::flush;
    return exit_ok;
}

} // namespace sluice::cli
