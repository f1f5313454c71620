// Destination NAT of the kernel: iptables-save and nft list ruleset.
#include "base/text.hpp"
#include "rules/formats.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <string>

namespace sluice::rules {

namespace {

// What a line of either tool says, before it becomes rules: it may listen on several ports.
struct Nat {
    Rule rule;
    std::vector<Ports> ports;
    std::string target;    // "10.0.0.1", "10.0.0.1:80", "[::1]:80", "10.0.0.1:1000-1010"
    bool redirect = false; // to a port of this host
    std::optional<Failure> failure;

    void fail(Reason reason, std::vector<std::string> args = {})
    {
        if (!failure) failure = Failure{reason, std::move(args)};
    }
};

std::string text_of(const Ports& ports)
{
    const auto first = std::to_string(ports.first);
    return ports.first == ports.last ? first : first + "-" + std::to_string(ports.last);
}

// "10.0.0.6:3000-3003", or with "/2000" behind it, as a target that read_targets() understands. The kernel keeps a port that lies within the range, counts
// from the base that stands behind a slash, and sends everything else to the range's first port (nf_nat_core.c): only the first two are taken over.
// Absent: the last.
std::optional<std::string> in_order(const std::string& target, const Ports& ports)
{
    const auto colon = target.rfind(':');
    const auto port = std::string_view{target}.substr(colon + 1);
    if (port.find('-') == std::string_view::npos) return target;
    const auto slash = port.find('/');
    const auto to = parse_ports(port.substr(0, slash), "-");
    if (!to) return std::nullopt;
    const auto host = target.substr(0, colon + 1);
    if (slash == std::string_view::npos) {
        if (ports.first < to->first || ports.last > to->last) return std::nullopt;
        return host + text_of(ports);
    }
    if (parse_int(port.substr(slash + 1)) != ports.first || to->last - to->first != ports.last - ports.first) return std::nullopt;
    return host + text_of(*to);
}

// Where a target of the kernel has no port, the one that the client asked for stays.
Outcome rule_for(Nat nat, const Ports& ports)
{
    auto& rule = nat.rule;
    rule.first_port = ports.first;
    rule.last_port = ports.last;
    auto target = nat.target;
    if (nat.redirect) target = "127.0.0.1:" + (target.empty() ? std::string{} : target);
    const bool bare_v6 = std::count(target.begin(), target.end(), ':') > 1 && target.front() != '[';
    if (bare_v6) target = "[" + target + "]";
    const bool has_port = target.rfind(':') != std::string::npos &&
                          target.rfind(':') > (target.rfind(']') == std::string::npos ? 0 : target.rfind(']')) && target.back() != ':';
    if (!has_port) {
        if (!target.empty() && target.back() == ':') target.pop_back();
        target += ":" + std::to_string(ports.first);
        rule.ports_move_along = ports.last > ports.first;
    }
    const auto plain = in_order(target, ports);
    if (!plain) return Failure{Reason::unsupported_option, {nat.target}};
    target = *plain;
    if (auto failure = read_targets(std::span<const std::string>{&target, 1}, rule)) return std::move(*failure);
    if (ports.last > ports.first && !has_port) rule.ports_move_along = true;
    return checked(std::move(rule));
}

void emit(Lines& lines, std::size_t number, std::string_view text, const Nat& nat)
{
    if (nat.failure) {
        lines.push_back(line_of(number, text, *nat.failure));
        return;
    }
    if (nat.ports.empty()) {
        lines.push_back(line_of(number, text, Failure{Reason::no_port, {}}));
        return;
    }
    for (const auto& ports : nat.ports) {
        auto one = nat;
        if (nat.ports.size() > 1 && !one.rule.name.empty()) one.rule.name += " " + std::to_string(ports.first);
        lines.push_back(line_of(number, text, rule_for(std::move(one), ports)));
    }
}

// A network that may connect, or an address that is listened on.
void read_source(Nat& nat, const std::string& text)
{
    const auto network = Cidr::parse(text);
    if (!network)
        nat.fail(Reason::unsupported_option, {"source " + text});
    else if (network->to_text() != "0.0.0.0/0" && network->to_text() != "::/0")
        nat.rule.allow.push_back(*network);
}

void read_destination(Nat& nat, std::string text)
{
    for (const std::string_view whole : {"/32", "/128"}) {
        if (text.size() > whole.size() && std::string_view{text}.substr(text.size() - whole.size()) == whole) text.resize(text.size() - whole.size());
    }
    const auto address = IpAddress::parse(text);
    if (!address)
        nat.fail(Reason::unsupported_option, {"destination " + text});
    else if (!address->is_unspecified())
        nat.rule.listen_address = *address;
}

void read_port_list(Nat& nat, std::string_view text)
{
    for (const auto item : split(text, ',')) {
        const auto ports = parse_ports(item);
        if (ports)
            nat.ports.push_back(*ports);
        else
            nat.fail(Reason::bad_listen, {std::string{trim(item)}});
    }
}

// Options of iptables that change nothing about what is forwarded.
const std::set<std::string> harmless{"-m", "--match", "-c", "--set-counters"};

void read_iptables(const std::vector<std::string>& words, Nat& nat)
{
    std::string jump;
    for (std::size_t at = 2; at < words.size(); ++at) {
        const auto& word = words[at];
        const auto value = [&]() -> std::string { return at + 1 < words.size() ? words[++at] : std::string{}; };
        if (word == "!") {
            nat.fail(Reason::unsupported_option, {"!"});
        } else if (word == "-p" || word == "--protocol") {
            const auto name = value();
            if (!read_protocol(name, nat.rule)) nat.fail(Reason::unsupported_protocol, {name});
        } else if (word == "--dport" || word == "--destination-port" || word == "--dports" || word == "--destination-ports") {
            read_port_list(nat, value());
        } else if (word == "-s" || word == "--source") {
            read_source(nat, value());
        } else if (word == "-d" || word == "--destination") {
            read_destination(nat, value());
        } else if (word == "-i" || word == "--in-interface") {
            value(); // a forward listens on every interface of its node
        } else if (word == "--comment") {
            nat.rule.name = value();
        } else if (word == "-j" || word == "--jump" || word == "-g") {
            jump = value();
        } else if (word == "--to-destination" || word == "--to-ports" || word == "--to-port") {
            nat.target = value();
        } else if (harmless.contains(word)) {
            value();
        } else if (word == "--random" || word == "--persistent") {
            continue;
        } else if (word == "--dst-type") {
            if (value() != "LOCAL") nat.fail(Reason::unsupported_option, {"--dst-type"});
        } else {
            nat.fail(Reason::unsupported_option, {word});
            if (at + 1 < words.size() && words[at + 1].rfind('-', 0) != 0) ++at;
        }
    }
    nat.redirect = jump == "REDIRECT";
    if (jump != "DNAT" && jump != "REDIRECT") nat.failure = Failure{Reason::not_a_forward, {}};
    if (jump == "DNAT" && nat.target.empty()) nat.fail(Reason::no_target);
    // "10.0.0.1-10.0.0.9" spreads over addresses.
    const auto host = std::string_view{nat.target}.substr(0, nat.target.rfind(':'));
    if (!nat.redirect && host.find('-') != std::string_view::npos) nat.fail(Reason::unsupported_option, {nat.target});
}

// Words of nft: braces and commas stand alone.
std::vector<std::string> nft_words(std::string_view line)
{
    std::string spaced;
    bool quoted = false;
    for (const char c : line) {
        if (c == '"') quoted = !quoted;
        if (!quoted && (c == '{' || c == '}' || c == ',')) {
            spaced += ' ';
            spaced += c;
            spaced += ' ';
        } else {
            spaced += c;
        }
    }
    return words_of(spaced);
}

// One value, or "{ a, b }".
std::vector<std::string> values_at(const std::vector<std::string>& words, std::size_t& at)
{
    std::vector<std::string> values;
    if (at + 1 >= words.size()) return values;
    if (words[++at] != "{") return {words[at]};
    while (++at < words.size() && words[at] != "}") {
        if (words[at] != ",") values.push_back(words[at]);
    }
    return values;
}

std::string joined(const std::vector<std::string>& values)
{
    std::string text;
    for (const auto& value : values) text += (text.empty() ? "" : ",") + value;
    return text;
}

void read_nft_target(const std::vector<std::string>& words, std::size_t& at, Nat& nat)
{
    while (at + 1 < words.size() && (words[at + 1] == "ip" || words[at + 1] == "ip6" || words[at + 1] == "to")) ++at;
    if (at + 1 >= words.size()) {
        if (!nat.redirect) nat.fail(Reason::no_target);
        return;
    }
    nat.target = words[++at];
    if (nat.target.empty()) nat.fail(Reason::no_target);
    if (nat.redirect && nat.target.rfind(':', 0) == 0) nat.target.erase(0, 1);
    if (at + 1 < words.size() && (words[at + 1] == "map" || words[at + 1] == ".")) nat.fail(Reason::unsupported_option, {"map"});
    // Chosen by a set, by chance, or by the packet.
    for (const std::string_view chosen : {"numgen", "jhash", "symhash", "tcp", "udp", "th", "ip", "meta", "ct", "{"}) {
        if (nat.target == chosen || nat.target.rfind('@', 0) == 0) nat.fail(Reason::unsupported_option, {"map"});
    }
    if (!nat.redirect && nat.target.find('-') != std::string::npos && nat.target.find('-') < nat.target.rfind(':'))
        nat.fail(Reason::unsupported_option, {nat.target});
}

// True when the line translates destinations at all.
bool read_nft(const std::vector<std::string>& words, Nat& nat)
{
    bool translates = false;
    nat.rule.tcp = nat.rule.udp = false;
    for (std::size_t at = 0; at < words.size(); ++at) {
        const auto& word = words[at];
        const auto next = at + 1 < words.size() ? words[at + 1] : std::string{};
        if ((word == "tcp" || word == "udp" || word == "th") && next == "dport") {
            if (word != "th") read_protocol(word, nat.rule);
            ++at;
            if (at + 1 < words.size() && words[at + 1] == "!=") nat.fail(Reason::unsupported_option, {"!="});
            read_port_list(nat, joined(values_at(words, at)));
        } else if ((word == "l4proto" || word == "protocol" || word == "nexthdr")) {
            for (const auto& name : values_at(words, at)) {
                nat.rule.tcp = nat.rule.tcp || name == "tcp";
                nat.rule.udp = nat.rule.udp || name == "udp";
            }
        } else if ((word == "ip" || word == "ip6") && next == "daddr") {
            ++at;
            const auto values = values_at(words, at);
            if (values.size() == 1)
                read_destination(nat, values.front());
            else
                nat.fail(Reason::unsupported_option, {"daddr"});
        } else if ((word == "ip" || word == "ip6") && next == "saddr") {
            ++at;
            for (const auto& value : values_at(words, at)) read_source(nat, value);
        } else if (word == "iifname" || word == "iif") {
            if (next == "!=") nat.fail(Reason::unsupported_option, {"!="});
            values_at(words, at);
        } else if (word == "comment") {
            nat.rule.name = next;
            ++at;
        } else if (word == "dnat" || word == "redirect") {
            translates = true;
            nat.redirect = word == "redirect";
            read_nft_target(words, at, nat);
        } else if (word == "vmap") {
            nat.fail(Reason::unsupported_option, {"vmap"});
        }
    }
    if (!nat.rule.tcp && !nat.rule.udp) nat.rule.tcp = nat.rule.udp = true;
    return translates;
}

} // namespace

Lines parse_iptables(std::string_view text)
{
    Lines lines;
    for_each_line(text, [&](std::size_t number, std::string_view line) {
        auto words = words_of(line);
        if (!words.empty() && (words.front() == "iptables" || words.front() == "ip6tables")) words.erase(words.begin());
        if (words.size() >= 2 && words[0] == "-t") words.erase(words.begin(), words.begin() + 2);
        // Tables, chains and COMMIT hold rules together; counters stand in brackets in front of them.
        if (!words.empty() && words.front().rfind('[', 0) == 0) words.erase(words.begin());
        if (words.size() < 2 || (words.front() != "-A" && words.front() != "-I" && words.front() != "--append")) return;
        if (words[1] == "OUTPUT" || words[1] == "POSTROUTING") {
            lines.push_back(line_of(number, line, Failure{Reason::not_a_forward, {words[1]}}));
            return;
        }
        Nat nat;
        read_iptables(words, nat);
        emit(lines, number, line, nat);
    });
    return lines;
}

Lines parse_nftables(std::string_view text)
{
    Lines lines;
    for_each_line(text, [&](std::size_t number, std::string_view line) {
        Nat nat;
        if (!read_nft(nft_words(line), nat)) return; // tables, chains, filters
        emit(lines, number, line, nat);
    });
    return lines;
}

} // namespace sluice::rules
