// Nodes, for administrators (FLVX contract 5.3).
#include "api/flvx/batch.hpp"
#include "api/flvx/order.hpp"
#include "api/flvx/route.hpp"
#include "api/flvx/shapes.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <ctime>

namespace sluice::flvx {

namespace {

constexpr const char* default_ports = "1000-65535";
constexpr const char* default_listen = "[::]";

Reply list_nodes(Call& call)
{
    const auto nodes = call.panel.nodes().list(call.who());
    return nodes ? ok(listing(call, *nodes, node_json)) : fail(nodes.error());
}

Result<PortSet> ports_of(const Body& body)
{
    const auto text = body.text("port");
    auto ports = PortSet::parse(text.empty() ? default_ports : text);
    if (!ports) return make_error(Errc::invalid, "node.ports", ports.error().detail);
    return ports;
}

std::string text_or(const Body& body, const char* key, const char* fallback)
{
    auto text = body.text(key);
    return text.empty() ? fallback : text;
}

Reply create_node(Call& call)
{
    const auto& body = call.body;
    domain::NodeDraft draft;
    draft.name = body.text("name");
    draft.address = body.text("serverIp");
    if (draft.name.empty() || draft.address.empty()) return fail(make_error(Errc::invalid, "node.name_or_address"));
    draft.address_v4 = text_or_null(body, "serverIpV4");
    draft.address_v6 = text_or_null(body, "serverIpV6");
    auto ports = ports_of(body);
    if (!ports) return fail(ports.error());
    draft.ports = std::move(*ports);
    draft.egress_interface = text_or_null(body, "interfaceName");
    draft.tcp_listen = text_or(body, "tcpListenAddr", default_listen);
    draft.udp_listen = text_or(body, "udpListenAddr", default_listen);
    draft.blocks = {body.integer("http", 0) != 0, body.integer("tls", 0) != 0, body.integer("socks", 0) != 0};
    draft.reachable = body.integer("reachable", 1) != 0;
    auto outside = domain::PortMap::parse(body.text("publicPorts"));
    if (!outside) return fail(outside.error());
    draft.public_ports = std::move(*outside);
    const auto made = call.panel.nodes().create(call.who(), draft);
    if (!made) return fail(made.error());
    return ok({{"id", made->id.value}, {"secret", made->secret.reveal()}});
}

Reply update_node(Call& call)
{
    const auto& body = call.body;
    const auto id = id_of(call);
    if (!id) return fail(-1, "节点ID不能为空");
    domain::NodePatch patch;
    patch.name = body.text("name");
    patch.address = body.text("serverIp");
    if (const auto known = call.panel.nodes().get(call.who(), NodeId{*id}); !known) return fail(known.error());
    if (patch.name->empty() || patch.address->empty()) return fail(make_error(Errc::invalid, "node.name_or_address"));
    patch.address_v4 = text_or_null(body, "serverIpV4");
    patch.address_v6 = text_or_null(body, "serverIpV6");
    auto ports = ports_of(body);
    if (!ports) return fail(ports.error());
    patch.ports = std::move(*ports);
    patch.egress_interface = text_or_null(body, "interfaceName");
    patch.tcp_listen = text_or(body, "tcpListenAddr", default_listen);
    patch.udp_listen = text_or(body, "udpListenAddr", default_listen);
    if (body.has("reachable")) patch.reachable = body.integer("reachable", 1) != 0;
    if (body.has("publicPorts")) {
        auto outside = domain::PortMap::parse(body.text("publicPorts"));
        if (!outside) return fail(outside.error());
        patch.public_ports = std::move(*outside);
    }
    if (body.has("http")) patch.block_http = body.integer("http", 0) != 0;
    if (body.has("tls")) patch.block_tls = body.integer("tls", 0) != 0;
    if (body.has("socks")) patch.block_socks = body.integer("socks", 0) != 0;
    const auto updated = call.panel.nodes().update(call.who(), NodeId{*id}, patch);
    return updated ? ok() : fail(updated.error());
}

Reply delete_node(Call& call)
{
    const auto id = id_of(call);
    if (!id) return fail(-1, "参数错误");
    const auto removed = call.panel.nodes().remove(call.who(), NodeId{*id});
    return removed ? ok() : fail(removed.error());
}

// One line for a shell; it carries a token for one use.
Reply install_node(Call& call)
{
    const auto id = id_of(call);
    if (!id) return fail(-1, "参数错误");
    auto line = call.panel.enrolment().install_line(call.who(), NodeId{*id});
    return line ? ok(std::move(*line)) : fail(line.error());
}

Reply order_nodes(Call& call)
{
    const auto order = read_order<NodeId>(call.body, "nodes");
    if (!order) return fail(order.error());
    const auto done = call.panel.nodes().reorder(call.who(), *order);
    return done ? ok() : fail(done.error());
}

Reply delete_nodes(Call& call)
{
    return batch_of_ids(call, [&call](std::int64_t id) { return call.panel.nodes().remove(call.who(), NodeId{id}); });
}

panel::Channel channel_of(const Body& body) { return body.text("channel") == "dev" ? panel::Channel::dev : panel::Channel::stable; }

const char* name_of(panel::Channel channel) { return channel == panel::Channel::dev ? "dev" : "stable"; }

std::string iso8601(WallTime time)
{
    const auto seconds = static_cast<std::time_t>(to_epoch_ms(time) / 1000);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 32> text{};
    return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

// Errors of these endpoints begin with what failed, and most have a code of their own (contract 5.3).
Reply failed_to(const char* what, const Error& error)
{
    auto reply = fail(error);
    if (reply.code == 403) return reply;
    return fail(-2, std::string{what} + "失败: " + reply.message);
}

Reply list_releases(Call& call)
{
    const auto channel = channel_of(call.body);
    const auto releases = call.panel.upgrades().releases(call.who(), channel);
    if (!releases) return failed_to("获取版本列表", releases.error());
    Json list = Json::array();
    for (const auto& one : *releases) {
        list.push_back({{"version", one.version},
                        {"name", "Sluice " + one.version},
                        {"publishedAt", iso8601(one.published)},
                        {"prerelease", !one.stable},
                        {"channel", name_of(channel)}});
    }
    return ok(std::move(list));
}

Result<std::string> wanted_version(const Call& call)
{
    return call.panel.upgrades().choose(call.who(), std::string{trim(call.body.text("version"))}, channel_of(call.body));
}

Reply no_version(const Call& call, const Error& error)
{
    return failed_to(channel_of(call.body) == panel::Channel::dev ? "获取最新测试版" : "获取最新正式版", error);
}

// An answer of the node; a client waits for it at most five minutes.
Reply upgrade_node(Call& call)
{
    const auto id = id_of(call);
    if (!id) return fail(-1, "节点ID无效");
    const auto version = wanted_version(call);
    if (!version) return no_version(call, version.error());
    const auto done = call.panel.upgrades().upgrade(call.who(), NodeId{*id}, *version);
    if (!done) return failed_to("升级", done.error());
    return ok({{"version", *version}, {"message", "OK"}});
}

Reply upgrade_nodes(Call& call)
{
    if (!call.body.is_list("ids") || call.body.json()["ids"].empty()) return fail(-1, "ids不能为空");
    std::vector<NodeId> nodes;
    for (const auto id : call.body.ids("ids")) {
        if (std::find(nodes.begin(), nodes.end(), NodeId{id}) == nodes.end()) nodes.emplace_back(id);
    }
    if (nodes.empty()) return fail(-1, "ids不能为空");
    if (nodes.size() > most_in_batch) return fail(make_error(Errc::invalid, "body"));
    const auto version = wanted_version(call);
    if (!version) return no_version(call, version.error());
    Json results = Json::array();
    for (const auto& outcome : call.panel.upgrades().upgrade_all(call.who(), nodes, *version)) {
        results.push_back({{"id", outcome.node.value},
                           {"success", static_cast<bool>(outcome.result)},
                           {"message", outcome.result ? "OK" : fail(outcome.result.error()).message}});
    }
    return ok({{"version", *version}, {"results", std::move(results)}});
}

Reply roll_back_node(Call& call)
{
    const auto id = id_of(call);
    if (!id) return fail(-1, "节点ID无效");
    const auto done = call.panel.upgrades().roll_back(call.who(), NodeId{*id});
    if (!done) return failed_to("回退", done.error());
    return ok({{"message", "OK"}});
}

// clang-format off: a row of the table is a line
constexpr Route routes[] = {
    described({"/api/v1/node/list", Access::admin, Needs::anything, list_nodes}, "All nodes.", &shapes::page, gives_list(shapes::node), Reach::reading),
    described({"/api/v1/node/create", Access::admin, Needs::object, create_node}, "A new node.", &shapes::node_draft, gives(shapes::made_node), Reach::nodes),
    described({"/api/v1/node/update", Access::admin, Needs::object, update_node}, "Changes a node.", &shapes::node_draft, {}, Reach::nodes),
    described({"/api/v1/node/delete", Access::admin, Needs::object, delete_node}, "Deletes a node.", &shapes::id, {}, Reach::nodes),
    described({"/api/v1/node/batch-delete", Access::admin, Needs::object, delete_nodes}, "Deletes several nodes.", &shapes::ids, gives(shapes::batch), Reach::nodes),
    described({"/api/v1/node/install", Access::admin, Needs::object, install_node}, "One line for a shell that makes a machine this node; it holds a token for one use.", &shapes::id, gives(Kind::text), Reach::nodes),
    described({"/api/v1/node/releases", Access::admin, Needs::object_or_empty, list_releases}, "The versions that this panel can give to nodes, newest first.", &shapes::channel, gives_list(shapes::release), Reach::reading),
    described({"/api/v1/node/upgrade", Access::admin, Needs::object, upgrade_node}, "Makes a node run another version; waits until it does, or runs as before.", &shapes::upgrade, gives(shapes::upgraded), Reach::nodes),
    described({"/api/v1/node/batch-upgrade", Access::admin, Needs::object, upgrade_nodes}, "The same for several nodes, in growing waves; a wave with a failure is the last one.", &shapes::upgrades, gives(shapes::upgrade_results), Reach::nodes),
    described({"/api/v1/node/rollback", Access::admin, Needs::object, roll_back_node}, "Makes a node run what it ran before its last upgrade.", &shapes::id, gives(shapes::message), Reach::nodes),
    described({"/api/v1/node/check-status", Access::admin, Needs::nothing, list_nodes}, "All nodes.", nullptr, gives_list(shapes::node), Reach::reading),
    described({"/api/v1/node/update-order", Access::admin, Needs::object, order_nodes}, "In which order nodes are listed.", &shapes::node_order, {}, Reach::nodes),
};
// clang-format on

} // namespace

std::span<const Route> node_routes() { return routes; }

} // namespace sluice::flvx
