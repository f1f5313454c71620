#include "base/address.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>

namespace sluice {

namespace {

Error bad(std::string_view field, std::string_view text)
{
    return make_error(Errc::invalid, std::string{field}, "not understood: " + std::string{text.substr(0, 100)});
}

std::optional<std::uint16_t> parse_port(std::string_view text)
{
    if (text.empty() || text.size() > 5) return std::nullopt;
    if (!std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
    const auto value = parse_int(text);
    if (!value || *value > 65535) return std::nullopt;
    return static_cast<std::uint16_t>(*value);
}

constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

} // namespace

Result<IpAddress> IpAddress::parse(std::string_view text)
{
    if (text.size() > 2 && text.front() == '[' && text.back() == ']') {
        text = text.substr(1, text.size() - 2);
        if (text.find(':') == std::string_view::npos) return bad("address", text);
    }
    if (text.size() >= INET6_ADDRSTRLEN) return bad("address", text);
    const std::string copy{text};
    if (copy.find('\0') != std::string::npos) return bad("address", text);
    in_addr v4{};
    if (inet_pton(AF_INET, copy.c_str(), &v4) == 1) return from_v4(ntohl(v4.s_addr));
    in6_addr v6{};
    if (inet_pton(AF_INET6, copy.c_str(), &v6) == 1) {
        std::array<std::uint8_t, 16> bytes{};
        std::memcpy(bytes.data(), &v6, bytes.size());
        return from_v6(bytes);
    }
    return bad("address", text);
}

IpAddress IpAddress::from_v4(std::uint32_t host_order)
{
    IpAddress out;
    for (int i = 0; i < 4; ++i) out.bytes_[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(host_order >> (24 - 8 * i));
    return out;
}

IpAddress IpAddress::from_v6(const std::array<std::uint8_t, 16>& bytes)
{
    IpAddress out;
    if (std::equal(mapped_prefix.begin(), mapped_prefix.end(), bytes.begin())) {
        std::copy(bytes.begin() + 12, bytes.end(), out.bytes_.begin());
        return out;
    }
    out.v6_ = true;
    out.bytes_ = bytes;
    return out;
}

IpAddress IpAddress::any_v6()
{
    IpAddress out;
    out.v6_ = true;
    return out;
}

bool IpAddress::is_unspecified() const
{
    return std::all_of(bytes_.begin(), bytes_.end(), [](auto byte) { return byte == 0; });
}

bool IpAddress::is_loopback() const
{
    if (!v6_) return bytes_[0] == 127;
    return bytes_[15] == 1 && std::all_of(bytes_.begin(), bytes_.begin() + 15, [](auto byte) { return byte == 0; });
}

std::string IpAddress::to_text() const
{
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(v6_ ? AF_INET6 : AF_INET, bytes_.data(), text.data(), text.size());
    return text.data();
}

Result<Endpoint> Endpoint::parse(std::string_view text)
{
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return bad("endpoint", text);
    const auto host = text.substr(0, colon);
    if (host.find(':') != std::string_view::npos && host.front() != '[') return bad("endpoint", text);
    const auto address = IpAddress::parse(host);
    const auto port = parse_port(text.substr(colon + 1));
    if (!address || !port) return bad("endpoint", text);
    return Endpoint{*address, *port};
}

Result<Endpoint> Endpoint::from_sockaddr(const sockaddr_storage& storage)
{
    if (storage.ss_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &storage, sizeof v4);
        return Endpoint{IpAddress::from_v4(ntohl(v4.sin_addr.s_addr)), ntohs(v4.sin_port)};
    }
    if (storage.ss_family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, &storage, sizeof v6);
        std::array<std::uint8_t, 16> bytes{};
        std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
        return Endpoint{IpAddress::from_v6(bytes), ntohs(v6.sin6_port)};
    }
    return make_error(Errc::invalid, "endpoint", "address family " + std::to_string(storage.ss_family));
}

unsigned Endpoint::to_sockaddr(sockaddr_storage& storage, bool as_v6) const
{
    std::memset(&storage, 0, sizeof storage);
    const auto& bytes = address.bytes();
    if (!address.is_v6() && !as_v6) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        std::memcpy(&v4.sin_addr, bytes.data(), 4);
        std::memcpy(&storage, &v4, sizeof v4);
        return sizeof v4;
    }
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    if (address.is_v6()) {
        std::memcpy(&v6.sin6_addr, bytes.data(), 16);
    } else {
        std::memcpy(&v6.sin6_addr, mapped_prefix.data(), mapped_prefix.size());
        std::memcpy(reinterpret_cast<char*>(&v6.sin6_addr) + mapped_prefix.size(), bytes.data(), 4);
    }
    std::memcpy(&storage, &v6, sizeof v6);
    return sizeof v6;
}

