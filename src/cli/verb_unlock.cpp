#include "base/file.hpp"
#include "cli/verbs.hpp"
#include "panel/panel.hpp"
#include "panel/vault.hpp"
#include "store/store.hpp"

#include <iostream>
#include <string>

namespace sluice::cli {

// What may keep people out beside a forgotten password. Works while the panel runs: all of it is read from the database for every request.
int run_unlock(const Options& options)
{
    const auto database = options.data_dir + "/sluice.db";
    if (!file_exists(database)) return complain(database + " does not exist; is --data-dir right?", exit_failed);
    auto key = panel::load_or_create_key(options.data_dir + "/secret.key");
    if (!key) return complain(key.error(), exit_failed);
    auto store = store::Store::open({database, 1});
    if (!store) return complain(store.error(), exit_failed);
    const SystemClock clock;
    panel::Live live;
    panel::Panel panel(**store, clock, live, std::move(*key));
    const auto opened = panel.settings().unlock();
    if (!opened) return complain(opened.error(), exit_failed);
    std::cout << (opened->captcha ? "The captcha is switched off." : "No captcha was asked for.") << '\n'
              << (opened->addresses ? "Administrators may come from every address." : "Administrators could come from every address already.")
              << std::endl;
    if (options.arguments.empty()) return exit_ok;
    const auto& name = options.arguments.front();
    const auto removed = panel.second_factors().remove_for(name);
    if (!removed)
        return removed.error().code == Errc::not_found ? complain("there is no user '" + name + "'", exit_failed)
                                                       : complain(removed.error(), exit_failed);
    std::cout << (*removed ? "The second factor of " + name + " is switched off." : name + " had no second factor.") << std::endl;
    return exit_ok;
}

} // namespace sluice::cli
