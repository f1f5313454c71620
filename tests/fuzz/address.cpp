// Fuzz target: addresses, endpoints, networks and targets. Each accepted text prints to a text that is accepted again and means the
// same, and passes through a socket address unchanged.
#include "base/address.hpp"

#include <cstdlib>
#include <sys/socket.h>

using namespace sluice;

namespace {

void must(bool holds)
{
    if (!holds) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    if (const auto address = IpAddress::parse(text)) {
        const auto again = IpAddress::parse(address->to_text());
        must(again && *again == *address);
        const auto alone = Cidr::parse(address->to_text());
        must(alone && alone->contains(*address));
    }
    if (const auto endpoint = Endpoint::parse(text)) {
        const auto again = Endpoint::parse(endpoint->to_text());
        must(again && *again == *endpoint);
        for (const bool as_v6 : {false, true}) {
            sockaddr_storage storage{};
            must(endpoint->to_sockaddr(storage, as_v6) <= sizeof storage);
            const auto back = Endpoint::from_sockaddr(storage);
            must(back && *back == *endpoint);
        }
    }
    if (const auto network = Cidr::parse(text)) {
        const auto again = Cidr::parse(network->to_text());
        must(again && *again == *network);
        const auto base = IpAddress::parse(std::string_view{network->to_text()}.substr(0, network->to_text().find('/')));
        must(base && network->contains(*base));
    }
    if (const auto target = HostPort::parse(text)) {
        must(target->port != 0 && !target->host.empty());
        const auto again = HostPort::parse(target->to_text());
        must(again && *again == *target);
        must(is_host_name(target->host) || IpAddress::parse(target->host));
    }
    return 0;
}