std::string Endpoint::to_text() const { return (address.is_v6() ? "[" + address.to_text() + "]" : address.to_text()) + ":" + std::to_string(port); }

Result<Cidr> Cidr::parse(std::string_view text)
{
    const auto slash = text.find('/');
    const auto address = IpAddress::parse(text.substr(0, slash));
    if (!address) return bad("network", text);
    const int width = address->is_v6() ? 128 : 32;
    int prefix = width;
    if (slash != std::string_view::npos) {
        const auto value = parse_port(text.substr(slash + 1));
        if (!value || *value > width) return bad("network", text);
        prefix = *value;
    }
    auto bytes = address->bytes();
    for (int bit = prefix; bit < width; ++bit) bytes[static_cast<std::size_t>(bit / 8)] &= static_cast<std::uint8_t>(~(0x80U >> (bit % 8)));
    Cidr out;
    if (address->is_v6()) {
        out.network_ = IpAddress::from_v6(bytes);
        // Clearing host bits can produce the IPv4-mapped form only for a network that covers it; keep the family.
        if (!out.network_.is_v6()) return bad("network", text);
    } else {
        out.network_ = IpAddress::from_v4(static_cast<std::uint32_t>(bytes[0]) << 24 | static_cast<std::uint32_t>(bytes[1]) << 16 |
                                          static_cast<std::uint32_t>(bytes[2]) << 8 | bytes[3]);
    }
    out.prefix_ = prefix;
    return out;
}

bool Cidr::contains(const IpAddress& address) const
{
    if (address.is_v6() != network_.is_v6()) return false;
    const auto whole = static_cast<std::size_t>(prefix_ / 8);
    const auto& a = address.bytes();
    const auto& b = network_.bytes();
    if (!std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(whole), b.begin())) return false;
    const int rest = prefix_ % 8;
    return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

std::string Cidr::to_text() const { return network_.to_text() + "/" + std::to_string(prefix_); }

bool is_host_name(std::string_view text)
{
    if (!text.empty() && text.back() == '.') text.remove_suffix(1);
    if (text.empty() || text.size() > 253) return false;
    for (const auto label : split(text, '.')) {
        if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
        for (const char c : label) {
            const bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
            if (!fine) return false;
        }
    }
    return true;
}

Result<HostPort> HostPort::parse(std::string_view text)
{
    text = trim(text);
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return bad("target", text);
    const auto port = parse_port(text.substr(colon + 1));
    if (!port || *port == 0) return bad("target", text);
    const auto host = text.substr(0, colon);
    if (const auto address = IpAddress::parse(host)) return HostPort{address->to_text(), *port};
    // A text of digits and dots that is no address is a mistyped address, not a name.
    if (!is_host_name(host) || host.find_first_not_of("0123456789.") == std::string_view::npos) return bad("target", text);
    return HostPort{to_lower(host), *port};
}

std::string HostPort::to_text() const { return (host.find(':') != std::string::npos ? "[" + host + "]" : host) + ":" + std::to_string(port); }

} // namespace sluice
