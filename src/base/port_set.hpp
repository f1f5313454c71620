// A set of ports in the grammar "1000-2000,3000" (FLVX contract 4.5): one grammar, one parser, one fuzz target.
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

class PortSet {
public:
    struct Range {
        std::uint16_t first = 0;
        std::uint16_t last = 0; // inclusive
        friend auto operator<=>(const Range&, const Range&) = default;
    };

    PortSet() = default; // no port
    // Items N or A-B with 1 <= A <= B <= 65535, separated by commas, blanks allowed around each. Refuses, never
    // repairs: an empty text, an empty item or a reversed range is Errc::invalid on field "ports".
    static Result<PortSet> parse(std::string_view text);
    static PortSet range(std::uint16_t first, std::uint16_t last);

    bool contains(std::uint16_t port) const;
    bool empty() const { return ranges_.empty(); }
    std::size_t size() const;                                    // ports in the set
    std::optional<std::uint16_t> at(std::size_t index) const;    // the index-th port in ascending order
    const std::vector<Range>& ranges() const { return ranges_; } // ascending, disjoint, not adjacent
    void insert(std::uint16_t first, std::uint16_t last);
    std::string to_text() const; // canonical: "80,443,1000-2000"

    PortSet minus(const std::vector<std::uint16_t>& taken) const;
    PortSet intersect(const PortSet& other) const;

    friend bool operator==(const PortSet&, const PortSet&) = default;

private:
    void normalize();

    std::vector<Range> ranges_;
};

} // namespace sluice
