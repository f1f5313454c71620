// Internet addresses as values: parsed once, refused when malformed, printed in canonical form.
#pragma once

#include "base/result.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

struct sockaddr_storage;

namespace sluice {

// An IPv4 or IPv6 address. IPv4-mapped IPv6 addresses are turned into IPv4, so one host has one value.
class IpAddress {
public:
    IpAddress() = default;                                 // 0.0.0.0
    static Result<IpAddress> parse(std::string_view text); // "192.0.2.1", "2001:db8::1", "[2001:db8::1]"; no zone, no port
    static IpAddress from_v4(std::uint32_t host_order);
    static IpAddress from_v6(const std::array<std::uint8_t, 16>& bytes);
    static IpAddress any_v6();

    bool is_v6() const { return v6_; }
    bool is_unspecified() const;
    bool is_loopback() const;
    // Network order; an IPv4 address fills the first four.
    const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
    std::string to_text() const; // RFC 5952

    friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

private:
    bool v6_ = false;
    std::array<std::uint8_t, 16> bytes_{};
};

// An address with a port, printed "192.0.2.1:80" or "[2001:db8::1]:80".
struct Endpoint {
    IpAddress address;
    std::uint16_t port = 0;

    static Result<Endpoint> parse(std::string_view text); // the port is required, 0 allowed
    // Refuses families other than AF_INET and AF_INET6.
    static Result<Endpoint> from_sockaddr(const sockaddr_storage& storage);
    // Returns the length to pass to bind() or connect(). With `as_v6` an IPv4 address is written IPv4-mapped.
    unsigned to_sockaddr(sockaddr_storage& storage, bool as_v6 = false) const;
    std::string to_text() const;

    friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

// A network such as "10.0.0.0/8" or "2001:db8::/32"; a lone address is a network of one. Host bits are cleared.
class Cidr {
public:
    static Result<Cidr> parse(std::string_view text);
    bool contains(const IpAddress& address) const;
    std::string to_text() const;
    friend auto operator<=>(const Cidr&, const Cidr&) = default;

private:
    IpAddress network_;
    int prefix_ = 0;
};

// Where traffic goes: a name or an address, and a port. Names are checked against RFC 1123 (underscores allowed) and kept in lower case.
struct HostPort {
    std::string host; // without brackets
    std::uint16_t port = 0;

    // "host:port", "[v6]:port", or an unbracketed IPv6 address with the port after its last colon (FLVX contract 4.6).
    static Result<HostPort> parse(std::string_view text);
    std::string to_text() const; // IPv6 bracketed
    friend auto operator<=>(const HostPort&, const HostPort&) = default;
};

// Whether `text` may be a DNS name (RFC 1123, at most 253 characters, underscores allowed).
bool is_host_name(std::string_view text);

} // namespace sluice
