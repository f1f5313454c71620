#include "base/text.hpp"
#include "rules/formats.hpp"

#include <algorithm>

namespace sluice::rules {

namespace {

constexpr std::size_t longest_shown = 200;
constexpr std::size_t longest_name = 100;

// Cut, but never inside a character.
std::string shortened(std::string_view text, std::size_t most)
{
    if (text.size() <= most) return std::string{text};
    while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0U) == 0x80U) --most;
    return std::string{text.substr(0, most)};
}

// "host:1000-1010" as host and ports; absent when the end is no range.
std::optional<std::pair<std::string, Ports>> ranged_target(std::string_view text)
{
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto ports = parse_ports(text.substr(colon + 1), "-");
    if (!ports || ports->first == ports->last) return std::nullopt;
    return std::pair{std::string{text.substr(0, colon)}, *ports};
}

} // namespace

std::string_view to_text(Reason reason)
{
    switch (reason) {
    case Reason::unreadable: return "unreadable";
    case Reason::no_port: return "no_port";
    case Reason::bad_listen: return "bad_listen";
    case Reason::no_target: return "no_target";
    case Reason::bad_target: return "bad_target";
    case Reason::too_many_targets: return "too_many_targets";
    case Reason::unsupported_protocol: return "unsupported_protocol";
    case Reason::unsupported_option: return "unsupported_option";
    case Reason::chained: return "chained";
    case Reason::switched_off: return "switched_off";
    case Reason::not_a_forward: return "not_a_forward";
    case Reason::ranges_differ: return "ranges_differ";
    }
    return "unreadable";
}

Line line_of(std::size_t number, std::string_view text, Outcome outcome)
{
    Line line;
    line.number = number;
    line.text = shortened(trim(text), longest_shown);
    if (auto* rule = std::get_if<Rule>(&outcome)) {
        line.rule = std::move(*rule);
    } else {
        auto& failure = std::get<Failure>(outcome);
        line.reason = failure.reason;
        for (auto& arg : failure.args) line.args.push_back(shortened(arg, longest_shown));
    }
    return line;
}

void for_each_line(std::string_view text, const std::function<void(std::size_t, std::string_view)>& use)
{
    std::size_t number = 0;
    for (const auto line : split(text, '\n')) {
        ++number;
        const auto bare = trim(line);
        if (!bare.empty() && bare.front() != '#') use(number, bare);
    }
}

std::size_t line_number(std::string_view whole, std::size_t offset)
{
    return 1 + static_cast<std::size_t>(std::count(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(std::min(offset, whole.size())), '\n'));
}

std::optional<Ports> parse_ports(std::string_view text, std::string_view separators)
{
    text = trim(text);
    const auto middle = text.find_first_of(separators);
    const auto port = [](std::string_view digits) -> std::uint16_t {
        const auto number = parse_int(trim(digits)).value_or(0);
        return number >= 1 && number <= 65535 ? static_cast<std::uint16_t>(number) : std::uint16_t{0};
    };
    const Ports ports{port(text.substr(0, middle)), port(middle == std::string_view::npos ? text : text.substr(middle + 1))};
    if (ports.first == 0 || ports.last < ports.first) return std::nullopt;
    return ports;
}

bool read_listen(std::string_view text, Rule& rule)
{
    text = trim(text);
    std::string_view address;
    auto port = text;
    if (const auto colon = text.rfind(':'); colon != std::string_view::npos) {
        address = trim(text.substr(0, colon));
        port = text.substr(colon + 1);
    }
    if (trim(port) == "0") {
        rule.first_port = rule.last_port = 0;
    } else {
        const auto ports = parse_ports(port, "-");
        if (!ports) return false;
        rule.first_port = ports->first;
        rule.last_port = ports->last;
    }
    if (address.empty() || address == "*" || equals_ignoring_case(address, "any")) return true;
    if (address == "localhost") address = "127.0.0.1";
    const auto parsed = IpAddress::parse(address);
    if (!parsed) return false;
    if (!parsed->is_unspecified()) rule.listen_address = *parsed;
    return true;
}

