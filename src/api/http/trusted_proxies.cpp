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

// The value of one parameter in an element of Forwarded: for=192.0.2.1;proto=https or for="[2001:db8::1]:4711". Empty when absent.
std::string_view parameter_of(std::string_view element, std::string_view name)
{
    for (const auto pair : split(element, ';')) {
        const auto equals = pair.find('=');
        if (equals == std::string_view::npos || !equals_ignoring_case(trim(pair.substr(0, equals)), name)) continue;
        auto value = trim(pair.substr(equals + 1));
        if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
        return value;
    }
    return {};
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

// From the right, as far as trusted proxies vouch for each other.
void walk(const std::vector<std::string_view>& hops, std::span<const Cidr> trusted, Client& client)
{
    for (auto hop = hops.rbegin(); hop != hops.rend(); ++hop) {
        const auto address = read_address(*hop);
        if (!address) return; // what stands left of garbage is not to be believed either
        client.remote = {*address, 0};
        if (!is_trusted(*address, trusted)) return;
    }
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

    const auto forwarded_for = items_of(headers, "x-forwarded-for");
    std::vector<std::string_view> schemes = items_of(headers, "x-forwarded-proto");
    if (!forwarded_for.empty()) {
        walk(forwarded_for, trusted, client);
    } else if (headers.has("x-real-ip")) {
        if (const auto address = headers.count("x-real-ip") == 1 ? read_address(headers.get("x-real-ip")) : std::nullopt)
            client.remote = {*address, 0};
    } else {
        std::vector<std::string_view> hops;
        for (const auto element : items_of(headers, "forwarded")) {
            hops.push_back(parameter_of(element, "for"));
            const auto scheme = parameter_of(element, "proto");
            if (!headers.has("x-forwarded-proto") && !scheme.empty()) schemes.push_back(scheme);
        }
        walk(hops, trusted, client);
    }
    if (!schemes.empty()) client.secure = equals_ignoring_case(schemes.back(), "https");
    return client;
}

} // namespace sluice::http
