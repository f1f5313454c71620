#include "api/flvx/shapes.hpp"

#include "domain/calendar.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::flvx {

namespace {

constexpr std::array<std::pair<domain::HopStrategy, std::string_view>, 3> hop_strategies{{
    {domain::HopStrategy::first, "fifo"},
    {domain::HopStrategy::round_robin, "round"},
    {domain::HopStrategy::random, "rand"},
}};

constexpr std::array<std::pair<domain::Carrier, std::string_view>, 6> carriers{{
    {domain::Carrier::tcp, "tcp"},
    {domain::Carrier::tls, "tls"},
    {domain::Carrier::wss, "wss"},
    {domain::Carrier::mtcp, "mtcp"},
    {domain::Carrier::mtls, "mtls"},
    {domain::Carrier::mwss, "mwss"},
}};

template <class Value, std::size_t N>
constexpr std::string_view name_in(const std::array<std::pair<Value, std::string_view>, N>& table, Value value, std::string_view otherwise)
{
    for (const auto& [candidate, name] : table) {
        if (candidate == value) return name;
    }
    return otherwise;
}

template <class Value, std::size_t N>
constexpr Value value_in(const std::array<std::pair<Value, std::string_view>, N>& table, std::string_view name, Value otherwise)
{
    for (const auto& [value, candidate] : table) {
        if (candidate == name) return value;
    }
    return otherwise;
}

constexpr std::array<std::pair<domain::Pick, std::string_view>, 5> strategies{{
    {domain::Pick::first, "fifo"},
    {domain::Pick::round_robin, "round"},
    {domain::Pick::random, "rand"},
    {domain::Pick::source_hash, "hash"},
    {domain::Pick::least_connections, "least"},
}};

Json text_or_null(const std::optional<std::string>& text) { return text ? Json(*text) : Json(nullptr); }
Json time_or_null(const std::optional<WallTime>& time) { return time ? Json(to_epoch_ms(*time)) : Json(nullptr); }

std::string networks_text(const std::vector<Cidr>& networks)
{
    std::string text;
    for (const auto& network : networks) text += (text.empty() ? "" : ",") + network.to_text();
    return text;
}

Json first_port(const domain::Forward& forward)
{
    if (forward.ports.empty()) return nullptr;
    return std::min_element(forward.ports.begin(), forward.ports.end(), [](auto& a, auto& b) { return a.port < b.port; })->port;
}

std::string_view state_name(panel::ForwardState state)
{
    switch (state) {
    case panel::ForwardState::listening: return "listening";
    case panel::ForwardState::failed: return "failed";
    case panel::ForwardState::paused: return "paused";
    case panel::ForwardState::waiting: return "waiting";
    case panel::ForwardState::stopped: return "stopped";
    }
    return "waiting";
}

Json hop_json(const domain::HopNode& hop)
{
    Json out{{"nodeId", hop.node.value},
             {"chainType", static_cast<int>(hop.role)},
             {"inx", hop.place},
             {"protocol", carrier_name(hop.carrier)},
             {"strategy", strategy_name(hop.strategy)}};
    if (hop.port) out["port"] = *hop.port;
    if (!hop.public_host.empty()) out["publicHost"] = hop.public_host;
    if (hop.public_port) out["publicPort"] = *hop.public_port;
    if (!hop.server_name.empty()) out["serverName"] = hop.server_name;
    if (!hop.alpn.empty()) out["alpn"] = hop.alpn;
    if (!hop.path.empty()) out["path"] = hop.path;
    return out;
}

std::string place_text(domain::HopRole role, int place, const std::string& name)
{
    switch (role) {
    case domain::HopRole::entry: return "入口(" + name + ")";
    case domain::HopRole::middle: return "第" + std::to_string(place) + "跳(" + name + ")";
    case domain::HopRole::exit: return "出口(" + name + ")";
    }
    return name;
}

std::string description(const panel::DiagnosisStep& step)
{
    const auto from = place_text(step.from_role, step.from_place, step.from_name) + "->";
    switch (step.to) {
    case panel::DiagnosisStep::To::target: return from + "目标(" + step.to_name + ")";
    case panel::DiagnosisStep::To::internet: return from + "外网";
    case panel::DiagnosisStep::To::own_listener: return from + "监听端口(" + std::to_string(step.target.port) + ")";
    case panel::DiagnosisStep::To::node: return from + place_text(step.to_role.value_or(domain::HopRole::exit), step.to_place, step.to_name);
    }
    return from;
}

std::string probe_message(const panel::DiagnosisStep& step)
{
    if (step.failure) return step.failure->code == Errc::node_offline ? "节点不在线" : "等待节点响应超时";
    const auto& result = step.result;
    switch (result.fault) {
    case plan::ProbeFault::none: return "TCP连接成功";
    case plan::ProbeFault::bad_target: return "无效的IP地址或主机名";
    case plan::ProbeFault::name_not_found: return "DNS解析失败: " + step.target.host;
    case plan::ProbeFault::refused:
    case plan::ProbeFault::timed_out:
    case plan::ProbeFault::unreachable:
    case plan::ProbeFault::closed_early:
    case plan::ProbeFault::not_permitted:
    case plan::ProbeFault::other: break;
    }
    if (result.success) return "TCP连接成功";
    std::string why;
    switch (result.fault) {
    case plan::ProbeFault::refused: why = "连接被拒绝"; break;
    case plan::ProbeFault::timed_out: why = "连接超时"; break;
    case plan::ProbeFault::unreachable: why = "网络不可达"; break;
    case plan::ProbeFault::closed_early: why = "连接被立即关闭，目标可能不可用"; break;
    case plan::ProbeFault::not_permitted: why = "没有权限"; break;
    case plan::ProbeFault::none:
    case plan::ProbeFault::bad_target:
    case plan::ProbeFault::name_not_found:
    case plan::ProbeFault::other: why = result.detail; break;
    }
    return "所有TCP连接尝试都失败" + (why.empty() ? "" : ": " + why);
}

} // namespace

