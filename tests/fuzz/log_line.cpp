// Fuzz target: log lines. Whatever a client sends, a line stays one line of well-formed UTF-8 without control characters, in text and
// in JSON, and the fields after it stay where they are.
#include "base/log.hpp"
#include "base/text.hpp"

#include <cstdlib>

using namespace sluice;

namespace {

void must(bool holds)
{
    if (!holds) std::abort();
}

// Where a quoted text that begins at `at` ends (one past its closing quote); 0 when it does not.
std::size_t end_of_quoted(std::string_view line, std::size_t at)
{
    for (++at; at < line.size(); ++at) {
        if (line[at] == '\\')
            ++at;
        else if (line[at] == '"')
            return at + 1;
    }
    return 0;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view value{reinterpret_cast<const char*>(data), size};
    log::Settings settings;
    for (const auto format : {log::Format::text, log::Format::json}) {
        settings.format = format;
        const auto line = log::render(settings, log::Level::info, 0, "event", {{"value", value}, {"last", 7}});
        must(is_utf8(line));
        for (const char c : line) must(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
        for (const std::string_view steers : {"\xE2\x80\xA8", "\xE2\x80\xA9", "\xE2\x80\xAE", "\xC2\x85", "\xC2\x9B"})
            must(line.find(steers) == std::string::npos);

        const std::string_view name = format == log::Format::text ? " value=" : ",\"value\":";
        const std::string_view rest = format == log::Format::text ? " last=7" : ",\"last\":7}";
        const auto at = line.find(name) + name.size();
        const auto end = line[at] == '"' ? end_of_quoted(line, at) : line.find(' ', at);
        must(end != 0 && line.substr(end) == rest);
    }
    return 0;
}
