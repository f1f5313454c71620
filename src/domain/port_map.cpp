#include "domain/port_map.hpp"

#include "base/text.hpp"

#include <optional>
#include <utility>

namespace sluice::domain {

namespace {

constexpr std::size_t most_entries = 256;

Error wrong(std::string_view item) { return make_error(Errc::invalid, "node.public_ports", {}, {std::string{item}}); }

// "443" or "20000-20100"
std::optional<std::pair<std::uint16_t, std::uint16_t>> range_of(std::string_view text)
{
    const auto parts = split(text, '-');
    if (parts.empty() || parts.size() > 2) return std::nullopt;
    const auto first = parse_int(trim(parts.front()));
    const auto last = parse_int(trim(parts.back()));
    if (!first || !last || *first < 1 || *last > 65535 || *first > *last) return std::nullopt;
    return std::pair{static_cast<std::uint16_t>(*first), static_cast<std::uint16_t>(*last)};
}

bool overlap(std::uint32_t first, std::uint32_t first_count, std::uint32_t second, std::uint32_t second_count)
{
    return first < second + second_count && second < first + first_count;
}

} // namespace

Result<PortMap> PortMap::parse(std::string_view text)
{
    PortMap map;
    if (trim(text).empty()) return map;
    for (const auto item : split(text, ',')) {
        const auto sides = split(item, '=');
        if (sides.size() != 2 || map.entries_.size() == most_entries) return wrong(item);
        const auto outside = range_of(sides[0]);
        const auto inside = range_of(sides[1]);
        if (!outside || !inside || outside->second - outside->first != inside->second - inside->first) return wrong(item);
        const Entry entry{outside->first, inside->first, static_cast<std::uint16_t>(outside->second - outside->first + 1)};
        for (const auto& other : map.entries_) {
            if (overlap(entry.outside, entry.count, other.outside, other.count) || overlap(entry.inside, entry.count, other.inside, other.count))
                return wrong(item);
        }
        map.entries_.push_back(entry);
    }
    return map;
}

std::uint16_t PortMap::public_of(std::uint16_t local) const
{
    for (const auto& entry : entries_) {
        if (local >= entry.inside && local - entry.inside < entry.count) return static_cast<std::uint16_t>(entry.outside + (local - entry.inside));
    }
    return local;
}

std::string PortMap::to_text() const
{
    const auto range = [](std::uint16_t first, std::uint16_t count) {
        return count == 1 ? std::to_string(first) : std::to_string(first) + "-" + std::to_string(first + count - 1);
    };
    std::string text;
    for (const auto& entry : entries_) text += (text.empty() ? "" : ",") + range(entry.outside, entry.count) + "=" + range(entry.inside, entry.count);
    return text;
}

} // namespace sluice::domain
