// Fuzz target: the grammar of port sets. What is accepted must print to a text that is accepted again and means the same, and the set
// operations must agree with a table of 65536 booleans.
#include "base/port_set.hpp"

#include <bitset>
#include <cstdlib>

using sluice::PortSet;

namespace {

std::bitset<65536> table(const PortSet& set)
{
    std::bitset<65536> out;
    for (const auto& range : set.ranges())
        for (std::size_t port = range.first; port <= range.last; ++port) out.set(port);
    return out;
}

void must(bool holds)
{
    if (!holds) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    const auto bar = text.find('|'); // two sets: "A|B"
    const auto first = PortSet::parse(text.substr(0, bar));
    if (!first) {
        must(first.error().code == sluice::Errc::invalid && first.error().field == "ports");
        return 0;
    }
    const auto again = PortSet::parse(first->to_text());
    must(again && *again == *first && again->to_text() == first->to_text());
    const auto a = table(*first);
    must(!first->empty() && !a.test(0) && a.count() == first->size());
    must(first->at(0).has_value() && !first->at(first->size()).has_value());
    must(first->contains(*first->at(first->size() - 1)));

    if (bar == std::string_view::npos) return 0;
    const auto second = PortSet::parse(text.substr(bar + 1));
    if (!second) return 0;
    const auto b = table(*second);
    must(table(first->intersect(*second)) == (a & b));
    if (second->size() <= 256) {
        std::vector<std::uint16_t> taken;
        for (std::size_t i = second->size(); i > 0; --i) taken.push_back(*second->at(i - 1));
        must(table(first->minus(taken)) == (a & ~b));
    }
    return 0;
}
