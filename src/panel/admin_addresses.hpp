// From where administrators may come: the setting admin_addresses, networks separated by commas or blanks. Empty or absent: from everywhere.
#pragma once

#include "base/address.hpp"
#include "base/result.hpp"

#include <string_view>
#include <vector>

namespace sluice::store {
class ReadTx;
}

namespace sluice::panel {

inline constexpr const char* admin_addresses_setting = "admin_addresses";

// "192.0.2.0/24, 2001:db8::1". Errors: invalid "setting.admin_addresses" (args[0]: what is no address).
Result<std::vector<Cidr>> parse_admin_addresses(std::string_view text);
bool is_among(const IpAddress& address, const std::vector<Cidr>& networks); // an empty list holds everybody

// Whether the stored list lets an administrator in. One that cannot be read holds nobody.
bool administrator_may_come_from(store::ReadTx& tx, const IpAddress& address);

} // namespace sluice::panel
