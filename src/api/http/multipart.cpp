#include "api/http/multipart.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace sluice::http {

namespace {

constexpr std::size_t parts_limit = 100;
constexpr std::size_t head_limit = 4 * 1024;
constexpr std::size_t boundary_limit = 70;
constexpr std::string_view line_end = "\r\n";

// Takes the next parameter (";name=value" or ;name="value", a backslash escapes) off `text`. False when it is malformed.
bool take_parameter(std::string_view& text, std::string& name, std::string& value)
{
    text = trim(text);
    if (text.empty() || text.front() != ';') return false;
    text.remove_prefix(1);
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) return false;
    name = to_lower(trim(text.substr(0, equals)));
    text.remove_prefix(equals + 1);
    value.clear();
    if (text.empty() || text.front() != '"') {
        const auto end = std::min(text.find(';'), text.size());
        value = std::string{trim(text.substr(0, end))};
        text.remove_prefix(end);
        return true;
    }
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i] == '"') {
            text.remove_prefix(i + 1);
            return true;
        }
        // Browsers escape nothing but the quote; elsewhere a backslash is one, as in C:\file.
        if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == '"') ++i;
        value += text[i];
    }
    return false;
}

bool read_disposition(std::string_view value, FormPart& part)
{
    const auto end = std::min(value.find(';'), value.size());
    if (!equals_ignoring_case(trim(value.substr(0, end)), "form-data")) return false;
    value.remove_prefix(end);
    bool named = false;
    std::string name;
    std::string text;
    while (!trim(value).empty()) {
        if (!take_parameter(value, name, text)) return false;
        if (name == "name" && named) return false;
        if (name == "name") {
            part.name = text;
            named = true;
        } else if (name == "filename") {
            part.file_name = text;
        }
    }
    return named;
}

bool read_part_head(std::string_view head, FormPart& part)
{
    bool disposed = false;
    while (!head.empty()) {
        const auto end = std::min(head.find(line_end), head.size());
        const auto line = head.substr(0, end);
        head.remove_prefix(std::min(end + line_end.size(), head.size()));
        const auto colon = line.find(':');
        if (colon == std::string_view::npos || line.find_first_of(std::string_view{"\r\n\0", 3}) != std::string_view::npos) return false;
        const auto name = line.substr(0, colon);
        const auto value = trim(line.substr(colon + 1));
        if (equals_ignoring_case(name, "content-disposition")) {
            if (disposed || !read_disposition(value, part)) return false;
            disposed = true;
        } else if (equals_ignoring_case(name, "content-type")) {
            part.content_type = std::string{value};
        }
    }
    return disposed;
}

} // namespace

std::optional<std::string> multipart_boundary(std::string_view content_type)
{
    auto rest = content_type.substr(std::min(content_type.find(';'), content_type.size()));
    std::string name;
    std::string value;
    while (!trim(rest).empty()) {
        if (!take_parameter(rest, name, value)) return std::nullopt;
        if (name != "boundary") continue;
        const auto fits = [](char c) {
            return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                   std::string_view{"'()+_,-./:=? "}.find(c) != std::string_view::npos;
        };
        const bool good = !value.empty() && value.size() <= boundary_limit && value.back() != ' ' && std::all_of(value.begin(), value.end(), fits);
        return good ? std::optional{value} : std::nullopt;
    }
    return std::nullopt;
}

std::optional<std::vector<FormPart>> parse_multipart(std::string_view body, std::string_view boundary)
{
    const auto mark = std::string{"\r\n--"}.append(boundary);
    std::vector<FormPart> parts;
    // The first delimiter may stand at the very start; what comes before it is a preamble that nobody reads.
    if (body.starts_with(std::string_view{mark}.substr(line_end.size()))) {
        body.remove_prefix(mark.size() - line_end.size());
    } else {
        const auto start = body.find(mark);
        if (start == std::string_view::npos) return std::nullopt;
        body.remove_prefix(start + mark.size());
    }
    for (;;) {
        if (body.starts_with("--")) return parts; // what follows is an epilogue
        const auto blanks = std::min(body.find_first_not_of(" \t"), body.size());
        body.remove_prefix(blanks);
        if (!body.starts_with(line_end) || parts.size() == parts_limit) return std::nullopt;
        const auto head_end = body.substr(0, head_limit).find("\r\n\r\n");
        if (head_end == std::string_view::npos || head_end == 0) return std::nullopt;
        FormPart part;
        if (!read_part_head(body.substr(line_end.size(), head_end - line_end.size()), part)) return std::nullopt;
        body.remove_prefix(head_end + line_end.size()); // the second line end may be the delimiter's
        const auto end = body.find(mark);
        if (end == std::string_view::npos) return std::nullopt;
        if (end >= line_end.size()) part.content = std::string{body.substr(line_end.size(), end - line_end.size())};
        parts.push_back(std::move(part));
        body.remove_prefix(end + mark.size());
    }
}

} // namespace sluice::http
