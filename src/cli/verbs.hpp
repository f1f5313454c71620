// One function per verb, each in its own file; the return value is the exit code: 0 done, 1 it failed, 2 it was asked wrongly.
// Answers go to standard output, complaints in one line to standard error.
#pragma once

#include "base/error.hpp"
#include "cli/options.hpp"

#include <string>

namespace sluice::cli {

inline constexpr int exit_ok = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;

int run_help();
int run_version(const Options& options);
int run_check_config(const Options& options);
int run_diagnose(const Options& options);
int run_backup(const Options& options);
int run_restore(const Options& options);
int run_reset_password(const Options& options);
int run_enrol(const Options& options);
int run_unlock(const Options& options);
int run_import_flvx(const Options& options);

// Whichever verb it is but Verb::serve.
int run_verb(const Options& options);

// "sluice: MESSAGE" on standard error; returns `code`.
int complain(const std::string& message, int code);
// The same with the error's own line (args[0] when there is one, else code, field and detail).
int complain(const Error& error, int code);

} // namespace sluice::cli
