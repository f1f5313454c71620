#include "panel/tunnel_texts.hpp"

#include "base/text.hpp"
#include "domain/addresses.hpp"
#include "store/tunnel_table.hpp"

namespace sluice::panel {

void TunnelTexts::fill(ForwardView& view)
{
    const auto& entry = of(view.forward.tunnel);
    view.tunnel_name = entry.name;
    // Behind NAT a client comes to another port than the one that the node listens on.
    auto outside = view.forward.ports;
    for (auto& port : outside) {
        if (const auto map = entry.public_ports.find(port.node); map != entry.public_ports.end()) port.port = map->second.public_of(port.port);
    }
    view.entry_addresses = domain::client_addresses(entry.addresses, outside);
}

const TunnelTexts::Entry& TunnelTexts::of(TunnelId id)
{
    const auto [place, fresh] = known_.try_emplace(id);
    if (!fresh) return place->second;
    if (const auto tunnel = store::TunnelTable(tx_).find(id)) {
        place->second.name = tunnel->name;
        const auto entries = nodes_.of(*tunnel);
        for (const auto& node : entries) place->second.public_ports.emplace(node.id, node.public_ports);
        if (tunnel->entry_addresses && !tunnel->entry_addresses->empty()) {
            for (const auto address : split(*tunnel->entry_addresses, ',')) {
                if (!trim(address).empty()) place->second.addresses.emplace_back(trim(address));
            }
        } else {
            place->second.addresses = domain::entry_addresses(entries, tunnel->preference);
        }
    }
    return place->second;
}

} // namespace sluice::panel
