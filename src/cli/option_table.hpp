// The one table of options: parsing, environment names, file keys, --help and check-config are all read from it. A row that is missing
// here does not exist anywhere.
#pragma once

#include "base/result.hpp"
#include "cli/options.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {

enum class Group { role, general, panel, node, of_verbs };
std::string_view to_text(Group group); // heading in --help

enum class Takes { nothing, value, list }; // a list may be given several times; the higher source replaces the lower one's whole list

// Where an option may come from, besides the command line.
struct Sources {
    bool environment = true;
    bool file = true;
};

struct OptionRow {
    std::string_view name;    // "data-dir": --data-dir, SLUICE_DATA_DIR, data-dir = "..."
    std::string_view metavar; // empty when it takes nothing
    std::string_view help;
    std::string_view otherwise; // the default, in words; empty when there is none to name
    Group group;
    Takes takes;
    Sources sources;
    // The verb it belongs to; Verb::serve rows go with every verb.
    Verb verb;
    // Sets the option from its texts (exactly one unless a list; "true" or "false" when it takes nothing). The error has the reason, without
    // the option's name, in args[0].
    Result<void> (*apply)(Options& options, const std::vector<std::string>& values);
    // The value in effect, as a file would have it; what check-config prints.
    std::string (*show)(const Options& options);
};

std::span<const OptionRow> option_table();
const OptionRow* find_option(std::string_view name); // nullptr when there is none

std::string environment_name(const OptionRow& row); // "SLUICE_DATA_DIR"

// Verbs by their words, in the order of --help.
struct VerbRow {
    Verb verb;
    std::string_view word;
    std::string_view arguments; // "FILE"
    std::string_view help;
    std::size_t fewest = 0;
    std::size_t most = 0;
};
std::span<const VerbRow> verb_table();

} // namespace sluice::cli
