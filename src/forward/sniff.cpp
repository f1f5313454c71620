#include "forward/sniff.hpp"

#include <algorithm>
#include <array>

namespace sluice::forward {

namespace {

constexpr std::array<std::string_view, 10> methods{"GET ", "POST ", "PUT ", "HEAD ", "DELETE ", "OPTIONS ", "CONNECT ", "PATCH ", "TRACE ", "PRI * "};

} // namespace

Sniffed sniff(std::string_view bytes)
{
    if (bytes.empty()) return Sniffed::undecided;
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    if (at(0) == 0x16) {
        if (bytes.size() < 3) return Sniffed::undecided;
        return at(1) == 0x03 && at(2) <= 0x04 ? Sniffed::tls : Sniffed::other;
    }
    if (at(0) == 0x05) {
        if (bytes.size() < 2) return Sniffed::undecided;
        // Version 5, then the number of methods. What follows them proves nothing: a client may send its request along.
        return at(1) > 0 ? Sniffed::socks : Sniffed::other;
    }
    if (at(0) == 0x04) {
        if (bytes.size() < 2) return Sniffed::undecided;
        return at(1) == 0x01 || at(1) == 0x02 ? Sniffed::socks : Sniffed::other;
    }
    for (const auto method : methods) {
        const auto common = std::min(method.size(), bytes.size());
        if (bytes.substr(0, common) != method.substr(0, common)) continue;
        return common == method.size() ? Sniffed::http : Sniffed::undecided;
    }
    return Sniffed::other;
}

namespace {

bool blocks_it(const plan::ProtocolBlocks& blocks, Sniffed protocol)
{
    switch (protocol) {
    case Sniffed::http: return blocks.http;
    case Sniffed::tls: return blocks.tls;
    case Sniffed::socks: return blocks.socks;
    case Sniffed::undecided:
    case Sniffed::other: return false;
    }
    return false;
}

} // namespace

Verdict judge(const plan::ProtocolBlocks& blocks, std::string_view bytes)
{
    auto protocol = sniff(bytes);
    if (protocol != Sniffed::undecided) return blocks_it(blocks, protocol) ? Verdict::block : Verdict::pass;
    if (bytes.empty()) return Verdict::wait;
    switch (bytes.front()) {
    case 0x16: protocol = Sniffed::tls; break;
    case 0x04:
    case 0x05: protocol = Sniffed::socks; break;
    default: protocol = Sniffed::http; break;
    }
    return blocks_it(blocks, protocol) ? Verdict::wait : Verdict::pass;
}

} // namespace sluice::forward