std::int64_t gigabytes(ByteCount bytes) { return bytes.value / bytes_per_gib; }

std::optional<ByteCount> from_gigabytes(std::int64_t count)
{
    if (count < 0 || count > INT64_MAX / bytes_per_gib / 4) return std::nullopt;
    return gibibytes(count);
}

std::int64_t expiry(const std::optional<WallTime>& time) { return time ? to_epoch_ms(*time) : 0; }

std::optional<WallTime> from_expiry(std::int64_t ms)
{
    if (ms <= 0) return std::nullopt;
    return from_epoch_ms(ms);
}

std::string_view strategy_name(domain::Pick pick)
{
    for (const auto& [value, name] : strategies) {
        if (value == pick) return name;
    }
    return "fifo";
}

std::optional<domain::Pick> strategy_of(std::string_view name)
{
    if (name.empty()) return domain::Pick::first;
    for (const auto& [value, text] : strategies) {
        if (text == name) return value;
    }
    return std::nullopt;
}

std::string_view strategy_name(domain::HopStrategy strategy) { return name_in(hop_strategies, strategy, "round"); }
domain::HopStrategy hop_strategy_of(std::string_view name) { return value_in(hop_strategies, name, domain::HopStrategy::round_robin); }
std::string_view carrier_name(domain::Carrier carrier) { return name_in(carriers, carrier, "tls"); }
domain::Carrier carrier_of(std::string_view name) { return value_in(carriers, name, domain::Carrier::tls); }

std::string_view preference_name(domain::AddressFamily family)
{
    switch (family) {
    case domain::AddressFamily::automatic: return "";
    case domain::AddressFamily::v4: return "v4";
    case domain::AddressFamily::v6: return "v6";
    }
    return "";
}

std::optional<domain::AddressFamily> preference_of(std::string_view name)
{
    if (name.empty() || name == "auto") return domain::AddressFamily::automatic;
    if (name == "v4" || name == "ipv4") return domain::AddressFamily::v4;
    if (name == "v6" || name == "ipv6") return domain::AddressFamily::v6;
    return std::nullopt;
}

std::string targets_text(const std::vector<HostPort>& targets)
{
    std::string text;
    for (const auto& target : targets) text += (text.empty() ? "" : ",") + target.to_text();
    return text;
}

std::string_view policy_name(bool replace) { return replace ? "replace" : "refuse"; }

Json user_json(const domain::User& user)
{
    return {{"id", user.id.value},
            {"user", user.name},
            {"name", user.name},
            {"roleId", user.role == domain::Role::admin ? 0 : 1},
            {"status", user.enabled ? 1 : 0},
            {"flow", gigabytes(user.allowance.quota)},
            {"num", user.allowance.max_forwards},
            {"expTime", expiry(user.allowance.expires)},
            {"flowResetTime", user.allowance.reset_day},
            {"createdTime", to_epoch_ms(user.created)},
            {"updatedTime", time_or_null(user.updated)},
            {"inFlow", user.used.up.value},
            {"outFlow", user.used.down.value},
            // Beyond the contract.
            {"maxConnections", user.caps.max_connections},
            {"maxClients", user.caps.clients.most},
            {"clientPolicy", policy_name(user.caps.clients.replace)}};
}

