#include "domain/addresses.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <set>

namespace sluice::domain {

namespace {

constexpr std::size_t most_entry_addresses = 64;

// A local address, or what Linux takes for an interface's name: at most 15 bytes, no slash, no blank.
bool is_interface(const std::string& text)
{
    if (IpAddress::parse(text)) return true;
    return !text.empty() && text.size() <= 15 && text != "." && text != ".." &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 127 && c != '/' && c != ':'; });
}

void add_new(std::vector<std::string>& list, const std::string& item)
{
    if (!item.empty() && std::find(list.begin(), list.end(), item) == list.end()) list.push_back(item);
}

} // namespace

Result<std::string> parse_entry_addresses(const std::string& text)
{
    std::vector<std::string> items;
    for (const auto piece : split(text, ',')) {
        const std::string item{trim(piece)};
        if (item.empty()) continue;
        if (!IpAddress::parse(item) && !is_host_name(item))
            return make_error(Errc::invalid, "tunnel.entry_addresses", "not an address: " + item.substr(0, 100));
        add_new(items, item);
    }
    if (items.size() > most_entry_addresses) return make_error(Errc::invalid, "tunnel.entry_addresses", "too many");
    std::string joined;
    for (const auto& item : items) joined += (joined.empty() ? "" : ",") + item;
    return joined;
}

Result<IpAddress> parse_listen(const std::string& text, const std::string& field)
{
    auto address = IpAddress::parse(trim(text));
    if (!address) return make_error(Errc::invalid, field, "not an address: " + text.substr(0, 100), {text.substr(0, 100)});
    return address;
}

Result<void> check_node(const Node& node)
{
    const auto bad = [](const char* field, const std::string& value) { return make_error(Errc::invalid, field, value.substr(0, 100)); };
    if (node.name.empty() || node.address.empty()) return bad("node.name_or_address", {});
    if (node.name.size() > 100) return bad("node.name", node.name);
    if (!IpAddress::parse(node.address) && !is_host_name(node.address)) return bad("node.address", node.address);
    if (node.address_v4) {
        const auto parsed = IpAddress::parse(*node.address_v4);
        if (!parsed || parsed->is_v6()) return bad("node.address_v4", *node.address_v4);
    }
    if (node.address_v6) {
        const auto parsed = IpAddress::parse(*node.address_v6);
        if (!parsed || !parsed->is_v6()) return bad("node.address_v6", *node.address_v6);
    }
    if (node.ports.empty() && !node.remote) return bad("node.ports", {});
    if (node.egress_interface && !is_interface(*node.egress_interface)) return bad("node.egress_interface", *node.egress_interface);
    if (const auto listen = parse_listen(node.tcp_listen, "node.tcp_listen"); !listen) return listen.error();
    if (const auto listen = parse_listen(node.udp_listen, "node.udp_listen"); !listen) return listen.error();
    return {};
}

std::vector<std::string> entry_addresses(const std::vector<Node>& entries, AddressFamily preference)
{
    std::vector<std::string> out;
    const auto add = [&out](const std::string& address) { add_new(out, address); };
    for (const auto& node : entries) {
        const auto& first = preference == AddressFamily::v6 ? node.address_v6 : node.address_v4;
        const auto& second = preference == AddressFamily::v6 ? node.address_v4 : node.address_v6;
        if (first) add(*first);
        if (second) add(*second);
        if (!first && !second) add(node.address);
    }
    return out;
}

std::string client_addresses(const std::vector<std::string>& addresses, const std::vector<ForwardPort>& ports)
{
    std::set<std::uint16_t> distinct;
    for (const auto& port : ports) distinct.insert(port.port);
    std::string out;
    for (const auto& address : addresses) {
        for (const auto port : distinct) {
            if (!out.empty()) out += ',';
            const bool bare_v6 = address.find(':') != std::string::npos && address.front() != '[';
            out += (bare_v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
        }
    }
    return out;
}

} // namespace sluice::domain
