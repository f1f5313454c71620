#include "cli/config_file.hpp"

#include "base/text.hpp"
#include "base/toml_assertions.hpp"
#include "cli/option_table.hpp"

#include <optional>
#include <stdexcept>
#include <toml++/toml.h>

namespace sluice::cli {

namespace {

constexpr std::size_t longest_shown = 60;

std::optional<std::string> scalar(const toml::node& node)
{
    if (const auto* text = node.as_string()) return text->get();
    if (const auto* number = node.as_integer()) return std::to_string(number->get());
    if (const auto* truth = node.as_boolean()) return truth->get() ? "true" : "false";
    return std::nullopt;
}

std::string shown(std::string_view text) { return std::string{text.substr(0, longest_shown)}; }

std::string unknown_key(std::string_view key)
{
    std::vector<std::string_view> names;
    for (const auto& row : option_table()) {
        if (row.sources.file) names.push_back(row.name);
    }
    const auto near = nearest(key, names);
    return "unknown key '" + shown(key) + "'" + (near.empty() ? "" : "; did you mean '" + near + "'?");
}

// An assertion knows no place; the shortest beginning of the file that still fails ends with it.
std::size_t first_line_that_asserts(std::string_view text)
{
    std::size_t line = 1;
    for (auto end = text.find('\n'); end != std::string_view::npos; end = text.find('\n', end + 1), ++line) {
        try {
            static_cast<void>(toml::parse(text.substr(0, end)));
        } catch (const toml::parse_error&) {
            continue; // cut in the middle of a value, for instance
        } catch (const std::logic_error&) {
            return line;
        }
    }
    return line;
}

} // namespace

Result<std::map<std::string, FileValue>> parse_config(std::string_view text, const std::string& path)
{
    const auto bad = [&path](std::size_t line, const std::string& why) {
        auto words = path + ":" + std::to_string(line) + ": " + why;
        for (char& c : words) // a key may hold a line end; the message is one line
            if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
        return make_error(Errc::invalid, "option", words, {words});
    };
    toml::table table;
    try {
        table = toml::parse(text);
    } catch (const toml::parse_error& problem) {
        return bad(problem.source().begin.line, std::string{problem.description()});
    } catch (const std::logic_error&) {
        return bad(first_line_that_asserts(text), "malformed key");
    }
    std::map<std::string, FileValue> values;
    for (auto&& [key, node] : table) {
        const std::size_t line = node.source().begin.line;
        const auto* row = find_option(key.str());
        if (row == nullptr) return bad(line, unknown_key(key.str()));
        if (!row->sources.file) return bad(line, "'" + std::string{row->name} + "' cannot be set in a file");
        FileValue value{{}, line};
        if (const auto* list = node.as_array(); list != nullptr && row->takes == Takes::list) {
            for (const auto& element : *list) {
                auto one = scalar(element);
                if (!one) return bad(line, "'" + std::string{row->name} + "' has to be a list of texts");
                value.texts.push_back(std::move(*one));
            }
        } else if (auto one = scalar(node)) {
            value.texts.push_back(std::move(*one));
        } else {
            return bad(line, "'" + std::string{row->name} + "' has to be " +
                                 (row->takes == Takes::list      ? "a text or a list of texts"
                                  : row->takes == Takes::nothing ? "true or false"
                                                                 : "one text or number"));
        }
        values.emplace(row->name, std::move(value));
    }
    return values;
}

} // namespace sluice::cli