Json hour_json(const domain::HourlyFlow& hour)
{
    return {{"id", hour.id},
            {"userId", hour.user.value},
            {"flow", hour.flow.value},
            {"totalFlow", hour.total.value},
            {"time", domain::local_hour_text(hour.hour)}};
}

Json assignment_json(const panel::AssignmentView& view, bool in_package)
{
    const auto& one = view.assignment;
    Json out{{"id", one.id.value},
             {"userId", one.user.value},
             {"tunnelId", one.tunnel.value},
             {"tunnelName", view.tunnel_name},
             {"tunnelFlow", view.tunnel_factor},
             {"flow", gigabytes(one.allowance.quota)},
             {"inFlow", one.used.up.value},
             {"outFlow", one.used.down.value},
             {"num", one.allowance.max_forwards},
             {"flowResetTime", one.allowance.reset_day},
             {"expTime", expiry(one.allowance.expires)},
             {"speedId", one.speed_limit ? Json(one.speed_limit->value) : Json(nullptr)},
             {"speedLimitName", text_or_null(view.speed_limit_name)},
             {"status", one.enabled ? 1 : 0}};
    if (in_package) out["speed"] = view.speed_mbit ? Json(*view.speed_mbit) : Json(nullptr);
    return out;
}

Json speed_limit_json(const panel::SpeedLimitView& view)
{
    const auto& one = view.limit;
    return {{"id", one.id.value},
            {"name", one.name},
            {"speed", one.megabits},
            {"tunnelId", one.tunnel ? one.tunnel->value : 0},
            {"tunnelName", view.tunnel_name},
            {"status", one.enabled ? 1 : 0},
            {"createdTime", to_epoch_ms(one.created)},
            {"updatedTime", time_or_null(one.updated)}};
}

namespace {

// A text that holds JSON (contract 3.2).
std::string remote_config(const domain::RemoteNode& remote)
{
    return Json{{"shareId", remote.share},
                {"maxBandwidth", remote.quota.value},
                {"currentFlow", remote.used.value},
                {"expiryTime", expiry(remote.expires)},
                {"portRangeStart", remote.port_first},
                {"portRangeEnd", remote.port_last}}
        .dump();
}

} // namespace

Json node_json(const panel::NodeView& view)
{
    const auto& node = view.node;
    const auto& remote = view.remote;
    Json json{{"id", node.id.value},
              {"inx", node.order},
              {"name", node.name},
              {"ip", node.address},
              {"serverIp", node.address},
              {"serverIpV4", text_or_null(node.address_v4)},
              {"serverIpV6", text_or_null(node.address_v6)},
              {"port", node.remote && node.ports.empty() ? "0" : node.ports.to_text()},
              {"tcpListenAddr", node.tcp_listen},
              {"udpListenAddr", node.udp_listen},
              {"interfaceName", text_or_null(node.egress_interface)},
              {"version", text_or_null(node.version)},
              {"http", node.blocks.http ? 1 : 0},
              {"tls", node.blocks.tls ? 1 : 0},
              {"socks", node.blocks.socks ? 1 : 0},
              {"reachable", node.reachable ? 1 : 0},
              {"publicPorts", node.public_ports.to_text()},
              {"status", view.online ? 1 : 0},
              {"isRemote", node.remote ? 1 : 0},
              {"remoteUrl", remote ? Json(remote->url) : Json(nullptr)},
              {"remoteToken", nullptr}, // a credential of another panel: not shown again
              {"remoteConfig", remote ? Json(remote_config(*remote)) : Json(nullptr)},
              {"createdTime", to_epoch_ms(node.created)},
              {"local", node.local},
              {"tunnels", !remote || remote->key.has_value()},
              {"syncError", remote ? remote->problem : std::string{}}};
    return json;
}

