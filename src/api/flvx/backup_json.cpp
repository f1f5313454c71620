#include "api/flvx/backup_json.hpp"

#include "api/flvx/shapes.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::flvx {

using domain::Section;

namespace {

constexpr std::array<std::pair<Section, std::string_view>, 10> names{{
    {Section::users, "users"},
    {Section::nodes, "nodes"},
    {Section::tunnels, "tunnels"},
    {Section::forwards, "forwards"},
    {Section::assignments, "userTunnels"},
    {Section::speed_limits, "speedLimits"},
    {Section::tunnel_groups, "tunnelGroups"},
    {Section::user_groups, "userGroups"},
    {Section::permissions, "permissions"},
    {Section::settings, "configs"},
}};

std::int64_t time_or(const std::optional<WallTime>& time, WallTime otherwise) { return to_epoch_ms(time.value_or(otherwise)); }

// Go's "omitempty": zero, empty and absent are not written.
void unless_empty(Json& item, const char* key, const std::optional<std::string>& text)
{
    if (text && !text->empty()) item[key] = *text;
}
void unless_empty(Json& item, const char* key, std::int64_t number)
{
    if (number != 0) item[key] = number;
}
void unless_empty(Json& item, const char* key, const std::optional<WallTime>& time)
{
    if (time) item[key] = to_epoch_ms(*time);
}

Json item_of(const domain::UserRow& row)
{
    const auto& user = row.user;
    Json item{{"id", user.id.value},
              {"user", user.name},
              {"pwd", row.password},
              {"roleId", user.role == domain::Role::admin ? 0 : 1},
              {"expTime", expiry(user.allowance.expires)},
              {"flow", gigabytes(user.allowance.quota)},
              {"inFlow", user.used.up.value},
              {"outFlow", user.used.down.value},
              {"flowResetTime", user.allowance.reset_day},
              {"num", user.allowance.max_forwards},
              {"createdTime", to_epoch_ms(user.created)},
              {"status", user.enabled ? 1 : 0}};
    unless_empty(item, "updatedTime", user.updated);
    return item;
}

Json item_of(const domain::NodeRow& row, bool online)
{
    const auto& node = row.node;
    Json item{{"id", node.id.value},
              {"name", node.name},
              {"secret", row.secret.reveal()},
              {"serverIp", node.address},
              {"port", node.ports.to_text()},
              {"http", node.blocks.http ? 1 : 0},
              {"tls", node.blocks.tls ? 1 : 0},
              {"socks", node.blocks.socks ? 1 : 0},
              {"createdTime", to_epoch_ms(node.created)},
              {"status", online ? 1 : 0},
              {"tcpListenAddr", node.tcp_listen},
              {"udpListenAddr", node.udp_listen},
              {"inx", node.order},
              {"isRemote", 0}};
    unless_empty(item, "serverIpV4", node.address_v4);
    unless_empty(item, "serverIpV6", node.address_v6);
    unless_empty(item, "interfaceName", node.egress_interface);
    unless_empty(item, "version", node.version);
    unless_empty(item, "updatedTime", node.updated);
    return item;
}

Json item_of(const domain::Tunnel& tunnel)
{
    Json item{{"id", tunnel.id.value},
              {"name", tunnel.name},
              {"trafficRatio", tunnel.billing.ratio},
              {"type", static_cast<int>(tunnel.type)},
              {"protocol", "tls"},
              {"flow", tunnel.billing.factor},
              {"createdTime", to_epoch_ms(tunnel.created)},
              {"updatedTime", time_or(tunnel.updated, tunnel.created)},
              {"status", tunnel.enabled ? 1 : 0},
              {"inx", tunnel.order}};
    unless_empty(item, "inIp", tunnel.entry_addresses);
    unless_empty(item, "ipPreference", std::string{preference_name(tunnel.preference)});
    if (tunnel.hops.empty()) return item;
    Json hops = Json::array();
    for (const auto& hop : tunnel.hops) {
        Json one{{"id", hop.id},
                 {"tunnelId", tunnel.id.value},
                 {"chainType", std::to_string(static_cast<int>(hop.role))},
                 {"nodeId", hop.node.value},
                 {"strategy", strategy_name(hop.strategy)},
                 {"protocol", carrier_name(hop.carrier)}};
        unless_empty(one, "port", std::int64_t{hop.port.value_or(0)});
        unless_empty(one, "inx", std::int64_t{hop.place});
        hops.push_back(std::move(one));
    }
    item["chainTunnels"] = std::move(hops);
    return item;
}

Json item_of(const domain::ForwardRow& row)
{
    const auto& forward = row.forward;
    Json ports = nullptr;
    for (const auto& port : forward.ports) ports.push_back({{"nodeId", port.node.value}, {"port", port.port}});
    return {{"id", forward.id.value},
            {"userId", forward.owner.value},
            {"userName", forward.owner_name},
            {"name", forward.name},
            {"tunnelId", forward.tunnel.value},
            {"remoteAddr", targets_text(forward.targets)},
            {"strategy", strategy_name(forward.pick)},
            {"inFlow", forward.used.up.value},
            {"outFlow", forward.used.down.value},
            {"createdTime", to_epoch_ms(forward.created)},
            {"updatedTime", time_or(forward.updated, forward.created)},
            {"status", forward.enabled ? 1 : 0},
            {"inx", forward.order},
            {"forwardPorts", std::move(ports)}};
}

Json item_of(const domain::Assignment& assignment)
{
    Json item{{"id", assignment.id.value},
              {"userId", assignment.user.value},
              {"tunnelId", assignment.tunnel.value},
              {"num", assignment.allowance.max_forwards},
              {"flow", gigabytes(assignment.allowance.quota)},
              {"inFlow", assignment.used.up.value},
              {"outFlow", assignment.used.down.value},
              {"flowResetTime", assignment.allowance.reset_day},
              {"expTime", expiry(assignment.allowance.expires)},
              {"status", assignment.enabled ? 1 : 0}};
    unless_empty(item, "speedId", assignment.speed_limit.value_or(SpeedLimitId{}).value);
    return item;
}

Json item_of(const domain::SpeedLimitRow& limit)
{
    Json item{{"id", limit.id.value},
              {"name", limit.name},
              {"speed", limit.mbit},
              {"tunnelId", limit.tunnel.value_or(TunnelId{}).value},
              {"tunnelName", limit.tunnel_name},
              {"createdTime", to_epoch_ms(limit.created)},
              {"status", limit.enabled ? 1 : 0}};
    unless_empty(item, "updatedTime", limit.updated);
    return item;
}

Json item_of(const domain::Group& group, const char* members)
{
    Json item{{"id", group.id},
              {"name", group.name},
              {"createdTime", to_epoch_ms(group.created)},
              {"updatedTime", time_or(group.updated, group.created)},
              {"status", group.enabled ? 1 : 0}};
    if (!group.members.empty()) item[members] = group.members;
    return item;
}

Json item_of(const domain::Permission& permission)
{
    Json item{{"id", permission.id},
              {"userGroupId", permission.user_group},
              {"tunnelGroupId", permission.tunnel_group},
              {"createdTime", to_epoch_ms(permission.created)},
              {"createdByGroup", 0}};
    for (const auto& grant : permission.grants)
        item["grants"].push_back({{"id", grant.id},
                                  {"userGroupId", grant.user_group},
                                  {"tunnelGroupId", grant.tunnel_group},
                                  {"userTunnelId", grant.assignment.value},
                                  {"createdTime", to_epoch_ms(grant.created)},
                                  {"createdByGroup", grant.created_by_group ? 1 : 0}});
    return item;
}

template <class Rows, class Make>
void add_section(Json& out, Section section, const std::optional<Rows>& rows, Make make)
{
    if (!rows || rows->empty()) return;
    Json items = Json::array();
    for (const auto& row : *rows) items.push_back(make(row));
    out[std::string{section_name(section)}] = std::move(items);
}

std::string_view text_of(domain::Remark remark)
{
    switch (remark) {
    case domain::Remark::adjusted: return "adjusted";
    case domain::Remark::unusable: return "unusable";
    case domain::Remark::remote_node: return "remote_node";
    case domain::Remark::missing_parent: return "missing_parent";
    case domain::Remark::link_dropped: return "link_dropped";
    case domain::Remark::no_target: return "no_target";
    case domain::Remark::target_dropped: return "target_dropped";
    case domain::Remark::port_dropped: return "port_dropped";
    case domain::Remark::renamed: return "renamed";
    case domain::Remark::refused_setting: return "refused_setting";
    case domain::Remark::replaces: return "replaces";
    case domain::Remark::moved_local: return "moved_local";
    case domain::Remark::deleted_here: return "deleted_here";
    case domain::Remark::taken: return "taken";
    }
    return "adjusted";
}

} // namespace

