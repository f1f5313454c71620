#include "cli/verbs.hpp"
#include "panel/backup.hpp"

#include <iostream>

namespace sluice::cli {

// Needs no lock: the copy of the database is consistent while a panel writes, and nothing else is changed.
int run_backup(const Options& options)
{
    const auto& path = options.arguments.front();
    if (const auto written = panel::write_backup(options.data_dir, path, SystemClock{}.wall()); !written)
        return complain(written.error().detail.empty() ? describe(written.error()) : written.error().detail, exit_failed);
    std::cout << "wrote " << path << "\nIt holds passwords' hashes and the key to every stored secret: keep it private." << std::endl;
    return exit_ok;
}

} // namespace sluice::cli