Json tunnel_json(const panel::TunnelView& view)
{
    const auto& tunnel = view.tunnel;
    Json entries = Json::array();
    Json exits = Json::array();
    Json chain = Json::array();
    int place = 0;
    for (const auto& hop : tunnel.hops) {
        if (hop.role == domain::HopRole::entry) entries.push_back(hop_json(hop));
        if (hop.role == domain::HopRole::exit) exits.push_back(hop_json(hop));
        if (hop.role != domain::HopRole::middle) continue;
        if (chain.empty() || hop.place != place) chain.push_back(Json::array());
        place = hop.place;
        chain.back().push_back(hop_json(hop));
    }
    return {{"id", tunnel.id.value},
            {"inx", tunnel.order},
            {"name", tunnel.name},
            {"type", static_cast<int>(tunnel.type)},
            {"flow", tunnel.billing.factor},
            {"trafficRatio", tunnel.billing.ratio},
            {"status", tunnel.enabled ? 1 : 0},
            {"createdTime", to_epoch_ms(tunnel.created)},
            {"inIp", view.entry_addresses.empty() ? Json(nullptr) : Json(view.entry_addresses)},
            {"ipPreference", preference_name(tunnel.preference)},
            {"inNodeId", std::move(entries)},
            {"outNodeId", std::move(exits)},
            {"chainNodes", std::move(chain)}};
}

Json forward_json(const panel::ForwardView& view)
{
    const auto& forward = view.forward;
    const auto& options = forward.options;
    return {
        {"id", forward.id.value},
        {"userId", forward.owner.value},
        {"userName", forward.owner_name},
        {"name", forward.name},
        {"tunnelId", forward.tunnel.value},
        {"tunnelName", view.tunnel_name},
        {"inIp", view.entry_addresses.empty() ? Json(nullptr) : Json(view.entry_addresses)},
        {"inPort", first_port(forward)},
        {"remoteAddr", targets_text(forward.targets)},
        {"strategy", strategy_name(forward.pick)},
        {"inFlow", forward.used.up.value},
        {"outFlow", forward.used.down.value},
        {"createdTime", to_epoch_ms(forward.created)},
        {"status", forward.enabled ? 1 : 0},
        {"inx", forward.order},
        // Beyond the contract, for our own page.
        {"state", state_name(view.state)},
        {"stateReason", plan::to_text(view.fault)},
        {"stateDetail", view.fault_detail},
        {"upRate", view.up_rate},
        {"downRate", view.down_rate},
        {"connections", view.connections},
        {"listenIp", options.bind_address ? options.bind_address->to_text() : ""},
        {"protocol", options.tcp && options.udp ? "tcp+udp"
                     : options.tcp              ? "tcp"
                                                : "udp"},
        {"allowIps", networks_text(options.allow)},
        {"denyIps", networks_text(options.deny)},
        {"maxConnections", options.max_connections},
        {"maxClients", options.clients.most},
        {"clientPolicy", policy_name(options.clients.replace)},
        {"quotaState", !view.held_by                                ? ""
                       : view.state == panel::ForwardState::stopped ? "stopped"
                                                                    : "throttled"},
        {"quotaReason", view.held_by ? std::string{to_text(view.held_by->subject.kind)} + " " + std::string{to_text(view.held_by->rule.span)} : ""}};
}

Json package_forward_json(const panel::ForwardView& view)
{
    const auto& forward = view.forward;
    return {{"id", forward.id.value},
            {"name", forward.name},
            {"tunnelId", forward.tunnel.value},
            {"tunnelName", view.tunnel_name},
            {"inIp", view.entry_addresses},
            {"inPort", first_port(forward)},
            {"remoteAddr", targets_text(forward.targets)},
            {"inFlow", forward.used.up.value},
            {"outFlow", forward.used.down.value},
            {"status", forward.enabled ? 1 : 0},
            {"createdTime", to_epoch_ms(forward.created)}};
}

Json step_json(const panel::DiagnosisStep& step)
{
    const bool success = !step.failure && step.result.success;
    Json out{{"success", success},
             {"description", description(step)},
             {"nodeName", step.from_name.empty() ? "node_" + std::to_string(step.from.value) : step.from_name},
             {"nodeId", std::to_string(step.from.value)},
             {"targetIp", step.target.host},
             {"targetPort", step.target.port},
             {"averageTime", success ? step.result.average_ms : 0.0},
             {"packetLoss", success ? step.result.loss_percent : 100.0},
             {"message", probe_message(step)},
             {"fromChainType", static_cast<int>(step.from_role)}};
    if (step.from_role == domain::HopRole::middle) out["fromInx"] = step.from_place;
    if (step.to_role) out["toChainType"] = static_cast<int>(*step.to_role);
    if (step.to_role == domain::HopRole::middle) out["toInx"] = step.to_place;
    if (success) {
        out["minTime"] = step.result.minimum_ms;
        out["maxTime"] = step.result.maximum_ms;
        out["jitter"] = step.result.jitter_ms;
        out["resolved"] = step.result.resolved;
    }
    return out;
}

} // namespace sluice::flvx
