#include "domain/addresses.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <set>

namespace sluice::domain {

Result<IpAddress> parse_listen(const std::string& text, const std::string& field)
{
    auto address = IpAddress::parse(trim(text));
    if (!address) return make_error(Errc::invalid, field, "not an address: " + text.substr(0, 100), {text.substr(0, 100)});
    return address;
}

Result<void> check_node(const Node& node)
{
    const auto bad = [](const char* field, const std::string& value) { return make_error(Errc::invalid, field, value.substr(0, 100)); };
    if (node.name.empty() || node.name.size() > 100) return bad("node.name", node.name);
    if (!IpAddress::parse(node.address) && !is_host_name(node.address)) return bad("node.address", node.address);
    if (node.address_v4) {
        const auto parsed = IpAddress::parse(*node.address_v4);
        if (!parsed || parsed->is_v6()) return bad("node.address_v4", *node.address_v4);
    }
    if (node.address_v6) {
        const auto parsed = IpAddress::parse(*node.address_v6);
        if (!parsed || !parsed->is_v6()) return bad("node.address_v6", *node.address_v6);
    }
    if (node.ports.empty()) return bad("node.ports", {});
    if (const auto listen = parse_listen(node.tcp_listen, "node.tcp_listen"); !listen) return listen.error();
    if (const auto listen = parse_listen(node.udp_listen, "node.udp_listen"); !listen) return listen.error();
    return {};
}

std::vector<std::string> entry_addresses(const std::vector<Node>& entries, AddressFamily preference)
{
    std::vector<std::string> out;
    const auto add = [&out](const std::string& address) {
        if (!address.empty() && std::find(out.begin(), out.end(), address) == out.end()) out.push_back(address);
    };
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
