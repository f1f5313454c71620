// The program: parse, then do one thing.
#include "base/log.hpp"
#include "cli/options.hpp"
#include "cli/programs.hpp"
#include "cli/serve.hpp"
#include "cli/static_fixes.hpp"
#include "cli/verbs.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

int main(int count, char** words)
{
    using namespace sluice;
    cli::keep_to_ourselves();
    cli::keep_memory_small();
    ::umask(077); // whatever is written holds something private
    std::signal(SIGPIPE, SIG_IGN);
    if (const auto code = cli::stand_in()) return *code;
    try {
        const auto environment = cli::read_environment(environ);
        const auto read_options = [&environment, arguments = std::vector<std::string>(words + (count > 0 ? 1 : 0), words + count)] {
            return cli::parse_options(arguments, environment);
        };
        const auto options = read_options();
        if (!options) return cli::complain(options.error(), cli::exit_usage);
        log::configure(cli::log_settings(*options, environment));
        if (options->verb != cli::Verb::serve) return cli::run_verb(*options);
        cli::start_upgraded(*options, words);
        for (const auto& warning : options->warnings) log::warning("configuration", {{"problem", warning}});
        const int code = cli::serve(*options, environment, read_options);
        if (code != cli::restart_wanted) return code;
        ::execv("/proc/self/exe", words); // also when the file on disk was replaced meanwhile
        ::execv(words[0], words);         // no /proc
        return cli::complain(std::string{"cannot start again: "} + std::strerror(errno), cli::exit_failed);
    } catch (const std::exception& problem) {
        return cli::complain(std::string{"unexpected failure: "} + problem.what(), cli::exit_failed);
    }
}
