#include "api/http/trusted_proxies.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace sluice::http {

namespace {

// "192.0.2.1", "2001:db8::1", "[2001:db8::1]", and with a port as some proxies write it.
std::optional<IpAddress> read_address(std::string_view text)
{
    if (auto address = IpAddress::parse(text)) return *address;
    if (auto endpoint = Endpoint::parse(text)) return endpoint->address;
    return std::nullopt;
}

// All items of all fields of this name, in order.
std::vector<std::string_view> items_of(const Headers& headers, std::string_view name)
{
    std::vector<std::string_view> items;
    for (const auto& [key, value] : headers.all()) {
        if (!equals_ignoring_case(key, name)) continue;
        for (const auto item : split(value, ',')) items.push_back(trim(item));
    }
    return items;
}

} // namespace

bool is_trusted(const IpAddress& address, std::span<const Cidr> trusted)
{
    return std::any_of(trusted.begin(), trusted.end(), [&](const Cidr& network) { return network.contains(address); });
}

Client resolve_client(const Endpoint& peer, bool tls, const Headers& headers, std::span<const Cidr> trusted)
{
    Client client{peer, tls};
    if (!is_trusted(peer.address, trusted)) return client;

    const auto hops = items_of(headers, "x-forwarded-for");
    for (auto hop = hops.rbegin(); hop != hops.rend(); ++hop) {
        const auto address = read_address(*hop);
        if (!address) break; // what stands left of garbage is not to be believed either
        client.remote = {*address, 0};
        if (!is_trusted(*address, trusted)) break;
    }
    if (hops.empty() && headers.count("x-real-ip") == 1) {
        if (const auto address = read_address(headers.get("x-real-ip"))) client.remote = {*address, 0};
    }
    if (const auto schemes = items_of(headers, "x-forwarded-proto"); !schemes.empty()) client.secure = equals_ignoring_case(schemes.back(), "https");
    return client;
}

} // namespace sluice::http
