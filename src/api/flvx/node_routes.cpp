// Nodes, for administrators (FLVX contract 5.3).
#include "api/flvx/batch.hpp"
#include "api/flvx/order.hpp"
#include "api/flvx/route.hpp"
#include "api/flvx/shapes.hpp"
#include "base/text.hpp"

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

// clang-format off: a row of the table is a line
constexpr Route routes[] = {
    described({"/api/v1/node/list", Access::admin, Needs::anything, list_nodes}, "All nodes.", &shapes::page, gives_list(shapes::node), Reach::reading),
    described({"/api/v1/node/create", Access::admin, Needs::object, create_node}, "A new node.", &shapes::node_draft, gives(shapes::made_node), Reach::nodes),
    described({"/api/v1/node/update", Access::admin, Needs::object, update_node}, "Changes a node.", &shapes::node_draft, {}, Reach::nodes),
    described({"/api/v1/node/delete", Access::admin, Needs::object, delete_node}, "Deletes a node.", &shapes::id, {}, Reach::nodes),
    described({"/api/v1/node/batch-delete", Access::admin, Needs::object, delete_nodes}, "Deletes several nodes.", &shapes::ids, gives(shapes::batch), Reach::nodes),
    described({"/api/v1/node/install", Access::admin, Needs::object, install_node}, "One line for a shell that makes a machine this node; it holds a token for one use.", &shapes::id, gives(Kind::text), Reach::nodes),
    described({"/api/v1/node/check-status", Access::admin, Needs::nothing, list_nodes}, "All nodes.", nullptr, gives_list(shapes::node), Reach::reading),
    described({"/api/v1/node/update-order", Access::admin, Needs::object, order_nodes}, "In which order nodes are listed.", &shapes::node_order, {}, Reach::nodes),
};
// clang-format on

} // namespace

std::span<const Route> node_routes() { return routes; }

} // namespace sluice::flvx
