#include "api/flvx/peer_services.hpp"

#include "api/flvx/shapes.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <charconv>
#include <map>

namespace sluice::flvx {

namespace {

using panel::SharePeers;

constexpr std::size_t most_services = 200;
constexpr std::size_t longest_name = 150;

const Json& part(const Json& from, const char* key)
{
    static const Json nothing;
    const auto found = from.is_object() ? from.find(key) : from.end();
    return from.is_object() && found != from.end() ? *found : nothing;
}

std::string text(const Json& from, const char* key)
{
    const auto& value = part(from, key);
    return value.is_string() ? value.get<std::string>() : std::string{};
}

// "12_3_4_tcp" is the TCP half of "12_3_4".
SharePeers::ServiceName half_of(const std::string& name)
{
    for (const auto& [suffix, tcp] : {std::pair{std::string_view{"_tcp"}, true}, std::pair{std::string_view{"_udp"}, false}}) {
        if (name.size() > suffix.size() && name.ends_with(suffix)) return {name.substr(0, name.size() - suffix.size()), tcp, !tcp};
    }
    return {name, true, true};
}

Result<std::uint16_t> port_of(const std::string& address)
{
    const auto colon = address.rfind(':');
    if (colon == std::string::npos) return make_error(Errc::forbidden, "command.address", {}, {address});
    const auto port = parse_int(std::string_view{address}.substr(colon + 1));
    if (!port || *port < 1 || *port > 65535) return make_error(Errc::forbidden, "command.port", {}, {address});
    return static_cast<std::uint16_t>(*port);
}

Result<SharePeers::Service> service_of(const Json& item)
{
    if (!item.is_object()) return make_error(Errc::forbidden, "command.service");
    const auto name = text(item, "name");
    if (name.empty() || name.size() > longest_name) return make_error(Errc::forbidden, "command.service");
    const auto port = port_of(text(item, "addr"));
    if (!port) return port.error();
    const auto& handler = part(item, "handler");
    const auto kind = text(handler, "type");
    if ((kind != "tcp" && kind != "udp") || text(part(item, "listener"), "type") != kind)
        return make_error(Errc::invalid, "command.handler", {}, {name});
    if (!text(handler, "chain").empty()) return make_error(Errc::invalid, "command.chain", {}, {name});
    SharePeers::Service service;
    service.name = half_of(name).name;
    service.forward.port = *port;
    service.forward.tcp = kind == "tcp";
    service.forward.udp = kind == "udp";
    service.limiter = text(item, "limiter");
    const auto& forwarder = part(item, "forwarder");
    const auto& nodes = part(forwarder, "nodes");
    for (const auto& node : nodes.is_array() ? nodes : Json::array()) {
        auto target = HostPort::parse(text(node, "addr"));
        if (!target || service.forward.targets.size() >= 64) return make_error(Errc::invalid, "command.targets", {}, {name});
        service.forward.targets.push_back(std::move(*target));
    }
    if (service.forward.targets.empty()) return make_error(Errc::invalid, "command.targets", {}, {name});
    switch (strategy_of(text(part(forwarder, "selector"), "strategy")).value_or(domain::Pick::first)) {
    case domain::Pick::first: service.forward.pick = plan::Pick::first; break;
    case domain::Pick::round_robin: service.forward.pick = plan::Pick::round_robin; break;
    case domain::Pick::random: service.forward.pick = plan::Pick::random; break;
    case domain::Pick::source_hash: service.forward.pick = plan::Pick::source_hash; break;
    case domain::Pick::least_connections: service.forward.pick = plan::Pick::least_connections; break;
    }
    return service;
}

const Json& services_in(const Json& data) { return data.is_array() ? data : part(data, "services"); }

} // namespace

Result<std::vector<SharePeers::Service>> services_of(const Json& data)
{
    const auto& items = services_in(data);
    if (!items.is_array() || items.empty() || items.size() > most_services) return make_error(Errc::forbidden, "command.services");
    std::vector<SharePeers::Service> services;
    for (const auto& item : items) {
        auto service = service_of(item);
        if (!service) return service.error();
        const auto half = std::find_if(services.begin(), services.end(), [&](const auto& one) { return one.name == service->name; });
        if (half == services.end() || half->forward.port != service->forward.port || half->forward.targets != service->forward.targets) {
            services.push_back(std::move(*service));
            continue;
        }
        half->forward.tcp = half->forward.tcp || service->forward.tcp;
        half->forward.udp = half->forward.udp || service->forward.udp;
    }
    return services;
}

Result<std::vector<SharePeers::ServiceName>> service_names_of(const Json& data)
{
    const auto& items = services_in(data);
    if (!items.is_array() || items.empty() || items.size() > most_services) return make_error(Errc::forbidden, "command.services");
    std::map<std::string, SharePeers::ServiceName> names;
    for (const auto& item : items) {
        if (!item.is_string() || item.get_ref<const std::string&>().size() > longest_name) return make_error(Errc::forbidden, "command.services");
        const auto half = half_of(item.get<std::string>());
        const auto [at, fresh] = names.try_emplace(half.name, half);
        if (fresh) continue;
        at->second.tcp = at->second.tcp || half.tcp;
        at->second.udp = at->second.udp || half.udp;
    }
    std::vector<SharePeers::ServiceName> all;
    for (auto& [name, one] : names) all.push_back(std::move(one));
    return all;
}

Result<Limiter> limiter_of(const Json& data)
{
    const auto bad = make_error(Errc::invalid, "command.limiter");
    Limiter limiter{text(data, "name")};
    const auto& limits = part(data, "limits");
    if (limiter.name.empty() || limiter.name.size() > longest_name || !limits.is_array() || limits.empty() || !limits.front().is_string()) return bad;
    // "$ IN OUT" with the unit MB, which gost reads as 1024 * 1024 bytes (contract 4.11).
    std::vector<std::string_view> words;
    for (const auto word : split(limits.front().get_ref<const std::string&>(), ' ')) {
        if (!word.empty()) words.push_back(word);
    }
    if (words.size() != 3 || words[0] != "$") return bad;
    for (const auto& [word, into] : {std::pair{words[1], &limiter.up}, std::pair{words[2], &limiter.down}}) {
        double megabytes = 0;
        const auto number = word.ends_with("MB") ? word.substr(0, word.size() - 2) : std::string_view{};
        const auto [end, problem] = std::from_chars(number.data(), number.data() + number.size(), megabytes);
        if (number.empty() || problem != std::errc{} || end != number.data() + number.size() || !(megabytes >= 0) || megabytes > 1e9) return bad;
        *into = static_cast<std::uint64_t>(megabytes * 1024 * 1024);
    }
    return limiter;
}

} // namespace sluice::flvx