std::string_view section_name(Section section)
{
    for (const auto& [value, name] : names) {
        if (value == section) return name;
    }
    return "";
}

domain::Sections sections_named(std::string_view name)
{
    for (const auto& [section, known] : names) {
        if (known == name) return {section};
    }
    if (name == "speed_limits") return {Section::speed_limits};
    if (name == "user_tunnels") return {Section::assignments};
    if (name == "groups") return {Section::tunnel_groups, Section::user_groups, Section::permissions};
    return {};
}

Json backup_json(const domain::Snapshot& snapshot, WallTime now, const std::function<bool(NodeId)>& online)
{
    Json out{{"version", "1.0"}, {"exportedAt", to_epoch_ms(now)}};
    const auto plainly = [](const auto& row) { return item_of(row); };
    add_section(out, Section::users, snapshot.users, plainly);
    add_section(out, Section::nodes, snapshot.nodes, [&](const auto& row) { return item_of(row, online(row.node.id)); });
    add_section(out, Section::tunnels, snapshot.tunnels, plainly);
    add_section(out, Section::forwards, snapshot.forwards, plainly);
    add_section(out, Section::assignments, snapshot.assignments, plainly);
    add_section(out, Section::speed_limits, snapshot.speed_limits, plainly);
    add_section(out, Section::tunnel_groups, snapshot.tunnel_groups, [](const auto& row) { return item_of(row, "tunnels"); });
    add_section(out, Section::user_groups, snapshot.user_groups, [](const auto& row) { return item_of(row, "users"); });
    add_section(out, Section::permissions, snapshot.permissions, plainly);
    if (snapshot.settings && !snapshot.settings->empty()) out["configs"] = *snapshot.settings;
    return out;
}

Json remark_json(const domain::Remarked& remarked)
{
    return {{"section", section_name(remarked.section)},
            {"id", remarked.id},
            {"name", remarked.name},
            {"remark", text_of(remarked.remark)},
            {"args", remarked.args}};
}

} // namespace sluice::flvx
