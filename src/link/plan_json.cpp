#include "link/plan_json.hpp"

#include "link/json_fields.hpp"

#include <algorithm>

namespace sluice::link {

namespace {

constexpr int format_version = 1;

json texts(const std::vector<Cidr>& networks)
{
    json list = json::array();
    for (const auto& network : networks) list.push_back(network.to_text());
    return list;
}

json encode_limit(const plan::SpeedLimit& limit) { return {{"id", limit.id.value}, {"up", limit.up}, {"down", limit.down}}; }

json limit_ids(const std::vector<plan::LimitId>& limits)
{
    json list = json::array();
    for (const auto limit : limits) list.push_back(limit.value);
    return list;
}

plan::SpeedLimit decode_limit(const json& from)
{
    plan::SpeedLimit limit;
    limit.id = plan::LimitId{number<std::int64_t>(from, "id", 1, INT64_MAX)};
    limit.up = number<std::uint64_t>(from, "up", 0, INT64_MAX);
    limit.down = number<std::uint64_t>(from, "down", 0, INT64_MAX);
    return limit;
}

std::vector<Cidr> networks(const json& from, const char* field)
{
    std::vector<Cidr> out;
    for (const auto& item : from.at(field)) {
        const auto network = Cidr::parse(item.get<std::string>());
        if (!network) throw Malformed{field};
        out.push_back(*network);
    }
    return out;
}

} // namespace

json forward_to_json(const plan::Forward& forward)
{
    json targets = json::array();
    for (const auto& target : forward.targets) targets.push_back(target.to_text());
    json made{
        {"id", forward.id.value},
        {"port", forward.port},
        {"tcp_address", forward.tcp_address.to_text()},
        {"udp_address", forward.udp_address.to_text()},
        {"tcp", forward.tcp},
        {"udp", forward.udp},
        {"targets", targets},
        {"pick", static_cast<int>(forward.pick)},
        {"preference", static_cast<int>(forward.preference)},
        {"egress_interface", forward.egress_interface},
        {"allow", texts(forward.sources.allow)},
        {"deny", texts(forward.sources.deny)},
        {"max_connections", forward.max_connections},
        {"block_http", forward.blocks.http},
        {"block_tls", forward.blocks.tls},
        {"block_socks", forward.blocks.socks},
        {"speed_limits", limit_ids(forward.speed_limits)},
        {"connect_timeout", forward.connect_timeout.count()},
        {"idle_timeout", forward.idle_timeout.count()},
        {"half_closed_timeout", forward.half_closed_timeout.count()},
        {"udp_idle_timeout", forward.udp_idle_timeout.count()},
    };
    if (forward.connection_cap) made["connection_cap"] = forward.connection_cap->value;
    if (forward.max_clients != 0) {
        made["max_clients"] = forward.max_clients;
        made["replace_clients"] = forward.replace_clients;
    }
    if (forward.tunnel) made["tunnel"] = forward.tunnel->value;
    if (forward.path_id) made["path_id"] = forward.path_id->value;
    return made;
}

plan::Forward forward_from_json(const json& from, bool at_exit)
{
    plan::Forward forward;
    forward.id = ForwardId{number<std::int64_t>(from, "id", 1, INT64_MAX)};
    if (from.contains("tunnel")) forward.tunnel = TunnelId{number<std::int64_t>(from, "tunnel", 1, INT64_MAX)};
    if (from.contains("path_id")) forward.path_id = ForwardId{number<std::int64_t>(from, "path_id", 1, INT64_MAX)};
    forward.port = number<std::uint16_t>(from, "port", at_exit ? 0 : 1, 65535);
    forward.tcp_address = address(from, "tcp_address");
    forward.udp_address = address(from, "udp_address");
    forward.tcp = from.at("tcp").get<bool>();
    forward.udp = from.at("udp").get<bool>();
    for (const auto& item : from.at("targets")) {
        auto target = HostPort::parse(item.get<std::string>());
        if (!target) throw Malformed{"targets"};
        forward.targets.push_back(std::move(*target));
    }
    if (forward.targets.empty() != forward.tunnel.has_value()) throw Malformed{"targets"};
    forward.pick = number<plan::Pick>(from, "pick", 0, static_cast<int>(plan::Pick::least_connections));
    forward.preference = number<plan::IpPreference>(from, "preference", 0, static_cast<int>(plan::IpPreference::v6));
    forward.egress_interface = from.at("egress_interface").get<std::string>();
    forward.sources = {networks(from, "allow"), networks(from, "deny")};
    forward.max_connections = number<std::uint32_t>(from, "max_connections", 0, UINT32_MAX);
    if (from.contains("connection_cap")) forward.connection_cap = plan::CapId{number<std::int64_t>(from, "connection_cap", 1, INT64_MAX)};
    if (from.contains("max_clients")) {
        forward.max_clients = number<std::uint32_t>(from, "max_clients", 1, UINT32_MAX);
        forward.replace_clients = from.at("replace_clients").get<bool>();
    }
    forward.blocks = {from.at("block_http").get<bool>(), from.at("block_tls").get<bool>(), from.at("block_socks").get<bool>()};
    if (from.contains("speed_limits")) { // absent in a file of an older program
        for (const auto& item : from.at("speed_limits")) forward.speed_limits.push_back(plan::LimitId{item.get<std::int64_t>()});
    }
    forward.connect_timeout = seconds(from, "connect_timeout");
    forward.idle_timeout = seconds(from, "idle_timeout");
    forward.half_closed_timeout = seconds(from, "half_closed_timeout");
    forward.udp_idle_timeout = seconds(from, "udp_idle_timeout");
    return forward;
}

json plan_to_json(const plan::Plan& plan)
{
    json forwards = json::array();
    for (const auto& forward : plan.forwards) forwards.push_back(forward_to_json(forward));
    json limits = json::array();
    for (const auto& limit : plan.speed_limits) limits.push_back(encode_limit(limit));
    json made{{"version", format_version}, {"revision", plan.revision}, {"forwards", std::move(forwards)}, {"speed_limits", std::move(limits)}};
    json tunnels = json::array();
    for (const auto& tunnel : plan.tunnels) tunnels.push_back(tunnel_to_json(tunnel));
    if (!tunnels.empty()) made["tunnels"] = std::move(tunnels);
    json caps = json::array();
    for (const auto& cap : plan.connection_caps) caps.push_back({{"id", cap.id.value}, {"most", cap.most}});
    if (!caps.empty()) made["connection_caps"] = std::move(caps);
    return made;
}

plan::Plan plan_from_json(const json& from)
{
    number<int>(from, "version", format_version, format_version);
    plan::Plan plan;
    plan.revision = number<std::uint64_t>(from, "revision", 0, INT64_MAX);
    plan::LimitId last_limit;
    if (from.contains("speed_limits")) {
        for (const auto& item : from.at("speed_limits")) {
            plan.speed_limits.push_back(decode_limit(item));
            if (plan.speed_limits.back().id <= last_limit) throw Malformed{"speed_limits"};
            last_limit = plan.speed_limits.back().id;
        }
    }
    if (from.contains("connection_caps")) {
        plan::CapId last_cap;
        for (const auto& item : from.at("connection_caps")) {
            plan.connection_caps.push_back(
                {plan::CapId{number<std::int64_t>(item, "id", 1, INT64_MAX)}, number<std::uint32_t>(item, "most", 1, UINT32_MAX)});
            if (plan.connection_caps.back().id <= last_cap) throw Malformed{"connection_caps"};
            last_cap = plan.connection_caps.back().id;
        }
    }
    ForwardId last;
    for (const auto& item : from.at("forwards")) {
        plan.forwards.push_back(forward_from_json(item, false));
        if (plan.forwards.back().id <= last) throw Malformed{"id"};
        last = plan.forwards.back().id;
        for (const auto limit : plan.forwards.back().speed_limits) {
            const auto known = std::any_of(plan.speed_limits.begin(), plan.speed_limits.end(), [limit](const auto& one) { return one.id == limit; });
            if (!known) throw Malformed{"speed_limits"};
        }
        const auto& cap = plan.forwards.back().connection_cap;
        if (cap && std::none_of(plan.connection_caps.begin(), plan.connection_caps.end(), [&](const auto& one) { return one.id == *cap; }))
            throw Malformed{"connection_cap"};
    }
    if (!from.contains("tunnels")) return plan; // stored by a version that had none
    TunnelId last_tunnel;
    for (const auto& item : from.at("tunnels")) {
        plan.tunnels.push_back(tunnel_from_json(item));
        if (plan.tunnels.back().id <= last_tunnel) throw Malformed{"id"};
        last_tunnel = plan.tunnels.back().id;
    }
    return plan;
}

std::string encode_plan(const plan::Plan& plan) { return plan_to_json(plan).dump(); }

Result<plan::Plan> decode_plan(std::string_view text)
{
    try {
        return plan_from_json(json::parse(text));
    } catch (const Malformed& problem) {
        return make_error(Errc::invalid, "plan", "field " + problem.field, {problem.field});
    } catch (const json::exception& problem) {
        return make_error(Errc::invalid, "plan", problem.what());
    }
}

} // namespace sluice::link
