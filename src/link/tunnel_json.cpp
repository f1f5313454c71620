// The plan's tunnels as JSON: neighbours, what may pass, where exits go.
#include "link/json_fields.hpp"

namespace sluice::link {

namespace {

constexpr std::size_t most_neighbours = 256;
constexpr std::size_t most_protocols = 16;
constexpr std::size_t longest_words = 255;

Fingerprint key_of(const json& from)
{
    const auto key = Fingerprint::parse(words(from, "key", longest_words));
    if (!key) throw Malformed{"key"};
    return *key;
}

json encode_neighbours(const std::vector<plan::Neighbour>& neighbours)
{
    json list = json::array();
    for (const auto& neighbour : neighbours) {
        json one{{"key", neighbour.key.to_text()}, {"multiplexed", neighbour.multiplexed}};
        if (const auto& dial = neighbour.dial) {
            one["dial"] = {{"address", dial->address.to_text()}, {"websocket", dial->websocket}, {"outer_tls", dial->outer_tls},
                           {"server_name", dial->server_name},   {"alpn", dial->alpn},           {"path", dial->path}};
        }
        list.push_back(std::move(one));
    }
    return list;
}

std::vector<plan::Neighbour> decode_neighbours(const json& from, const char* field)
{
    std::vector<plan::Neighbour> neighbours;
    for (const auto& item : list(from, field, most_neighbours)) {
        plan::Neighbour neighbour;
        neighbour.key = key_of(item);
        neighbour.multiplexed = item.at("multiplexed").get<bool>();
        if (item.contains("dial")) {
            const auto& at = item.at("dial");
            plan::Dial dial;
            auto address = HostPort::parse(words(at, "address", 300));
            if (!address) throw Malformed{"address"};
            dial.address = std::move(*address);
            dial.websocket = at.at("websocket").get<bool>();
            dial.outer_tls = at.at("outer_tls").get<bool>();
            dial.server_name = words(at, "server_name", longest_words);
            // These go into an HTTP head: what could end a line there is refused here.
            dial.path = words(at, "path", longest_words);
            if (!dial.server_name.empty() && !is_host_name(dial.server_name)) throw Malformed{"server_name"};
            if (!dial.path.starts_with('/') || dial.path.find_first_of(" \r\n\t") != std::string::npos) throw Malformed{"path"};
            for (const auto& protocol : list(at, "alpn", most_protocols)) {
                dial.alpn.push_back(protocol.get<std::string>());
                if (dial.alpn.back().empty() || dial.alpn.back().size() > longest_words) throw Malformed{"alpn"};
            }
            neighbour.dial = std::move(dial);
        }
        neighbours.push_back(std::move(neighbour));
    }
    return neighbours;
}

} // namespace

json tunnel_to_json(const plan::Tunnel& tunnel)
{
    json passes = json::array();
    for (const auto id : tunnel.passes) passes.push_back(id.value);
    json exits = json::array();
    for (const auto& forward : tunnel.exits) exits.push_back(forward_to_json(forward));
    json made{{"id", tunnel.id.value},
              {"port", tunnel.port},
              {"address", tunnel.address.to_text()},
              {"websocket", tunnel.websocket},
              {"previous", encode_neighbours(tunnel.previous)},
              {"next", encode_neighbours(tunnel.next)},
              {"pick", static_cast<int>(tunnel.pick)},
              {"egress_interface", tunnel.egress_interface},
              {"passes", std::move(passes)},
              {"exits", std::move(exits)}};
    if (tunnel.counter) made["counter"] = tunnel.counter->value;
    return made;
}

plan::Tunnel tunnel_from_json(const json& from)
{
    plan::Tunnel tunnel;
    tunnel.id = TunnelId{number<std::int64_t>(from, "id", 1, INT64_MAX)};
    tunnel.port = number<std::uint16_t>(from, "port", 0, 65535);
    tunnel.address = address(from, "address");
    tunnel.websocket = from.at("websocket").get<bool>();
    tunnel.previous = decode_neighbours(from, "previous");
    tunnel.next = decode_neighbours(from, "next");
    tunnel.pick = number<plan::Pick>(from, "pick", 0, static_cast<int>(plan::Pick::random));
    tunnel.egress_interface = words(from, "egress_interface", longest_words);
    ForwardId last;
    for (const auto& item : from.at("passes")) {
        if (!item.is_number_integer()) throw Malformed{"passes"};
        const ForwardId id{item.get<std::int64_t>()};
        if (id <= last) throw Malformed{"passes"};
        tunnel.passes.push_back(id);
        last = id;
    }
    if (from.contains("counter")) tunnel.counter = ForwardId{number<std::int64_t>(from, "counter", 1, INT64_MAX)};
    last = ForwardId{};
    for (const auto& item : from.at("exits")) {
        tunnel.exits.push_back(forward_from_json(item, true));
        if (tunnel.exits.back().id <= last || tunnel.exits.back().tunnel) throw Malformed{"exits"};
        last = tunnel.exits.back().id;
    }
    return tunnel;
}

} // namespace sluice::link