std::optional<Failure> read_targets(std::span<const std::string> texts, Rule& rule)
{
    std::size_t ranges = 0;
    for (const auto& text : texts) {
        const auto item = trim(text);
        if (item.empty()) continue;
        std::string one{item};
        if (const auto ranged = ranged_target(item)) {
            const bool as_long = ranged->second.last - ranged->second.first == rule.last_port - rule.first_port;
            if (!as_long || rule.first_port == 0) return Failure{Reason::ranges_differ, {}};
            rule.ports_move_along = true;
            ++ranges;
            one = ranged->first + ":" + std::to_string(ranged->second.first);
        }
        auto target = HostPort::parse(one);
        if (!target) return Failure{Reason::bad_target, {std::string{item}}};
        rule.targets.push_back(std::move(*target));
        if (rule.targets.size() > most_targets) return Failure{Reason::too_many_targets, {std::to_string(texts.size())}};
    }
    // A range moves along with its ports; beside it, a single port would have to stay.
    if (ranges > 0 && ranges != rule.targets.size()) return Failure{Reason::ranges_differ, {}};
    // The last of a moving range's ports must exist for every target.
    for (const auto& target : rule.targets) {
        if (rule.ports_move_along && target.port + (rule.last_port - rule.first_port) > 65535) return Failure{Reason::bad_target, {target.to_text()}};
    }
    return std::nullopt;
}

std::optional<Failure> read_targets(std::string_view comma_separated, Rule& rule)
{
    std::vector<std::string> texts;
    for (const auto item : split(comma_separated, ',')) texts.emplace_back(item);
    return read_targets(texts, rule);
}

bool read_protocol(std::string_view text, Rule& rule)
{
    const auto name = to_lower(trim(text));
    if (name.empty() || name == "tcp+udp" || name == "tcp,udp" || name == "tcp/udp" || name == "tcpudp" || name == "udp+tcp" || name == "both" ||
        name == "all") {
        rule.tcp = rule.udp = true;
        return true;
    }
    rule.tcp = name == "tcp";
    rule.udp = name == "udp";
    return rule.tcp || rule.udp;
}

domain::Pick read_pick(std::string_view text)
{
    const auto name = to_lower(trim(text));
    const auto begins = [&](std::string_view with) { return name.rfind(with, 0) == 0; };
    if (begins("round") || name == "rr") return domain::Pick::round_robin;
    if (begins("rand")) return domain::Pick::random;
    if (begins("hash") || begins("iphash") || begins("ip_hash")) return domain::Pick::source_hash;
    if (begins("least")) return domain::Pick::least_connections;
    return domain::Pick::first;
}

Outcome checked(Rule rule)
{
    if (rule.targets.empty()) return Failure{Reason::no_target, {}};
    if (!rule.tcp && !rule.udp) return Failure{Reason::unsupported_protocol, {}};
    rule.name = shortened(trim(rule.name), longest_name);
    if (rule.name.empty()) {
        const auto port = rule.first_port == 0 ? std::string{"*"} : std::to_string(rule.first_port);
        rule.name = shortened(port + " to " + rule.targets.front().to_text(), longest_name);
    }
    return rule;
}

std::vector<std::string> words_of(std::string_view line)
{
    std::vector<std::string> words;
    std::string word;
    bool in_word = false;
    char quote = 0;
    for (const char c : line) {
        if (quote != 0) {
            if (c == quote)
                quote = 0;
            else
                word += c;
        } else if (c == '"' || c == '\'') {
            quote = c;
            in_word = true;
        } else if (c == ' ' || c == '\t') {
            if (in_word) words.push_back(std::move(word));
            word.clear();
            in_word = false;
        } else {
            word += c;
            in_word = true;
        }
    }
    if (in_word) words.push_back(std::move(word));
    return words;
}

} // namespace sluice::rules
