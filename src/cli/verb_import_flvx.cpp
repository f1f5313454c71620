// Moves an FLVX panel in: says what will come over and what will not, then does it when told so. The panel must not be running: its node may get
// another id.
#include "api/flvx/migration.hpp"
#include "cli/data_dir.hpp"
#include "cli/first_boot.hpp"
#include "cli/verbs.hpp"
#include "panel/backup.hpp"
#include "panel/panel.hpp"
#include "panel/vault.hpp"
#include "store/store.hpp"

#include <iostream>
#include <unistd.h>

namespace sluice::cli {

namespace {

std::string words(const Error& error)
{
    if (error.field == "import" && error.args.size() >= 2) return "nothing was changed: " + error.args[0] + ", " + error.args[1];
    if (!error.args.empty() && error.code == Errc::invalid) return error.args.front();
    return error.detail.empty() ? describe(error) : error.detail;
}

// At a terminal a person is asked; elsewhere --yes says it.
bool confirmed(const Options& options)
{
    if (options.yes) return true;
    if (::isatty(STDIN_FILENO) == 0) return false;
    std::cout << "Move in? [y/N] " << std::flush;
    std::string answer;
    std::getline(std::cin, answer);
    return answer == "y" || answer == "Y" || answer == "yes";
}

} // namespace

int run_import_flvx(const Options& options)
{
    auto folder = DataDir::open(options.data_dir); // also: no panel runs on it
    if (!folder) return complain(folder.error(), exit_failed);
    const SystemClock clock;
    if (const auto finished = panel::finish_restore(options.data_dir, clock.wall()); !finished) return complain(words(finished.error()), exit_failed);
    const auto file = panel::ForeignFile::of_path(options.data_dir, options.arguments.front());
    if (!file) return complain(words(file.error()), exit_failed);
    const auto migration = flvx::read_migration(*file);
    if (!migration) return complain(words(migration.error()), exit_failed);

    auto key = panel::load_or_create_key(options.data_dir + "/secret.key");
    if (!key) return complain(key.error(), exit_failed);
    auto store = store::Store::open({options.data_dir + "/sluice.db", 1});
    if (!store) return complain(store.error(), exit_failed);
    panel::Live live;
    panel::Panel panel(**store, clock, live, std::move(*key));
    panel.accounts().when_credentials_change([path = initial_password_file(options.data_dir)](UserId user) {
        if (user == UserId{1}) ::unlink(path.c_str()); // what it says is no longer true
    });
    const panel::Actor console{UserId{}, "console", domain::Role::admin, {}};

    const auto preview = panel.transfers().preview(console, migration->snapshot);
    if (!preview) return complain(words(preview.error()), exit_failed);
    for (const auto& line : flvx::migration_lines(*migration, *preview)) std::cout << line << "\n";
    std::cout << std::flush;
    if (!preview->possible) return complain("some of it is taken here by something else (see 'taken' above); nothing was changed", exit_failed);
    if (!confirmed(options)) {
        std::cout << "Nothing was changed. Add --yes to do it." << std::endl;
        return exit_ok;
    }
    const auto done = panel.transfers().move_in(console, migration->snapshot, {});
    if (!done) return complain(words(done.error()), exit_failed);
    std::cout << "Done." << std::endl;
    return exit_ok;
}

} // namespace sluice::cli
