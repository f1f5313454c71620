// gost: command lines (-L URL) and the YAML of version 3.
#include "base/text.hpp"
#include "rules/formats.hpp"

#include <yaml-cpp/yaml.h>

namespace sluice::rules {

namespace {

std::string decoded(std::string_view text)
{
    std::string out;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '%' && at + 2 < text.size()) {
            if (const auto byte = from_hex(text.substr(at + 1, 2))) {
                out += static_cast<char>(byte->front());
                at += 2;
                continue;
            }
        }
        out += text[at];
    }
    return out;
}

// tcp://:8080/10.0.0.1:80,10.0.0.2:80?strategy=round&name=web
Outcome url_rule(std::string_view url)
{
    Rule rule;
    const auto scheme_end = url.find("://");
    if (scheme_end == std::string_view::npos) return Failure{Reason::no_target, {}}; // ":8080" is a proxy
    const auto scheme = to_lower(url.substr(0, scheme_end));
    auto rest = url.substr(scheme_end + 3);
    std::string_view query;
    if (const auto mark = rest.find('?'); mark != std::string_view::npos) {
        query = rest.substr(mark + 1);
        rest = rest.substr(0, mark);
    }
    const auto slash = rest.find('/');
    const auto listen = rest.substr(0, slash);
    const auto targets = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash + 1);
    if (scheme != "tcp" && scheme != "udp") {
        // http, socks5, ss, relay ... serve; rtcp, rudp listen on the far side of a chain.
        return Failure{targets.empty() ? Reason::no_target : Reason::unsupported_protocol, {scheme}};
    }
    read_protocol(scheme, rule);
    if (listen.find('@') != std::string_view::npos) return Failure{Reason::unsupported_option, {"auth"}};
    if (!read_listen(listen, rule)) return Failure{Reason::bad_listen, {std::string{listen}}};
    for (const auto pair : split(query, '&')) {
        const auto equals = pair.find('=');
        const auto key = to_lower(pair.substr(0, equals));
        const auto value = equals == std::string_view::npos ? std::string{} : decoded(pair.substr(equals + 1));
        if (key == "strategy") rule.pick = read_pick(value);
        if (key == "name") rule.name = value;
        if (key == "chain") return Failure{Reason::chained, {value}};
    }
    if (auto failure = read_targets(decoded(targets), rule)) return std::move(*failure);
    return checked(std::move(rule));
}

// The value of an option at `at`: "-L=URL", "-L URL", "--L URL". Moves on.
std::optional<std::string> option_value(const std::vector<std::string>& words, std::size_t& at, char letter)
{
    const std::string name{'-', letter};
    auto word = words[at];
    if (word.rfind("--", 0) == 0) word.erase(0, 1);
    if (word == name && at + 1 < words.size()) return words[++at];
    if (word.rfind(name + "=", 0) == 0) return word.substr(3);
    return std::nullopt;
}

Failure missing(const char* what) { return Failure{Reason::unsupported_option, {what}}; }

std::string scalar(const YAML::Node& map, const char* key)
{
    if (!map || !map.IsMap()) return {};
    const auto value = map[key];
    return value && value.IsScalar() ? value.Scalar() : std::string{};
}

// A nested map; an undefined node where something else is.
YAML::Node below(const YAML::Node& map, const char* key)
{
    if (!map || !map.IsMap()) return YAML::Node{YAML::NodeType::Undefined};
    const auto value = map[key];
    return value ? value : YAML::Node{YAML::NodeType::Undefined};
}

Outcome service_rule(const YAML::Node& service)
{
    Rule rule;
    rule.name = scalar(service, "name");
    const auto handler = below(service, "handler");
    const auto listener = below(service, "listener");
    const auto forwarder = below(service, "forwarder");
    const auto address = scalar(service, "addr");
    auto kind = to_lower(scalar(handler, "type"));
    if (kind.empty()) kind = "auto";
    for (const char* key : {"chain", "chainGroup"}) {
        if (below(handler, key).IsDefined() || below(service, key).IsDefined()) return Failure{Reason::chained, {scalar(handler, key)}};
    }
    const bool names_targets = forwarder.IsDefined() && below(forwarder, "nodes").IsDefined();
    if (kind != "tcp" && kind != "udp" && kind != "forward") return Failure{names_targets ? Reason::unsupported_protocol : Reason::no_target, {kind}};
    const auto transport = to_lower(scalar(listener, "type"));
    if (!transport.empty() && transport != "tcp" && transport != "udp") return Failure{Reason::unsupported_protocol, {transport}};
    const auto protocol = !transport.empty() ? transport : kind == "udp" ? "udp" : "tcp";
    read_protocol(protocol, rule);
    if (below(service, "admission").IsDefined() || below(service, "admissions").IsDefined()) return missing("admission");
    if (address.empty()) return Failure{Reason::no_port, {}};
    if (!read_listen(address, rule)) return Failure{Reason::bad_listen, {address}};
    std::vector<std::string> targets;
    const auto nodes = below(forwarder, "nodes");
    if (nodes.IsDefined() && nodes.IsSequence()) {
        for (const auto& node : nodes) {
            if (below(node, "filter").IsDefined() || below(node, "matcher").IsDefined() || !scalar(node, "host").empty()) return missing("filter");
            targets.push_back(scalar(node, "addr"));
            if (targets.size() > most_targets) break; // an alias may repeat a long list in every service
        }
    }
    rule.pick = read_pick(scalar(below(forwarder, "selector"), "strategy"));
    // gost takes turns where nothing is said.
    if (targets.size() > 1 && scalar(below(forwarder, "selector"), "strategy").empty()) rule.pick = domain::Pick::round_robin;
    if (auto failure = read_targets(targets, rule)) return std::move(*failure);
    return checked(std::move(rule));
}

} // namespace

Lines parse_gost_urls(std::string_view text)
{
    Lines lines;
    for_each_line(text, [&](std::size_t number, std::string_view line) {
        const auto words = words_of(line);
        std::vector<std::string> listens;
        std::string through;
        for (std::size_t at = 0; at < words.size(); ++at) {
            if (auto url = option_value(words, at, 'L')) {
                listens.push_back(std::move(*url));
            } else if (auto chain = option_value(words, at, 'F')) {
                through = std::move(*chain);
            }
        }
        if (listens.empty() && words.size() == 1 && line.find("://") != std::string_view::npos) listens.push_back(words.front());
        if (listens.empty()) lines.push_back(line_of(number, line, Failure{Reason::not_a_forward, {}}));
        for (const auto& url : listens)
            lines.push_back(line_of(number, url, through.empty() ? url_rule(url) : Outcome{Failure{Reason::chained, {through}}}));
    });
    return lines;
}

Result<Lines> parse_gost_yaml(std::string_view text)
{
    const auto bad = [](const std::string& why) { return make_error(Errc::invalid, "rules.syntax", why, {why}); };
    try {
        const auto whole = YAML::Load(std::string{text});
        const auto services = below(whole, "services");
        if (!services.IsDefined() || !services.IsSequence()) return bad("there is no list of services");
        Lines lines;
        for (const auto& service : services) {
            const auto line = static_cast<std::size_t>(service.Mark().line) + 1;
            const auto shown = scalar(service, "name") + " " + scalar(service, "addr");
            lines.push_back(line_of(line, shown, service.IsMap() ? service_rule(service) : Outcome{Failure{}}));
            if (lines.size() > most_lines) return bad("too many services");
        }
        return lines;
    } catch (const YAML::Exception& problem) {
        return bad(problem.what());
    }
}

} // namespace sluice::rules
