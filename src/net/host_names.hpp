// What this machine calls itself: its host name and the addresses of its interfaces. Asked at every call; nothing is resolved.
#pragma once

#include "base/address.hpp"

#include <string>
#include <vector>

namespace sluice::net {

std::string host_name();                      // "localhost" when the system has none that is a valid name
std::vector<IpAddress> interface_addresses(); // of interfaces that are up, loopback first, without IPv6 link-local ones

} // namespace sluice::net
