#include "panel/remote_nodes.hpp"

#include "base/log.hpp"
#include "base/random.hpp"
#include "base/text.hpp"
#include "domain/addresses.hpp"
#include "panel/chains.hpp"
#include "panel/context.hpp"
#include "panel/nodes.hpp"
#include "panel/vault.hpp"
#include "store/event_table.hpp"
#include "store/node_table.hpp"
#include "store/setting_table.hpp"
#include "store/share_table.hpp"
#include "store/tunnel_table.hpp"

#include <algorithm>
#include <future>

namespace sluice::panel {

namespace {

constexpr const char* own_id_setting = "internal.panel_id";
constexpr std::size_t longest_url = 300;
constexpr std::size_t most_asked_at_once = 8;
constexpr Milliseconds connect_deadline{10'000};
constexpr Milliseconds refresh_deadline{5'000};

Result<std::string> url_of(std::string_view text)
{
    auto url = std::string{trim(text)};
    while (!url.empty() && url.back() == '/') url.pop_back();
    const auto lower = to_lower(url);
    const bool scheme = lower.starts_with("https://") || lower.starts_with("http://");
    const auto visible = [](char c) { return c > ' ' && c < 127 && c != '@' && c != '#' && c != '?' && c != '"' && c != '\\'; };
    if (!scheme || url.size() > longest_url || !std::all_of(url.begin(), url.end(), visible)) return make_error(Errc::invalid, "remote.url");
    return url;
}

Result<void> check_pin(const std::string& pin)
{
    if (pin.empty()) return {};
    constexpr std::string_view prefix = "sha256//";
    const auto bytes = pin.starts_with(prefix) ? from_base64(std::string_view{pin}.substr(prefix.size())) : std::nullopt;
    if (!bytes || bytes->size() != 32) return make_error(Errc::invalid, "remote.pin");
    return {};
}

PortSet ports_of(const ShareOffer& offer)
{
    if (offer.port_last == 0) return {};
    return PortSet::range(std::max<std::uint16_t>(offer.port_first, 1), offer.port_last);
}

void write_offer(domain::RemoteNode& remote, const ShareOffer& offer)
{
    remote.share = offer.share;
    remote.share_name = offer.share_name;
    remote.quota = offer.quota;
    remote.used = offer.used;
    remote.expires = offer.expires;
    remote.port_first = offer.port_first;
    remote.port_last = offer.port_last;
    if (offer.key) remote.key = offer.key;
    remote.online = offer.online;
    remote.problem.clear();
}

// Addresses of another panel come from outside: what is none is left out.
void write_addresses(domain::Node& node, const ShareOffer& offer)
{
    const auto is_address = [](const std::string& text) { return IpAddress::parse(text) || is_host_name(text); };
    if (is_address(offer.address)) node.address = offer.address;
    const auto family = [](const std::optional<std::string>& text, bool v6) -> std::optional<std::string> {
        const auto address = text ? IpAddress::parse(*text) : make_error(Errc::invalid, "address");
        return address && address->is_v6() == v6 ? text : std::nullopt;
    };
    node.address_v4 = family(offer.address_v4, false);
    node.address_v6 = family(offer.address_v6, true);
    node.reachable = offer.reachable;
    node.ports = ports_of(offer);
}

std::string domain_of(store::ReadTx& tx)
{
    const auto setting = store::SettingTable(tx).find("panel_domain");
    return setting && is_host_name(setting->value) ? setting->value : std::string{};
}

bool same(const domain::RemoteNode& a, const domain::RemoteNode& b)
{
    return a.share_name == b.share_name && a.quota == b.quota && a.used == b.used && a.expires == b.expires && a.port_first == b.port_first &&
           a.port_last == b.port_last && a.key == b.key && a.online == b.online && a.problem == b.problem;
}

} // namespace

std::string problem_text(const Error& problem)
{
    const auto said = problem.args.empty() ? problem.detail : problem.args.front();
    if (problem.code == Errc::unauthenticated) return "provider_share_deleted";
    if (problem.code == Errc::forbidden && said == "Share expired") return "provider_share_expired";
    if (problem.code == Errc::forbidden && said == "Share is disabled") return "provider_share_disabled";
    return said.empty() ? std::string{to_text(problem.code)} : said;
}

Result<PeerAddress> peer_address(store::ReadTx& tx, const Context& context, NodeId node)
{
    store::RemoteNodeTable remotes(tx);
    const auto remote = remotes.find(node);
    if (!remote) return make_error(Errc::not_found, "node");
    auto token = unseal(context.key, RemoteNodes::token_purpose, remotes.token_of(node));
    if (!token) {
        const auto row = store::NodeTable(tx).find(node);
        return make_error(Errc::conflict, "tunnel.remote_config", describe(token.error()), {row ? row->name : std::string{}});
    }
    return PeerAddress{remote->url, remote->pin, std::move(*token), domain_of(tx)};
}

Result<ShareOffer> RemoteNodes::preview(const Actor& actor, const Import& import)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed.error();
    if (import.url.empty() || import.token.empty()) return make_error(Errc::invalid, "remote.url_or_token");
    const auto url = url_of(import.url);
    if (!url) return url.error();
    const auto& token = import.token.reveal();
    const auto visible = [](char c) { return c > ' ' && c < 127; };
    if (token.size() > 512 || !std::all_of(token.begin(), token.end(), visible)) return make_error(Errc::invalid, "remote.token");
    if (const auto pinned = check_pin(import.pin); !pinned) return pinned.error();
    if (!context_.peers) return make_error(Errc::unavailable, "peer", "this process asks no other panels");
    const auto domain = context_.store->read([](store::ReadTx& tx) -> Result<std::string> { return domain_of(tx); });
    if (!domain) return domain.error();
    return context_.peers->connect({*url, import.pin, import.token, *domain}, connect_deadline);
}

Result<NodeId> RemoteNodes::import(const Actor& actor, const Import& import)
{
    const auto offer = preview(actor, import);
    if (!offer) return offer.error();
    const auto url = url_of(import.url);
    if (!url) return url.error();
    const auto id = context_.store->write([&](store::WriteTx& tx) -> Result<NodeId> {
        if (store::RemoteNodeTable(tx).has(*url, offer->share)) return make_error(Errc::conflict, "remote.known");
        domain::Node node;
        node.name = import.name.empty() ? offer->node_name.substr(0, 90) + " (Remote)" : import.name;
        node.address = "0.0.0.0";
        write_addresses(node, *offer);
        node.uuid = make_uuid();
        node.created = context_.clock->wall();
        if (node.name.size() > 100 || !is_utf8(node.name)) return make_error(Errc::invalid, "node.name");
        const auto secret = random_hex(16); // nothing signs on with it
        const auto made = store::NodeTable(tx).insert(node, seal(context_.key, Nodes::secret_purpose, secret), sha256(secret));
        domain::RemoteNode remote;
        remote.node = made;
        remote.url = *url;
        remote.pin = import.pin;
        write_offer(remote, *offer);
        store::RemoteNodeTable(tx).insert(remote, seal(context_.key, token_purpose, import.token.reveal()));
        audit(tx, context_, actor, "remote.import", made.value, {}, node.name + ", " + *url + ", share " + std::to_string(offer->share));
        return made;
    });
    if (!id) return id;
    context_.peers->imported(*id);
    return id;
}

Result<std::vector<RemoteNodes::Usage>> RemoteNodes::usage(const Actor& actor)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed.error();
    const auto nodes = all();
    if (!nodes) return nodes.error();
    // Asked side by side, a few at a time: one that is away must not keep the others from answering.
    for (std::size_t first = 0; context_.peers && first < nodes->size(); first += most_asked_at_once) {
        std::vector<std::future<void>> asked;
        for (auto i = first; i < std::min(first + most_asked_at_once, nodes->size()); ++i) {
            asked.push_back(std::async(std::launch::async, [this, node = (*nodes)[i]] {
                const auto peer = address(node);
                const auto offer = peer ? context_.peers->connect(*peer, refresh_deadline) : Result<ShareOffer>{peer.error()};
                const auto noted = offer ? note_offer(node, *offer, domain::ShareStop::none) : note_problem(node, offer.error());
                if (!noted) log::warning("remote node not noted", {{"node", node.value}, {"problem", describe(noted.error())}});
            }));
        }
        for (auto& one : asked) one.get();
    }
    return context_.store->read([&](store::ReadTx& tx) -> Result<std::vector<Usage>> {
        std::vector<Usage> usages;
        for (auto& remote : store::RemoteNodeTable(tx).all()) {
            Usage usage;
            if (const auto node = store::NodeTable(tx).find(remote.node)) usage.node_name = node->name;
            for (auto& role : store::RemoteRoleTable(tx).of_node(remote.node)) {
                const auto tunnel = store::TunnelTable(tx).find(role.tunnel);
                usage.roles.push_back({std::move(role), tunnel ? tunnel->name : std::string{}});
            }
            usage.remote = std::move(remote);
            usages.push_back(std::move(usage));
        }
        return usages;
    });
}

Result<std::vector<NodeId>> RemoteNodes::all()
{
    return context_.store->read([](store::ReadTx& tx) -> Result<std::vector<NodeId>> {
        std::vector<NodeId> nodes;
        for (const auto& remote : store::RemoteNodeTable(tx).all()) nodes.push_back(remote.node);
        return nodes;
    });
}

Result<PeerAddress> RemoteNodes::address(NodeId node)
{
    return context_.store->read([&](store::ReadTx& tx) -> Result<PeerAddress> { return peer_address(tx, context_, node); });
}

Result<domain::RemoteNode> RemoteNodes::get(NodeId node)
{
    return context_.store->read([&](store::ReadTx& tx) -> Result<domain::RemoteNode> {
        auto remote = store::RemoteNodeTable(tx).find(node);
        if (!remote) return make_error(Errc::not_found, "node");
        return std::move(*remote);
    });
}

Result<std::string> RemoteNodes::own_id()
{
    const auto known = context_.store->read([](store::ReadTx& tx) -> Result<std::string> {
        const auto setting = store::SettingTable(tx).find(own_id_setting);
        return setting ? setting->value : std::string{};
    });
    if (!known || !known->empty()) return known;
    return context_.store->write([&](store::WriteTx& tx) -> Result<std::string> {
        store::SettingTable settings(tx);
        if (const auto setting = settings.find(own_id_setting)) return setting->value;
        auto made = make_uuid();
        settings.put(own_id_setting, made, context_.clock->wall());
        return made;
    });
}

Result<void> RemoteNodes::note_offer(NodeId id, const ShareOffer& offer, domain::ShareStop stop)
{
    const auto fresh = [&](domain::RemoteNode remote) {
        write_offer(remote, offer);
        if (stop == domain::ShareStop::disabled) remote.problem = "provider_share_disabled";
        if (stop == domain::ShareStop::expired) remote.problem = "provider_share_expired";
        const bool used_up = remote.quota.value > 0 && remote.used >= remote.quota;
        if (stop == domain::ShareStop::used_up || (stop == domain::ShareStop::none && used_up)) remote.problem = "Share traffic limit exceeded";
        return remote;
    };
    const auto news = context_.store->read([&](store::ReadTx& tx) -> Result<bool> {
        const auto remote = store::RemoteNodeTable(tx).find(id);
        const auto node = store::NodeTable(tx).find(id);
        return remote && node && (!same(*remote, fresh(*remote)) || node->ports != ports_of(offer));
    });
    if (!news) return news.error();
    if (!*news) return {};
    const auto revisions = context_.store->write([&](store::WriteTx& tx) -> Result<Revisions> {
        const auto remote = store::RemoteNodeTable(tx).find(id);
        auto node = store::NodeTable(tx).find(id);
        if (!remote || !node) return Revisions{};
        const auto now = fresh(*remote);
        store::RemoteNodeTable(tx).update(now);
        // Where it is was said when it was imported, and is the administrator's since; the ports are what the share gives.
        node->ports = ports_of(offer);
        store::NodeTable(tx).update(*node);
        if (now.key == remote->key) return Revisions{};
        // Its neighbours in tunnels know it by its key.
        auto affected = neighbours_of(tx, id);
        affected.push_back(id);
        return store::NodeTable(tx).bump_revision(affected);
    });
    if (!revisions) return revisions.error();
    announce_plans(context_, *revisions);
    return {};
}

Result<void> RemoteNodes::note_problem(NodeId node, const Error& problem)
{
    const auto text = problem_text(problem);
    const auto known = context_.store->read([&](store::ReadTx& tx) -> Result<bool> {
        const auto remote = store::RemoteNodeTable(tx).find(node);
        return !remote || (remote->problem == text && !remote->online);
    });
    if (!known) return known.error();
    if (*known) return {};
    return context_.store->write([&](store::WriteTx& tx) -> Result<void> {
        auto remote = store::RemoteNodeTable(tx).find(node);
        if (!remote) return {};
        remote->problem = text;
        remote->online = false;
        store::RemoteNodeTable(tx).update(*remote);
        return {};
    });
}

} // namespace sluice::panel
