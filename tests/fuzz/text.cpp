// Fuzz target: UTF-8, hexadecimal and base64. Decoding inverts encoding, and no two texts decode to the same bytes.
#include "base/text.hpp"

#include <array>
#include <cstdlib>

using namespace sluice;

namespace {

void must(bool holds)
{
    if (!holds) std::abort();
}

// A second opinion on UTF-8, as the table of RFC 3629 section 4 is written.
bool utf8_by_table(std::string_view text)
{
    const auto at = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned>(static_cast<unsigned char>(text[i])) : 0U; };
    const auto in = [](unsigned byte, unsigned low, unsigned high) { return byte >= low && byte <= high; };
    const auto tail = [&](std::size_t i) { return in(at(i), 0x80, 0xBF); };
    for (std::size_t i = 0; i < text.size();) {
        const unsigned a = at(i);
        const unsigned b = at(i + 1);
        if (a < 0x80)
            i += 1;
        else if (in(a, 0xC2, 0xDF) && tail(i + 1))
            i += 2;
        else if (((a == 0xE0 && in(b, 0xA0, 0xBF)) || (a == 0xED && in(b, 0x80, 0x9F)) ||
                  ((in(a, 0xE1, 0xEC) || in(a, 0xEE, 0xEF)) && tail(i + 1))) &&
                 tail(i + 2))
            i += 3;
        else if (((a == 0xF0 && in(b, 0x90, 0xBF)) || (a == 0xF4 && in(b, 0x80, 0x8F)) || (in(a, 0xF1, 0xF3) && tail(i + 1))) && tail(i + 2) &&
                 tail(i + 3))
            i += 4;
        else
            return false;
    }
    return true;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    must(is_utf8(text) == utf8_by_table(text));

    must(from_base64(to_base64(text)) == std::string{text});
    must(from_base64url(to_base64url(text)) == std::string{text});
    if (const auto bytes = from_base64(text)) must(to_base64(*bytes) == text);
    if (const auto bytes = from_base64url(text)) must(to_base64url(*bytes) == text);
    if (const auto bytes = from_hex(text)) must(to_hex(*bytes) == to_lower(text));

    if (const auto number = parse_int(text)) must(parse_int(std::to_string(*number)) == number);
    constexpr std::array<std::string_view, 3> words{"--listen", "--log-level", "--config"};
    const auto suggestion = nearest(text.substr(0, 64), words);
    must(suggestion.empty() || std::string_view{suggestion}.substr(0, 2) == "--");
    must(trim(trim(text)) == trim(text));
    return 0;
}
