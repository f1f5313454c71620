// What users are told of the path of their forwards: its name, and the addresses and ports under which its entries are found.
#pragma once

#include "domain/node.hpp"
#include "panel/forward_rows.hpp"
#include "panel/forwards.hpp"
#include "store/store.hpp"

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

namespace sluice::panel {

// Reads each tunnel once for a whole list.
class TunnelTexts {
public:
    explicit TunnelTexts(store::ReadTx& tx) : tx_(tx), nodes_(tx) {}
    void fill(ForwardView& view);

private:
    struct Entry {
        std::string name;
        std::vector<std::string> addresses;
        std::map<NodeId, domain::PortMap> public_ports;
    };
    const Entry& of(TunnelId id);

    store::ReadTx& tx_;
    EntryNodes nodes_;
    std::unordered_map<TunnelId, Entry> known_;
};

} // namespace sluice::panel
