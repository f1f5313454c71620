#include "cli/option_table.hpp"
#include "cli/verbs.hpp"

#include <iostream>

namespace sluice::cli {

namespace {

constexpr std::size_t column = 31;

void put_row(std::string& out, const std::string& left, const std::string& right)
{
    out += "  " + left + std::string(left.size() + 2 < column ? column - left.size() - 2 : 1, ' ') + right + "\n";
}

} // namespace

int run_help()
{
    std::string out = "Sluice " SLUICE_VERSION ": forwards TCP and UDP ports, counts what passes, and serves the page to manage it.\n\n"
                      "  sluice                       panel and a local node in one process\n"
                      "  sluice COMMAND ...           see below\n\nCommands\n";
    for (const auto& verb : verb_table()) {
        if (verb.help.empty()) continue;
        put_row(out, std::string{verb.word} + (verb.arguments.empty() ? "" : " ") + std::string{verb.arguments}, std::string{verb.help});
    }
    put_row(out, "version, help", "");
    Group group{};
    bool first = true;
    for (const auto& row : option_table()) {
        if (first || row.group != group) out += "\n" + std::string{to_text(row.group)} + "\n";
        first = false;
        group = row.group;
        put_row(out, "--" + std::string{row.name} + (row.metavar.empty() ? "" : " ") + std::string{row.metavar},
                std::string{row.help} + (row.otherwise.empty() ? "" : " [" + std::string{row.otherwise} + "]"));
    }
    out += "\nEvery option is also a variable (SLUICE_DATA_DIR) and, but for --config, a key of the file; the command line\n"
           "counts before the variables, those before the file. SLUICE_ADMIN_PASSWORD sets the first password.\n";
    std::cout << out << std::flush;
    return std::cout ? exit_ok : exit_failed;
}

} // namespace sluice::cli
