// Fuzz target: the TOML file. What is accepted names options that a file may set, with the line where each stands; what is refused says so
// in one line that begins with the place.
#include "cli/config_file.hpp"
#include "cli/option_table.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

using namespace sluice;
using namespace sluice::cli;

namespace {

void must(bool holds)
{
    if (!holds) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
    const auto values = parse_config(text, "file");
    if (!values) {
        must(values.error().code == Errc::invalid && values.error().args.size() == 1);
        const auto& words = values.error().args.front();
        must(words.starts_with("file:") && words.size() < 1'000 && words.find('\n') == std::string::npos);
        return 0;
    }
    for (const auto& [name, value] : *values) {
        const auto* row = find_option(name);
        must(row != nullptr && row->sources.file);
        must(value.line >= 1 && value.line <= lines);
        must(row->takes == Takes::list || value.texts.size() == 1);
        Options options;
        static_cast<void>(row->apply(options, value.texts)); // refuses or sets, never fails otherwise
        static_cast<void>(row->show(options));
    }
    return 0;
}
