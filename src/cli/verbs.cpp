#include "cli/verbs.hpp"

#include <iostream>

namespace sluice::cli {

int run_verb(const Options& options)
{
    switch (options.verb) {
    case Verb::help: return run_help();
    case Verb::version: return run_version(options);
    case Verb::check_config: return run_check_config(options);
    case Verb::diagnose: return run_diagnose(options);
    case Verb::backup: return run_backup(options);
    case Verb::restore: return run_restore(options);
    case Verb::reset_password: return run_reset_password(options);
    case Verb::enrol: return run_enrol(options);
    case Verb::unlock: return run_unlock(options);
    case Verb::import_flvx: return run_import_flvx(options);
    case Verb::serve: break;
    }
    return complain("nothing to do", exit_usage);
}

int complain(const std::string& message, int code)
{
    std::string line = "sluice: ";
    for (const char letter : message) line += letter == '\n' || letter == '\r' ? ' ' : letter; // one line, whatever is in it
    std::cerr << line << std::endl;
    return code;
}

int complain(const Error& error, int code)
{
    if (!error.detail.empty() && (error.code == Errc::unavailable || error.code == Errc::conflict)) return complain(error.detail, code);
    return complain(error.args.empty() ? describe(error) : error.args.front(), code);
}

} // namespace sluice::cli
