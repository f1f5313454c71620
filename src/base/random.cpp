#include "base/random.hpp"

#include "base/text.hpp"

#include <array>
#include <cerrno>
#include <string_view>
#include <sys/random.h>
#include <system_error>

namespace sluice {

void fill_random(std::span<std::uint8_t> bytes)
{
    while (!bytes.empty()) {
        const auto got = ::getrandom(bytes.data(), bytes.size(), 0);
        if (got < 0) {
            if (errno == EINTR) continue;
            throw std::system_error(errno, std::system_category(), "getrandom");
        }
        bytes = bytes.subspan(static_cast<std::size_t>(got));
    }
}

std::string random_bytes(std::size_t count)
{
    std::string out(count, '\0');
    fill_random({reinterpret_cast<std::uint8_t*>(out.data()), out.size()});
    return out;
}

std::string random_hex(std::size_t bytes)
{
    const auto raw = random_bytes(bytes);
    return to_hex({reinterpret_cast<const std::uint8_t*>(raw.data()), raw.size()});
}

std::uint64_t random_below(std::uint64_t bound)
{
    // Values above the largest multiple of `bound` would favour small results.
    const std::uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
    for (;;) {
        std::array<std::uint8_t, 8> raw{};
        fill_random(raw);
        std::uint64_t value = 0;
        for (const auto byte : raw) value = value << 8U | byte;
        if (value < limit) return value % bound;
    }
}

std::string random_password(std::size_t length)
{
    constexpr std::string_view alphabet = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    std::string out;
    for (std::size_t i = 0; i < length; ++i) out += alphabet[random_below(alphabet.size())];
    return out;
}

std::string make_uuid()
{
    std::array<std::uint8_t, 16> raw{};
    fill_random(raw);
    raw[6] = static_cast<std::uint8_t>((raw[6] & 0x0FU) | 0x40U);
    raw[8] = static_cast<std::uint8_t>((raw[8] & 0x3FU) | 0x80U);
    const auto hex = to_hex(raw);
    return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" + hex.substr(16, 4) + "-" + hex.substr(20);
}

bool is_uuid(const std::string& text)
{
    if (text.size() != 36) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        const char c = text[i];
        const bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (dash ? c != '-' : !digit) return false;
    }
    return true;
}

} // namespace sluice
