// Tools that are configured by TOML: realm (also JSON) and the frp client (also INI).
#include "base/text.hpp"
#include "base/toml_assertions.hpp"
#include "rules/formats.hpp"
#include "rules/json.hpp"

#include <map>
#include <toml++/toml.h>

namespace sluice::rules {

namespace {

Error syntax(const std::string& why) { return make_error(Errc::invalid, "rules.syntax", why, {why}); }

Result<toml::table> parse_toml(std::string_view text)
{
    try {
        return toml::parse(text);
    } catch (const toml::parse_error& problem) {
        return syntax("line " + std::to_string(problem.source().begin.line) + ": " + std::string{problem.description()});
    } catch (const std::logic_error&) {
        return syntax("a malformed key");
    }
}

// TOML as JSON, so that one reader serves both spellings of a configuration.
Json json_of(const toml::node& node)
{
    if (const auto* table = node.as_table()) {
        Json out = Json::object();
        for (const auto& [key, value] : *table) out[std::string{key.str()}] = json_of(value);
        return out;
    }
    if (const auto* array = node.as_array()) {
        Json out = Json::array();
        for (const auto& value : *array) out.push_back(json_of(value));
        return out;
    }
    if (const auto text = node.value_exact<std::string>()) return *text;
    if (const auto number = node.value_exact<std::int64_t>()) return *number;
    if (const auto truth = node.value_exact<bool>()) return *truth;
    if (const auto real = node.value_exact<double>()) return *real;
    return nullptr;
}

struct RealmNetwork {
    bool tcp = true;
    bool udp = false;
};

void read_network(const Json& holder, RealmNetwork& network)
{
    const auto found = holder.find("network");
    if (found == holder.end() || !found->is_object()) return;
    if (found->contains("no_tcp")) network.tcp = !truth_at(*found, "no_tcp");
    if (found->contains("use_udp")) network.udp = truth_at(*found, "use_udp");
    if (found->contains("tcp")) network.tcp = truth_at(*found, "tcp"); // its first generation
    if (found->contains("udp")) network.udp = truth_at(*found, "udp");
}

Outcome realm_rule(const Json& endpoint, RealmNetwork network)
{
    Rule rule;
    read_network(endpoint, network);
    rule.tcp = network.tcp;
    rule.udp = network.udp;
    for (const char* key : {"listen_transport", "remote_transport"}) {
        if (!text_at(endpoint, key).empty()) return Failure{Reason::unsupported_option, {key}};
    }
    for (const char* key : {"through", "interface"}) {
        if (!text_at(endpoint, key).empty()) return Failure{Reason::unsupported_option, {key}};
    }
    const auto listen = text_at(endpoint, "listen").empty() ? text_at(endpoint, "local") : text_at(endpoint, "listen");
    if (listen.empty()) return Failure{Reason::no_port, {}};
    if (!read_listen(listen, rule)) return Failure{Reason::bad_listen, {listen}};
    auto targets = texts_at(endpoint, "remote");
    for (auto& extra : texts_at(endpoint, "extra_remotes")) targets.push_back(std::move(extra));
    const auto balance = text_at(endpoint, "balance"); // "roundrobin: 4, 2": the weights are not kept
    rule.pick = balance.empty() || balance == "off" ? domain::Pick::first : read_pick(balance);
    if (balance == "off" && targets.size() > 1) targets.resize(1);
    if (auto failure = read_targets(targets, rule)) return std::move(*failure);
    return checked(std::move(rule));
}

// One proxy of frpc; its names in TOML, and in INI.
Outcome frp_rule(const Json& proxy)
{
    const auto either = [&](const char* toml_name, const char* ini_name) {
        auto value = text_at(proxy, toml_name);
        return value.empty() ? text_at(proxy, ini_name) : value;
    };
    Rule rule;
    rule.name = text_at(proxy, "name");
    const auto type = text_at(proxy, "type").empty() ? std::string{"tcp"} : to_lower(text_at(proxy, "type"));
    if ((type != "tcp" && type != "udp") || !read_protocol(type, rule)) return Failure{Reason::unsupported_protocol, {type}};
    if (proxy.contains("plugin")) return Failure{Reason::unsupported_option, {"plugin"}};
    const auto remote = either("remotePort", "remote_port");
    if (remote.empty()) return Failure{Reason::no_port, {}};
    if (!read_listen(remote, rule)) return Failure{Reason::bad_listen, {remote}};
    auto host = either("localIP", "local_ip");
    if (host.empty()) host = "127.0.0.1";
    if (host.find(':') != std::string::npos && host.front() != '[') host = "[" + host + "]";
    const auto port = either("localPort", "local_port");
    if (port.empty()) return Failure{Reason::no_target, {}};
    if (auto failure = read_targets(host + ":" + port, rule)) return std::move(*failure);
    return checked(std::move(rule));
}

// Sections of an INI file as objects with "name"; [common] configures the client itself.
std::vector<std::pair<std::size_t, Json>> ini_sections(std::string_view text)
{
    std::vector<std::pair<std::size_t, Json>> sections;
    for_each_line(text, [&](std::size_t number, std::string_view line) {
        if (line.front() == ';') return;
        if (line.front() == '[' && line.back() == ']') {
            auto name = std::string{trim(line.substr(1, line.size() - 2))};
            if (name.rfind("range:", 0) == 0) name.erase(0, 6);
            sections.emplace_back(number, Json{{"name", std::move(name)}});
            return;
        }
        const auto equals = line.find('=');
        if (sections.empty() || equals == std::string_view::npos) return;
        sections.back().second[std::string{trim(line.substr(0, equals))}] = std::string{trim(line.substr(equals + 1))};
    });
    std::erase_if(sections, [](const auto& section) { return section.second.at("name") == "common"; });
    return sections;
}

bool looks_like_ini(std::string_view text) { return text.find("[common]") != std::string_view::npos; }

// Proxies of an older file may hold "6000-6005,7000": each part is a range of its own.
Lines frp_section(std::size_t number, const Json& section)
{
    const auto remotes = text_at(section, "remote_port");
    const auto locals = text_at(section, "local_port");
    const auto remote_parts = split(remotes, ',');
    const auto local_parts = split(locals, ',');
    if (remote_parts.size() == 1) return {line_of(number, text_at(section, "name"), frp_rule(section))};
    Lines lines;
    if (remote_parts.size() != local_parts.size()) return {line_of(number, text_at(section, "name"), Failure{Reason::ranges_differ, {}})};
    for (std::size_t i = 0; i < remote_parts.size(); ++i) {
        auto part = section;
        part["name"] = text_at(section, "name") + "-" + std::to_string(i + 1);
        part["remote_port"] = std::string{trim(remote_parts[i])};
        part["local_port"] = std::string{trim(local_parts[i])};
        lines.push_back(line_of(number, text_at(part, "name"), frp_rule(part)));
    }
    return lines;
}

} // namespace

Result<Lines> parse_realm(std::string_view text)
{
    Json whole;
    std::vector<std::size_t> numbers;
    if (const auto bare = trim(text); !bare.empty() && bare.front() == '{') {
        auto json = parse_json(bare);
        if (!json) return syntax("not JSON");
        whole = std::move(*json);
    } else {
        const auto table = parse_toml(text);
        if (!table) return table.error();
        whole = json_of(*table);
        if (const auto* endpoints = (*table)["endpoints"].as_array()) {
            for (const auto& endpoint : *endpoints) numbers.push_back(endpoint.source().begin.line);
        }
    }
    const auto found = whole.find("endpoints");
    if (found == whole.end() || !found->is_array()) return syntax("there are no endpoints");
    RealmNetwork network;
    read_network(whole, network);
    Lines lines;
    for (const auto& endpoint : *found) {
        const auto number = lines.size() < numbers.size() ? numbers[lines.size()] : lines.size() + 1;
        lines.push_back(line_of(number, endpoint.is_object() ? text_at(endpoint, "listen") + " -> " + text_at(endpoint, "remote") : endpoint.dump(),
                                endpoint.is_object() ? realm_rule(endpoint, network) : Outcome{Failure{}}));
    }
    return lines;
}

Result<Lines> parse_frp(std::string_view text)
{
    Lines lines;
    if (looks_like_ini(text)) {
        for (const auto& [number, section] : ini_sections(text)) {
            for (auto& line : frp_section(number, section)) lines.push_back(std::move(line));
        }
        return lines;
    }
    const auto table = parse_toml(text);
    if (!table) return table.error();
    const auto* proxies = (*table)["proxies"].as_array();
    if (proxies == nullptr) return syntax("there are no proxies");
    for (const auto& proxy : *proxies) {
        const auto object = json_of(proxy);
        lines.push_back(line_of(proxy.source().begin.line, object.is_object() ? text_at(object, "name") : "",
                                object.is_object() ? frp_rule(object) : Outcome{Failure{}}));
    }
    return lines;
}

} // namespace sluice::rules
