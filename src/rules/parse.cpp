#include "base/text.hpp"
#include "rules/formats.hpp"

#include <algorithm>
#include <array>

namespace sluice::rules {

namespace {

constexpr std::array<std::pair<std::string_view, Format>, 18> names{{
    {"flvx", Format::flvx},
    {"ny", Format::nyanpass},
    {"nyanpass", Format::nyanpass},
    {"gost-yaml", Format::gost_yaml},
    {"gost_yaml", Format::gost_yaml},
    {"gost-url", Format::gost_url},
    {"gost_url", Format::gost_url},
    {"gost", Format::gost_url},
    {"realm", Format::realm},
    {"frp", Format::frp},
    {"iptables", Format::iptables},
    {"nft", Format::nftables},
    {"nftables", Format::nftables},
    {"npm", Format::nginx_proxy_manager},
    {"nginx-proxy-manager", Format::nginx_proxy_manager},
    {"csv", Format::csv},
    {"plain", Format::plain},
    {"text", Format::plain},
}};

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// A line that begins with one of these words.
bool has_line(std::string_view text, std::initializer_list<std::string_view> beginnings)
{
    bool found = false;
    for_each_line(text, [&](std::size_t, std::string_view line) {
        for (const auto beginning : beginnings) found = found || line.rfind(beginning, 0) == 0;
    });
    return found;
}

std::string_view first_line(std::string_view text)
{
    std::string_view first;
    for_each_line(text, [&](std::size_t, std::string_view line) {
        if (first.empty()) first = line;
    });
    return first;
}

} // namespace

std::optional<Format> format_named(std::string_view name)
{
    const auto lower = to_lower(trim(name));
    for (const auto& [known, format] : names) {
        if (known == lower) return format;
    }
    return std::nullopt;
}

std::string_view name_of(Format format)
{
    for (const auto& [name, known] : names) {
        if (known == format) return name;
    }
    return "plain";
}

Format detect(std::string_view text)
{
    const auto first = first_line(text);
    if (first.empty()) return Format::plain;
    if (first.front() == '{' || first.front() == '[') {
        if (has(text, "\"endpoints\"")) return Format::realm;
        if (has(text, "incoming_port")) return Format::nginx_proxy_manager;
        if (has(text, "listen_port")) return Format::nyanpass;
        if (has(text, "remoteAddr")) return Format::flvx;
    }
    if (has_line(text, {"[[endpoints]]"})) return Format::realm;
    if (has_line(text, {"[[proxies]]", "[common]"})) return Format::frp;
    if (has_line(text, {"-A ", "*nat", "iptables ", "ip6tables "})) return Format::iptables;
    if (has_line(text, {"table ip", "table inet"}) || has(text, " dnat ")) return Format::nftables;
    if (has_line(text, {"services:"})) return Format::gost_yaml;
    if (has(text, "-L ") || has(text, "-L=") || has_line(text, {"gost "})) return Format::gost_url;
    if (has(first, "->") || has(first, "=>")) return Format::plain;
    if (std::count(first.begin(), first.end(), '|') >= 1) return Format::flvx;
    // "tcp://:80/host:80" is gost; "tcp://:80 host:80" is not.
    if (has(first, "://") && !has(first, " ")) return Format::gost_url;
    if (has(first, ",") || has(first, ";") || std::count(first.begin(), first.end(), '\t') > 1) {
        const bool targets_only = has(first, " ") && first.find(' ') < first.find_first_of(",;\t"); // "8080 a:1,b:2"
        if (!targets_only) return Format::csv;
    }
    return Format::plain;
}

Result<std::vector<Line>> parse(std::string_view text, Format format)
{
    if (text.size() > longest_text) return make_error(Errc::invalid, "rules.text", "too long");
    if (!is_utf8(text)) return make_error(Errc::invalid, "rules.text", "not UTF-8");
    if (text.rfind("\xEF\xBB\xBF", 0) == 0) text.remove_prefix(3);
    const auto lines = [&]() -> Result<Lines> {
        switch (format) {
        case Format::flvx:
        case Format::nyanpass: return parse_json_objects(text, format);
        case Format::gost_yaml: return parse_gost_yaml(text);
        case Format::gost_url: return parse_gost_urls(text);
        case Format::realm: return parse_realm(text);
        case Format::frp: return parse_frp(text);
        case Format::iptables: return parse_iptables(text);
        case Format::nftables: return parse_nftables(text);
        case Format::nginx_proxy_manager: return parse_nginx_proxy_manager(text);
        case Format::csv: return parse_csv(text);
        case Format::plain: return parse_plain(text);
        }
        return Lines{};
    }();
    if (lines && lines->size() > most_lines) return make_error(Errc::invalid, "rules.text", "too many lines");
    return lines;
}

} // namespace sluice::rules
