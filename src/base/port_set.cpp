#include "base/port_set.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace sluice {

namespace {

std::optional<std::uint16_t> parse_port(std::string_view text)
{
    text = trim(text);
    if (text.empty() || text.size() > 5 || text.front() == '-') return std::nullopt;
    const auto value = parse_int(text);
    if (!value || *value < 1 || *value > 65535) return std::nullopt;
    return static_cast<std::uint16_t>(*value);
}

} // namespace

Result<PortSet> PortSet::parse(std::string_view text)
{
    // Longer texts than any honest set would only cost time.
    if (text.size() > 8192) return make_error(Errc::invalid, "ports", "longer than 8192 characters");
    PortSet out;
    for (const auto item : split(text, ',')) {
        const auto dash = item.find('-');
        const auto first = parse_port(item.substr(0, dash));
        const auto last = dash == std::string_view::npos ? first : parse_port(item.substr(dash + 1));
        if (!first || !last || *first > *last)
            return make_error(Errc::invalid, "ports", "not a port or range: " + std::string{item.substr(0, 40)},
                              {std::string{trim(item).substr(0, 40)}});
        out.ranges_.push_back({*first, *last});
    }
    out.normalize();
    return out;
}

PortSet PortSet::range(std::uint16_t first, std::uint16_t last)
{
    PortSet out;
    out.insert(first, last);
    return out;
}

void PortSet::insert(std::uint16_t first, std::uint16_t last)
{
    if (first > last) return;
    ranges_.push_back({first, last});
    normalize();
}

void PortSet::normalize()
{
    std::sort(ranges_.begin(), ranges_.end());
    std::vector<Range> merged;
    for (const auto range : ranges_) {
        if (!merged.empty() && range.first <= merged.back().last + 1U)
            merged.back().last = std::max(merged.back().last, range.last);
        else
            merged.push_back(range);
    }
    ranges_ = std::move(merged);
}

bool PortSet::contains(std::uint16_t port) const
{
    return std::any_of(ranges_.begin(), ranges_.end(), [port](const Range& range) { return range.first <= port && port <= range.last; });
}

std::size_t PortSet::size() const
{
    std::size_t count = 0;
    for (const auto& range : ranges_) count += static_cast<std::size_t>(range.last - range.first) + 1;
    return count;
}

std::optional<std::uint16_t> PortSet::at(std::size_t index) const
{
    for (const auto& range : ranges_) {
        const auto count = static_cast<std::size_t>(range.last - range.first) + 1;
        if (index < count) return static_cast<std::uint16_t>(range.first + index);
        index -= count;
    }
    return std::nullopt;
}

std::string PortSet::to_text() const
{
    std::string out;
    for (const auto& range : ranges_) {
        if (!out.empty()) out += ',';
        out += std::to_string(range.first);
        if (range.last != range.first) out += "-" + std::to_string(range.last);
    }
    return out;
}

PortSet PortSet::minus(const std::vector<std::uint16_t>& taken) const
{
    std::vector<std::uint16_t> holes = taken;
    std::sort(holes.begin(), holes.end());
    PortSet out;
    for (const auto& range : ranges_) {
        std::uint32_t from = range.first;
        for (auto hole = std::lower_bound(holes.begin(), holes.end(), range.first); hole != holes.end() && *hole <= range.last; ++hole) {
            if (*hole > from) out.ranges_.push_back({static_cast<std::uint16_t>(from), static_cast<std::uint16_t>(*hole - 1)});
            from = *hole + 1U;
        }
        if (from <= range.last) out.ranges_.push_back({static_cast<std::uint16_t>(from), range.last});
    }
    return out;
}

PortSet PortSet::intersect(const PortSet& other) const
{
    PortSet out;
    for (const auto& a : ranges_) {
        for (const auto& b : other.ranges_) {
            const auto first = std::max(a.first, b.first);
            const auto last = std::min(a.last, b.last);
            if (first <= last) out.ranges_.push_back({first, last});
        }
    }
    return out;
}

} // namespace sluice
