#include "panel/totp.hpp"

#include "panel/vault.hpp"

namespace sluice::panel {

namespace {

constexpr std::int64_t step_seconds = 30;

std::string escaped(std::string_view text)
{
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_') {
            out += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out += '%';
            out += digits[byte >> 4U];
            out += digits[byte & 15U];
        }
    }
    return out;
}

} // namespace

std::int64_t totp_step(WallTime time) { return to_epoch_ms(time) / 1000 / step_seconds; }

std::string totp_code(const Secret& secret, std::int64_t step, int digits)
{
    std::string counter(8, '\0');
    for (std::size_t i = 0; i < counter.size(); ++i) counter[7 - i] = static_cast<char>(static_cast<std::uint64_t>(step) >> (8 * i));
    const auto hash = hmac_sha1(secret, counter);
    const auto byte = [&](std::size_t at) { return static_cast<std::uint32_t>(static_cast<unsigned char>(hash[at])); };
    const std::size_t at = byte(hash.size() - 1) & 15U;
    const auto number = (byte(at) & 0x7FU) << 24U | byte(at + 1) << 16U | byte(at + 2) << 8U | byte(at + 3);
    std::uint32_t bound = 1;
    for (int i = 0; i < digits; ++i) bound *= 10;
    auto code = std::to_string(number % bound);
    code.insert(0, static_cast<std::size_t>(digits) - code.size(), '0');
    return code;
}

std::optional<std::int64_t> matching_step(const Secret& secret, std::string_view code, WallTime now, std::int64_t last_step)
{
    const auto present = totp_step(now);
    std::optional<std::int64_t> found;
    for (auto step = present - 1; step <= present + 1; ++step) {
        if (equal_in_constant_time(totp_code(secret, step), code) && step > last_step) found = step;
    }
    return found;
}

std::string base32(std::string_view bytes)
{
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    std::string out;
    std::uint32_t held = 0;
    unsigned bits = 0;
    for (const char c : bytes) {
        held = held << 8U | static_cast<unsigned char>(c);
        bits += 8;
        while (bits >= 5) {
            bits -= 5;
            out += alphabet[held >> bits & 31U];
        }
    }
    if (bits > 0) out += alphabet[held << (5 - bits) & 31U];
    return out;
}

std::string totp_uri(const Secret& secret, std::string_view site, std::string_view user)
{
    return "otpauth://totp/" + escaped(site) + ":" + escaped(user) + "?secret=" + base32(secret.reveal()) + "&issuer=" + escaped(site) +
           "&algorithm=SHA1&digits=6&period=30";
}

} // namespace sluice::panel
