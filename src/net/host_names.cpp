#include "net/host_names.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <ifaddrs.h>
#include <memory>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sluice::net {

std::string host_name()
{
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0) return "localhost";
    const auto text = to_lower(name.data());
    return is_host_name(text) ? text : "localhost";
}

std::vector<IpAddress> interface_addresses()
{
    ifaddrs* raw = nullptr;
    if (::getifaddrs(&raw) != 0) return {};
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> list(raw, &::freeifaddrs);
    std::vector<IpAddress> addresses;
    for (const ifaddrs* entry = list.get(); entry != nullptr; entry = entry->ifa_next) {
        if (entry->ifa_addr == nullptr || (entry->ifa_flags & IFF_UP) == 0) continue;
        const auto family = entry->ifa_addr->sa_family;
        if (family != AF_INET && family != AF_INET6) continue;
        sockaddr_storage storage{};
        std::memcpy(&storage, entry->ifa_addr, family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
        const auto endpoint = Endpoint::from_sockaddr(storage);
        if (!endpoint) continue;
        const auto& address = endpoint->address;
        const bool link_local = address.is_v6() && address.bytes()[0] == 0xfe && (address.bytes()[1] & 0xc0U) == 0x80;
        if (!link_local) addresses.push_back(address);
    }
    std::stable_partition(addresses.begin(), addresses.end(), [](const IpAddress& address) { return address.is_loopback(); });
    const auto end = std::unique(addresses.begin(), addresses.end());
    addresses.erase(end, addresses.end());
    return addresses;
}

} // namespace sluice::net
