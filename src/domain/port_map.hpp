// A machine behind NAT whose ports outside differ from those inside: "20000-20100=30000-30100,443=8443", public = local. Ports without
// an entry are the same on both sides.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::domain {

class PortMap {
public:
    // Ranges of equal length, no port twice on either side. Empty: all ports are the same. Errors: invalid "node.public_ports".
    static Result<PortMap> parse(std::string_view text);

    std::uint16_t public_of(std::uint16_t local) const;
    bool empty() const { return entries_.empty(); }
    std::string to_text() const;
    friend bool operator==(const PortMap&, const PortMap&) = default;

private:
    struct Entry {
        std::uint16_t outside = 0; // first of each range
        std::uint16_t inside = 0;
        std::uint16_t count = 0;
        friend bool operator==(const Entry&, const Entry&) = default;
    };
    std::vector<Entry> entries_;
};

} // namespace sluice::domain
