// The TOML file: option names as keys, strings, whole numbers, booleans and lists of strings as values. Decides nothing about what a value means.
#pragma once

#include "base/result.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {

struct FileValue {
    std::vector<std::string> texts;
    std::size_t line = 0; // where it stands, from 1
};

// By option name. Errors: invalid "option" with one line in args[0], "PATH:LINE: what is wrong": not TOML, an unknown key (with the nearest right one), an
// option that cannot stand in a file, a table, a value of another kind.
Result<std::map<std::string, FileValue>> parse_config(std::string_view text, const std::string& path);

} // namespace sluice::cli
