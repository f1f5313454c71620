// Sharing nodes with other panels, and using theirs; for administrators (FLVX contract 5.9). Words are English there.
#include "api/flvx/messages.hpp"
#include "api/flvx/route.hpp"
#include "api/flvx/shapes.hpp"
#include "base/text.hpp"
#include "federation/peer_json.hpp"

#include <algorithm>

namespace sluice::flvx {

namespace {

std::string joined(const std::vector<std::string>& words)
{
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : ",") + word;
    return text;
}

std::string joined(const std::vector<Cidr>& networks)
{
    std::string text;
    for (const auto& network : networks) text += (text.empty() ? "" : ",") + network.to_text();
    return text;
}

const char* role_word(domain::ShareRoleKind kind)
{
    switch (kind) {
    case domain::ShareRoleKind::reserved: return "";
    case domain::ShareRoleKind::middle: return "middle";
    case domain::ShareRoleKind::exit: return "exit";
    case domain::ShareRoleKind::leg: return "leg";
    case domain::ShareRoleKind::entry:
    case domain::ShareRoleKind::service: return "entry";
    case domain::ShareRoleKind::limiter: return "limiter";
    }
    return "";
}

const char* stop_word(domain::ShareStop stop)
{
    switch (stop) {
    case domain::ShareStop::none: return "";
    case domain::ShareStop::disabled: return "disabled";
    case domain::ShareStop::expired: return "expired";
    case domain::ShareStop::used_up: return "used_up";
    }
    return "";
}

Json share_json(const panel::ShareView& view, const std::string& pin)
{
    const auto& share = view.share;
    std::vector<std::uint16_t> ports;
    Json details = Json::array();
    for (const auto& role : view.roles) {
        if (!role.port) continue;
        ports.push_back(*role.port);
        details.push_back({{"runtimeId", role.id.value},
                           {"port", *role.port},
                           {"role", role_word(role.kind)},
                           {"protocol", role.protocol},
                           {"resourceKey", role.resource_key},
                           {"applied", role.applied ? 1 : 0},
                           {"updatedTime", to_epoch_ms(role.updated)}});
    }
    ports.erase(std::unique(ports.begin(), ports.end()), ports.end());
    return {{"id", share.id.value},
            {"name", share.name},
            {"nodeId", share.node.value},
            {"nodeName", view.node_name},
            {"token", view.token.reveal()},
            {"maxBandwidth", share.quota.value},
            {"expiryTime", expiry(share.expires)},
            {"portRangeStart", share.port_first},
            {"portRangeEnd", share.port_last},
            {"currentFlow", share.used.value},
            {"isActive", share.enabled ? 1 : 0},
            {"createdTime", to_epoch_ms(share.created)},
            {"updatedTime", to_epoch_ms(share.updated.value_or(share.created))},
            {"allowedDomains", joined(share.domains)},
            {"allowedIps", joined(share.addresses)},
            {"usedPorts", ports},
            {"usedPortDetails", std::move(details)},
            {"activeRuntimeNum", view.roles.size()},
            {"stopped", stop_word(view.stop)},
            {"pin", pin}};
}

Reply list_shares(Call& call)
{
    const auto shares = call.panel.shares().list(call.who());
    if (!shares) return fail(shares.error());
    Json items = Json::array();
    const auto pin = call.panel.enrolment().tls_pin();
    for (const auto& share : *shares) items.push_back(share_json(share, pin));
    return ok(std::move(items));
}

// Errors: invalid "body" (a wrong type), and those of Shares, in the contract's order after the name.
Result<domain::ShareDraft> read_draft(Body& body)
{
    domain::ShareDraft draft;
    draft.name = std::string{trim(body.exact_text("name"))};
    draft.node = NodeId{body.exact_integer("nodeId")};
    draft.quota = {body.exact_integer("maxBandwidth")};
    const auto expires = body.exact_integer("expiryTime");
    const auto first = body.exact_integer("portRangeStart");
    const auto last = body.exact_integer("portRangeEnd");
    const auto domains = body.exact_text("allowedDomains");
    const auto addresses = body.exact_text("allowedIps");
    if (body.bad()) return make_error(Errc::invalid, "body");
    if (draft.quota.value < 0) return make_error(Errc::invalid, "share.quota");
    if (expires < 0) return make_error(Errc::invalid, "share.expires");
    draft.expires = from_expiry(expires);
    if (first < 0 || first > 65535 || last < 0 || last > 65535) return make_error(Errc::invalid, "share.range");
    if (first > last) return make_error(Errc::invalid, "share.range_order");
    draft.port_first = static_cast<std::uint16_t>(first);
    draft.port_last = static_cast<std::uint16_t>(last);
    for (const auto item : split(domains, ',')) {
        if (const auto domain = to_lower(trim(item)); !domain.empty()) draft.domains.push_back(domain);
    }
    for (const auto item : split(addresses, ',')) {
        const auto word = trim(item);
        if (word.empty()) continue;
        const auto network = Cidr::parse(word);
        if (!network) return make_error(Errc::invalid, "share.address_item", {}, {std::string{word}.substr(0, 100)});
        if (std::find(draft.addresses.begin(), draft.addresses.end(), *network) == draft.addresses.end()) draft.addresses.push_back(*network);
    }
    return draft;
}

Reply bad_json() { return fail(-1, "Invalid JSON"); }

Reply fail_draft(const Error& error) { return error.field == "body" ? bad_json() : fail(error); }

Reply create_share(Call& call)
{
    const auto name = std::string{trim(call.body.exact_text("name"))};
    const auto node = call.body.exact_integer("nodeId");
    if (call.body.bad()) return bad_json();
    if (name.empty() || node <= 0) return fail(make_error(Errc::invalid, "share.name_or_node"));
    const auto draft = read_draft(call.body);
    if (!draft) return fail_draft(draft.error());
    const auto made = call.panel.shares().create(call.who(), *draft);
    if (!made) return fail(made.error());
    return ok({{"id", made->id.value}, {"token", made->token.reveal()}, {"pin", call.panel.enrolment().tls_pin()}});
}

std::optional<ShareId> share_of(Call& call)
{
    const auto id = call.body.exact_integer("id");
    return id > 0 ? std::optional{ShareId{id}} : std::nullopt;
}

Reply update_share(Call& call)
{
    const auto id = share_of(call);
    if (call.body.bad()) return bad_json();
    if (!id) return fail(make_error(Errc::invalid, "share.id"));
    const auto known = call.panel.shares().get(call.who(), *id);
    if (!known) return fail(known.error());
    if (trim(call.body.exact_text("name")).empty()) return call.body.bad() ? bad_json() : fail(make_error(Errc::invalid, "share.name"));
    const auto draft = read_draft(call.body);
    if (!draft) return fail_draft(draft.error());
    std::optional<bool> enabled;
    if (call.body.has("isActive")) enabled = call.body.exact_integer("isActive") != 0;
    if (call.body.bad()) return bad_json();
    const auto updated = call.panel.shares().update(call.who(), *id, *draft, enabled);
    return updated ? ok() : fail(updated.error());
}

Reply delete_share(Call& call)
{
    const auto id = share_of(call);
    if (call.body.bad()) return bad_json();
    if (!id) return fail(make_error(Errc::invalid, "share.id"));
    const auto removed = call.panel.shares().remove(call.who(), *id);
    return removed ? ok() : fail(removed.error());
}

Reply reset_share(Call& call)
{
    const auto id = share_of(call);
    if (call.body.bad()) return bad_json();
    if (!id) return fail(make_error(Errc::invalid, "share.id"));
    const auto reset = call.panel.shares().reset_used(call.who(), *id);
    return reset ? ok() : fail(reset.error());
}

Json usage_json(const panel::RemoteNodes::Usage& usage)
{
    const auto& remote = usage.remote;
    Json ports = Json::array();
    Json bindings = Json::array();
    for (const auto& [role, tunnel] : usage.roles) {
        ports.push_back(role.port);
        bindings.push_back({{"bindingId", role.id},
                            {"tunnelId", role.tunnel.value},
                            {"tunnelName", tunnel},
                            {"chainType", static_cast<int>(role.role)},
                            {"hopInx", role.place},
                            {"allocatedPort", role.port},
                            {"resourceKey", role.resource_key},
                            {"remoteBindingId", role.binding},
                            {"updatedTime", to_epoch_ms(role.updated)}});
    }
    const auto count = bindings.size();
    Json json{{"nodeId", remote.node.value},      {"nodeName", usage.node_name},
              {"remoteUrl", remote.url},          {"shareId", remote.share},
              {"shareName", remote.share_name},   {"portRangeStart", remote.port_first},
              {"portRangeEnd", remote.port_last}, {"maxBandwidth", remote.quota.value},
              {"currentFlow", remote.used.value}, {"expiryTime", expiry(remote.expires)},
              {"usedPorts", std::move(ports)},    {"bindings", std::move(bindings)},
              {"activeBindingNum", count},        {"tunnels", remote.key.has_value()}};
    if (!remote.problem.empty()) json["syncError"] = remote.problem;
    return json;
}

Reply list_usage(Call& call)
{
    const auto usages = call.panel.remote_nodes().usage(call.who());
    if (!usages) return fail(usages.error());
    Json items = Json::array();
    for (const auto& usage : *usages) items.push_back(usage_json(usage));
    return ok(std::move(items));
}

// Errors: invalid "body".
Result<panel::RemoteNodes::Import> read_import(Body& body)
{
    panel::RemoteNodes::Import import;
    import.url = std::string{trim(body.exact_text("remoteUrl"))};
    import.token = Secret{std::string{trim(body.exact_text(body.either("token", "remoteToken")))}};
    import.pin = std::string{trim(body.exact_text("pin"))};
    import.name = std::string{trim(body.exact_text("name"))};
    if (body.bad()) return make_error(Errc::invalid, "body");
    return import;
}

Reply fail_import(const Error& error)
{
    if (error.field != "peer") return fail(error);
    return fail(-2, "Failed to connect: " + (error.args.empty() ? std::string{to_text(error.code)} : error.args.front()));
}

Reply preview_node(Call& call)
{
    const auto import = read_import(call.body);
    if (!import) return bad_json();
    const auto offer = call.panel.remote_nodes().preview(call.who(), *import);
    if (!offer) return fail_import(offer.error());
    auto json = federation::offer_json(*offer);
    json.erase("sluice");
    json["tunnels"] = offer->key.has_value();
    return ok(std::move(json));
}

Reply import_node(Call& call)
{
    const auto import = read_import(call.body);
    if (!import) return bad_json();
    const auto made = call.panel.remote_nodes().import(call.who(), *import);
    return made ? ok({{"id", made->value}}) : fail_import(made.error());
}

constexpr Route english(Route route)
{
    route.bad_body = "Invalid JSON";
    route.bad_method = "Invalid method";
    return route;
}

// clang-format off: a row of the table is a line
constexpr Route routes[] = {
    described(english({"/api/v1/federation/share/list", Access::admin, Needs::nothing, list_shares}), "Nodes that are shared with other panels, newest first.", nullptr, gives_list(shapes::share)),
    described(english({"/api/v1/federation/share/create", Access::admin, Needs::object, create_share}), "Shares a node.", &shapes::share_draft, gives(shapes::made_share), Reach::nodes),
    described(english({"/api/v1/federation/share/update", Access::admin, Needs::object, update_share}), "Changes a share; node, token and traffic stay.", &shapes::share_draft, {}, Reach::nodes),
    described(english({"/api/v1/federation/share/delete", Access::admin, Needs::object, delete_share}), "Ends a share and its traffic.", &shapes::id, {}, Reach::nodes),
    described(english({"/api/v1/federation/share/reset-flow", Access::admin, Needs::object, reset_share}), "Counts the traffic of a share from zero.", &shapes::id, {}, Reach::nodes),
    described(english({"/api/v1/federation/share/remote-usage/list", Access::admin, Needs::nothing, list_usage}), "What this panel uses of other panels' nodes, newest first; each panel is asked.", nullptr, gives_list(shapes::remote_usage), Reach::reading),
    described(english({"/api/v1/federation/node/preview", Access::admin, Needs::object, preview_node}), "What a share of another panel offers.", &shapes::remote_import, gives(shapes::share_offer), Reach::nodes),
    described(english({"/api/v1/federation/node/import", Access::admin, Needs::object, import_node}), "Makes a shared node of another panel a node here.", &shapes::remote_import, gives(shapes::made), Reach::nodes),
};
// clang-format on

} // namespace

std::span<const Route> federation_routes() { return routes; }

} // namespace sluice::flvx
