#include "cli/option_table.hpp"
#include "cli/verbs.hpp"

#include <iostream>

namespace sluice::cli {

// Whatever is wrong was said while the options were parsed; what is left is to show the outcome, as a file would have it.
int run_check_config(const Options& options)
{
    for (const auto& row : option_table()) {
        if (row.verb != Verb::serve) continue;
        const auto origin = options.origins.find(std::string{row.name});
        std::cout << (row.sources.file ? "" : "# ") << row.name << " = " << row.show(options) << "  # "
                  << (origin == options.origins.end() ? "default" : origin->second) << "\n";
    }
    for (const auto& warning : options.warnings) std::cout << "# warning: " << warning << "\n";
    std::cout << "# " << (options.config_file.empty() ? "no configuration file" : "configuration file " + options.config_file) << ": fine"
              << std::endl;
    return std::cout ? exit_ok : exit_failed;
}

} // namespace sluice::cli
