#include "panel/enrolment.hpp"

#include "base/address.hpp"
#include "base/random.hpp"
#include "base/text.hpp"
#include "panel/context.hpp"
#include "panel/vault.hpp"
#include "store/enrolment_table.hpp"
#include "store/event_table.hpp"
#include "store/node_table.hpp"
#include "store/setting_table.hpp"
#include "store/tunnel_table.hpp"

#include <algorithm>

namespace sluice::panel {

namespace {

constexpr const char* address_setting = "ip"; // FLVX contract 5.3 named it, and its clients set it
constexpr std::size_t token_bytes = 32;
constexpr std::size_t most_addresses = 8;
constexpr std::uint16_t own_port = 6365;

Error bad_address() { return make_error(Errc::invalid, "node.panel_address"); }

// Nothing of an address may mean something to a shell.
bool is_path(std::string_view text)
{
    return text.size() <= 200 && std::all_of(text.begin(), text.end(), [](unsigned char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '-' || c == '_' || c == '.';
           });
}

Result<PanelAddress> parse_panel_address(std::string_view text)
{
    PanelAddress address;
    std::uint16_t port = own_port;
    for (const std::string_view scheme : {"https://", "http://"}) {
        if (to_lower(text.substr(0, scheme.size())) != scheme) continue;
        text.remove_prefix(scheme.size());
        address.pinned = scheme == "http://"; // our own port speaks both; a proxy's https is its own
        if (!address.pinned) port = 443;
        break;
    }
    const auto slash = text.find('/');
    auto path = slash == std::string_view::npos ? std::string_view{} : text.substr(slash);
    text = text.substr(0, slash);
    while (!path.empty() && path.back() == '/') path.remove_suffix(1);
    if (!is_path(path)) return bad_address();

    std::string host;
    if (const auto lone = IpAddress::parse(text)) {
        host = lone->is_v6() ? "[" + lone->to_text() + "]" : lone->to_text();
    } else if (const auto whole = HostPort::parse(text)) {
        port = whole->port;
        host = whole->host.find(':') == std::string::npos ? whole->host : "[" + whole->host + "]";
    } else if (is_host_name(text)) {
        host = to_lower(text);
    }
    if (host.empty() || port == 0) return bad_address();
    // An address is nobody's name in a certificate that the world trusts, so it must be ours.
    if (IpAddress::parse(host)) address.pinned = true;
    address.url = "https://" + host + (!address.pinned && port == 443 ? "" : ":" + std::to_string(port)) + std::string{path};
    return address;
}

} // namespace

Result<std::vector<PanelAddress>> parse_panel_addresses(std::string_view text)
{
    std::vector<PanelAddress> addresses;
    for (const auto piece : split(text, ',')) {
        auto address = parse_panel_address(trim(piece));
        if (!address) return address.error();
        addresses.push_back(std::move(*address));
    }
    if (addresses.size() > most_addresses) return bad_address();
    return addresses;
}

Result<std::string> Enrolment::install_line(const Actor& actor, NodeId id)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed.error();
    const auto token = to_base64url(random_bytes(token_bytes));
    auto addresses = context_.store->write([&](store::WriteTx& tx) -> Result<std::vector<PanelAddress>> {
        const auto node = store::NodeTable(tx).find(id);
        if (!node) return make_error(Errc::not_found, "node");
        if (node->local) return make_error(Errc::conflict, "node.local_install");
        if (node->remote) return make_error(Errc::conflict, "node.remote");
        const auto setting = store::SettingTable(tx).find(address_setting);
        if (!setting || trim(setting->value).empty()) return bad_address();
        auto parsed = parse_panel_addresses(setting->value);
        if (!parsed) return parsed.error();
        const auto now = context_.clock->wall();
        store::EnrolmentTable table(tx);
        table.remove_expired_tokens(now - token_life); // a day longer than they count, so that a late node hears "expired"
        table.add_token(sha256(token), id, now, now + token_life);
        audit(tx, context_, actor, "node.install", id.value, {}, node->name);
        return parsed;
    });
    if (!addresses) return addresses.error();

    std::string connects;
    bool pinned = false;
    for (const auto& address : *addresses) {
        connects += " --connect " + address.url;
        pinned = pinned || address.pinned;
    }
    const auto tls = pinned && pins_.tls ? pins_.tls() : std::string{};
    const auto& first = addresses->front();
    return "curl -fsSL" + (first.pinned ? "k --pinnedpubkey '" + tls + "'" : "") + " " + first.url + "/install.sh | SLUICE_TOKEN=" + token +
           " sh -s --" + connects + " --pin " + pins_.link + (pinned ? " --tls-pin " + tls : "");
}

Result<Enrolment::Greeted> Enrolment::greet(const Fingerprint& key, const Secret* token, const std::string& version)
{
    Revisions revisions;
    auto outcome = context_.store->write([&](store::WriteTx& tx) -> Result<Greeted> {
        store::EnrolmentTable table(tx);
        store::NodeTable nodes(tx);
        std::vector<NodeId> neighbours; // in tunnels: their plans name this node's key
        const auto now = context_.clock->wall();
        const auto known = nodes.find_by_key(key);
        const auto refused = [](const char* why) { return make_error(Errc::unauthenticated, why); };
        Greeted greeted;
        const char* token_problem = nullptr;
        if (token) {
            const auto hash = sha256(token->reveal());
            const auto found = table.find_token(hash);
            if (!found)
                token_problem = "node.token_unknown";
            else if (found->used)
                token_problem = "node.token_used";
            else if (found->expires <= now)
                token_problem = "node.token_expired";
            else {
                const auto before = nodes.find(found->node)->key; // tokens go with their node
                greeted.node = found->node;
                greeted.key_changed = before && *before != key;
                table.use_token(hash, now);
                table.withdraw_tokens(found->node); // who enrolled is the node; no second machine may take it over with an old line
                if (known && *known != found->node) nodes.set_key(*known, std::nullopt); // the machine leaves the node that it was
                nodes.set_key(found->node, key);
                for (const auto id : store::TunnelTable(tx).using_node(found->node)) {
                    const auto tunnel = store::TunnelTable(tx).find(id);
                    for (const auto& hop : tunnel->hops) neighbours.push_back(hop.node);
                }
                store::EventRow event;
                event.kind = "node.enrolled";
                event.node = found->node;
                record(tx, context_, std::move(event));
            }
        }
        if (!greeted.node) {
            if (!known) return refused(token_problem ? token_problem : "node.key");
            greeted.node = *known;
        }
        revisions = nodes.bump_revision(neighbours);
        const auto node = nodes.find(greeted.node);
        if (!node) return refused("node.key");
        if (node->version != version) nodes.set_version(greeted.node, version);
        greeted.name = node->name;
        greeted.revision = node->revision;
        return greeted;
    });
    if (outcome) announce_plans(context_, revisions);
    return outcome;
}

} // namespace sluice::panel
