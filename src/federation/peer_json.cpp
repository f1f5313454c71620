#include "federation/peer_json.hpp"

#include "link/messages.hpp"
#include "link/plan_json.hpp"

#include <algorithm>

namespace sluice::federation {

namespace {

constexpr int version = 1;
constexpr std::size_t most_forgotten = 10'000;

// Values of a JSON object that somebody else wrote; what is missing or of another type is the fallback.
std::int64_t integer(const Json& from, const char* key, std::int64_t fallback = 0)
{
    const auto found = from.find(key);
    return found != from.end() && found->is_number_integer() ? found->get<std::int64_t>() : fallback;
}

std::string text(const Json& from, const char* key)
{
    const auto found = from.find(key);
    return found != from.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

std::optional<std::string> optional_text(const Json& from, const char* key)
{
    auto value = text(from, key);
    return value.empty() ? std::nullopt : std::optional{std::move(value)};
}

const Json& part(const Json& from, const char* key)
{
    static const Json nothing = Json::object();
    const auto found = from.find(key);
    return found != from.end() && found->is_object() ? *found : nothing;
}

const char* word(domain::ShareStop stop)
{
    switch (stop) {
    case domain::ShareStop::none: return "";
    case domain::ShareStop::disabled: return "disabled";
    case domain::ShareStop::expired: return "expired";
    case domain::ShareStop::used_up: return "used_up";
    }
    return "";
}

domain::ShareStop stop_of(const std::string& said)
{
    for (const auto stop : {domain::ShareStop::disabled, domain::ShareStop::expired, domain::ShareStop::used_up}) {
        if (said == word(stop)) return stop;
    }
    return said.empty() ? domain::ShareStop::none : domain::ShareStop::disabled;
}

} // namespace

Json offer_json(const panel::ShareOffer& offer)
{
    Json json{{"shareId", offer.share},
              {"shareName", offer.share_name},
              {"nodeId", offer.node},
              {"nodeName", offer.node_name},
              {"serverIp", offer.address},
              {"status", offer.online ? 1 : 0},
              {"maxBandwidth", offer.quota.value},
              {"currentFlow", offer.used.value},
              {"expiryTime", offer.expires ? to_epoch_ms(*offer.expires) : 0},
              {"portRangeStart", offer.port_first},
              {"portRangeEnd", offer.port_last}};
    if (!offer.key) return json;
    auto& own = json["sluice"] = {{"version", version}, {"key", offer.key->to_text()}, {"reachable", offer.reachable}};
    if (offer.address_v4) own["serverIpV4"] = *offer.address_v4;
    if (offer.address_v6) own["serverIpV6"] = *offer.address_v6;
    return json;
}

std::optional<panel::ShareOffer> offer_of(const Json& json)
{
    panel::ShareOffer offer;
    if (!json.is_object()) return std::nullopt;
    offer.share = integer(json, "shareId");
    offer.share_name = text(json, "shareName").substr(0, 200);
    offer.node = integer(json, "nodeId");
    offer.node_name = text(json, "nodeName").substr(0, 200);
    offer.address = text(json, "serverIp");
    offer.online = integer(json, "status") == 1;
    offer.quota = {std::max<std::int64_t>(0, integer(json, "maxBandwidth"))};
    offer.used = {std::max<std::int64_t>(0, integer(json, "currentFlow"))};
    if (const auto expires = integer(json, "expiryTime"); expires > 0) offer.expires = from_epoch_ms(expires);
    const auto first = integer(json, "portRangeStart");
    const auto last = integer(json, "portRangeEnd");
    if (offer.share <= 0 || first < 0 || first > last || last > 65535) return std::nullopt;
    offer.port_first = static_cast<std::uint16_t>(first);
    offer.port_last = static_cast<std::uint16_t>(last);
    const auto& own = part(json, "sluice");
    if (const auto key = Fingerprint::parse(text(own, "key")); key && integer(own, "version") == version) offer.key = *key;
    offer.address_v4 = optional_text(own, "serverIpV4");
    offer.address_v6 = optional_text(own, "serverIpV6");
    const auto reachable = own.find("reachable");
    offer.reachable = reachable == own.end() || !reachable->is_boolean() || reachable->get<bool>();
    return offer;
}

Json role_json(const panel::RoleWish& wish)
{
    Json targets = Json::array();
    for (const auto& target : wish.targets) targets.push_back({{"host", target.host}, {"port", target.port}, {"protocol", target.protocol}});
    Json json{{"reservationId", wish.reservation}, {"resourceKey", wish.resource_key}, {"role", wish.role},
              {"protocol", wish.protocol},         {"strategy", wish.strategy},        {"targets", std::move(targets)}};
    if (wish.tunnel) json["sluice"] = {{"version", version}, {"tunnel", wish.tunnel->value}};
    return json;
}

std::optional<TunnelId> tunnel_of(const Json& role)
{
    const auto& own = part(role, "sluice");
    const auto number = integer(own, "tunnel");
    if (integer(own, "version") != version || number <= 0) return std::nullopt;
    return TunnelId{number};
}

Json wish_json(const panel::PeerWish& wish)
{
    Json json{{"version", version}, {"panel", wish.consumer}, {"revision", wish.revision}};
    if (wish.plan) json["plan"] = Json::parse(link::encode_plan(*wish.plan));
    if (!wish.forgotten.empty()) {
        auto& forgotten = json["forgotten"] = Json::array();
        for (const auto id : wish.forgotten) forgotten.push_back(id.value);
    }
    return json;
}

Result<panel::PeerWish> wish_of(const Json& json)
{
    const auto bad = [](std::string why) { return make_error(Errc::invalid, "share.wish", std::move(why)); };
    if (!json.is_object() || integer(json, "version") != version) return bad("version");
    panel::PeerWish wish;
    wish.consumer = text(json, "panel");
    const auto revision = integer(json, "revision", -1);
    if (wish.consumer.empty() || wish.consumer.size() > 64 || revision < 0) return bad("panel or revision");
    wish.revision = static_cast<std::uint64_t>(revision);
    if (const auto plan = json.find("plan"); plan != json.end()) {
        auto decoded = link::decode_plan(plan->dump());
        if (!decoded) return bad(describe(decoded.error()));
        wish.plan = std::move(*decoded);
    }
    if (const auto forgotten = json.find("forgotten"); forgotten != json.end()) {
        if (!forgotten->is_array() || forgotten->size() > most_forgotten) return bad("forgotten");
        for (const auto& id : *forgotten) {
            if (!id.is_number_integer()) return bad("forgotten");
            wish.forgotten.emplace_back(ForwardId{id.get<std::int64_t>()});
        }
    }
    return wish;
}

Json state_json(const panel::PeerState& state)
{
    plan::Report report;
    report.sequence = 1;
    report.counters = state.counters;
    return {{"version", version},
            {"share", offer_json(state.offer)},
            {"stopped", word(state.stop)},
            {"revision", state.revision},
            {"applied", Json::parse(link::encode(state.applied))},
            {"report", Json::parse(link::encode(report))}};
}

std::optional<panel::PeerState> state_of(const Json& json)
{
    if (!json.is_object() || integer(json, "version") != version) return std::nullopt;
    panel::PeerState state;
    auto offer = offer_of(part(json, "share"));
    const auto revision = integer(json, "revision", -1);
    if (!offer || revision < 0) return std::nullopt;
    state.offer = std::move(*offer);
    state.stop = stop_of(text(json, "stopped"));
    state.revision = static_cast<std::uint64_t>(revision);
    auto applied = link::decode(part(json, "applied").dump());
    auto report = link::decode(part(json, "report").dump());
    if (!applied || !report) return std::nullopt;
    auto* results = std::get_if<plan::Applied>(&*applied);
    auto* counters = std::get_if<plan::Report>(&*report);
    if (results == nullptr || counters == nullptr) return std::nullopt;
    state.applied = std::move(*results);
    state.counters = std::move(counters->counters);
    return state;
}

} // namespace sluice::federation
