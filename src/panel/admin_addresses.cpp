#include "panel/admin_addresses.hpp"

#include "base/text.hpp"
#include "store/setting_table.hpp"

#include <algorithm>
#include <string>

namespace sluice::panel {

Result<std::vector<Cidr>> parse_admin_addresses(std::string_view text)
{
    std::string plain{text};
    std::replace_if(plain.begin(), plain.end(), [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ';'; }, ',');
    std::vector<Cidr> networks;
    for (const auto item : split(plain, ',')) {
        if (item.empty()) continue;
        const auto network = Cidr::parse(item);
        if (!network) return make_error(Errc::invalid, "setting.admin_addresses", {}, {std::string{item.substr(0, 100)}});
        networks.push_back(*network);
    }
    return networks;
}

bool is_among(const IpAddress& address, const std::vector<Cidr>& networks)
{
    return networks.empty() || std::any_of(networks.begin(), networks.end(), [&](const Cidr& network) { return network.contains(address); });
}

bool administrator_may_come_from(store::ReadTx& tx, const IpAddress& address)
{
    const auto row = store::SettingTable(tx).find(admin_addresses_setting);
    if (!row) return true;
    const auto networks = parse_admin_addresses(row->value);
    return networks && is_among(address, *networks);
}

} // namespace sluice::panel
