#include "base/fingerprint.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace sluice {

namespace {

constexpr std::string_view prefix = "sha256:";

} // namespace

Result<Fingerprint> Fingerprint::parse(std::string_view text)
{
    if (text.starts_with(prefix)) {
        if (const auto decoded = from_hex(text.substr(prefix.size())); decoded && decoded->size() == 32) {
            Fingerprint fingerprint;
            std::copy(decoded->begin(), decoded->end(), fingerprint.bytes.begin());
            return fingerprint;
        }
    }
    return make_error(Errc::invalid, "pin", "sha256: and 64 hexadecimal digits expected");
}

Result<Fingerprint> Fingerprint::from_bytes(std::string_view bytes)
{
    Fingerprint fingerprint;
    if (bytes.size() != fingerprint.bytes.size()) return make_error(Errc::invalid, "pin", "32 bytes expected");
    std::transform(bytes.begin(), bytes.end(), fingerprint.bytes.begin(), [](char c) { return static_cast<std::uint8_t>(c); });
    return fingerprint;
}

std::string Fingerprint::to_text() const { return std::string{prefix} + to_hex(bytes); }

std::string Fingerprint::to_bytes() const { return {bytes.begin(), bytes.end()}; }

} // namespace sluice
