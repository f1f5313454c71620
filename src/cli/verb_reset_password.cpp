#include "base/file.hpp"
#include "base/random.hpp"
#include "cli/first_boot.hpp"
#include "cli/verbs.hpp"
#include "panel/panel.hpp"
#include "panel/vault.hpp"
#include "store/store.hpp"

#include <iostream>
#include <string>
#include <unistd.h>

namespace sluice::cli {

namespace {

constexpr std::size_t random_length = 16;
constexpr std::size_t longest = 1024;

Result<Secret> new_password(const std::string& file)
{
    if (file.empty()) return Secret{random_password(random_length)};
    std::string text;
    if (file == "-") {
        std::getline(std::cin, text);
    } else {
        auto content = read_file(file, longest);
        if (!content) {
            const auto why = content.error().code == Errc::not_found ? file + " does not exist" : content.error().detail;
            return make_error(Errc::invalid, "password-file", why, {why});
        }
        text = std::move(*content);
    }
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    if (text.empty() || text.size() > longest) return make_error(Errc::invalid, "password-file", "", {"the new password is empty or too long"});
    return Secret{text};
}

} // namespace

// Works while the panel runs: users and sessions are read from the database for every request. Takes no lock for that reason.
int run_reset_password(const Options& options)
{
    const auto database = options.data_dir + "/sluice.db";
    if (!file_exists(database)) return complain(database + " does not exist; is --data-dir right?", exit_failed);
    const auto password = new_password(options.password_file);
    if (!password) return complain(password.error(), exit_usage);
    auto key = panel::load_or_create_key(options.data_dir + "/secret.key");
    if (!key) return complain(key.error(), exit_failed);
    auto store = store::Store::open({database, 1});
    if (!store) return complain(store.error(), exit_failed);
    const SystemClock clock;
    panel::Live live;
    panel::Panel panel(**store, clock, live, std::move(*key));
    const auto& name = options.arguments.front();
    const auto reset = panel.accounts().reset_password(name, *password);
    if (!reset)
        return reset.error().code == Errc::not_found ? complain("there is no user '" + name + "'", exit_failed)
                                                     : complain(reset.error(), exit_failed);
    ::unlink(initial_password_file(options.data_dir).c_str()); // what it says may no longer be true
    // The password alone on standard output, so that a script can take it.
    std::cerr << "Open sessions and tokens of " << name << " have ended; another password has to be chosen at the next sign-in." << std::endl;
    if (options.password_file.empty()) std::cout << password->reveal() << std::endl;
    return exit_ok;
}

} // namespace sluice::cli
