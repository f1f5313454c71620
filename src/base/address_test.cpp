// Addresses, endpoints, networks and targets: what is accepted, what is refused, and that printing round-trips.
#include "base/address.hpp"

#include <cstring>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>

using namespace sluice;

namespace {

IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }
Cidr net(std::string_view text) { return Cidr::parse(text).value(); }

} // namespace

TEST_CASE("an address is printed in its canonical form")
{
    CHECK(ip("192.0.2.1").to_text() == "192.0.2.1");
    CHECK(ip("2001:DB8:0:0:0:0:0:1").to_text() == "2001:db8::1");
    CHECK(ip("[2001:db8::1]").to_text() == "2001:db8::1");
    CHECK(ip("::").to_text() == "::");
    CHECK(ip("0:0:0:0:0:0:0:1").to_text() == "::1");
    CHECK(ip("255.255.255.255").to_text() == "255.255.255.255");
}

TEST_CASE("an address that is not exactly one is refused")
{
    for (const std::string_view text :
         {"",           " ",          "1.2.3",      "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", " 1.2.3.4",  "1.2.3.4/8",
          "1.2.3.4:80", "0x7f.0.0.1", "2130706433", ":",         ":::",       "1::2::3",  "12345::",  "::1%lo",    "fe80::1%eth0",
          "[::1",       "::1]",       "[]",         "[1.2.3.4]", "[[::1]]",   "[::1]:80", "::g",      "localhost", "1:2:3:4:5:6:7:8:9"}) {
        CAPTURE(text);
        const auto result = IpAddress::parse(text);
        REQUIRE_FALSE(result);
        CHECK(result.error().code == Errc::invalid);
        CHECK(result.error().field == "address");
    }
    CHECK_FALSE(IpAddress::parse(std::string_view{"1.2.3.4\0", 8}));
    CHECK_FALSE(IpAddress::parse(std::string(100'000, '1')));
}

TEST_CASE("an IPv4-mapped IPv6 address is the IPv4 address")
{
    CHECK(ip("::ffff:192.0.2.1") == ip("192.0.2.1"));
    CHECK(ip("::ffff:c000:201") == ip("192.0.2.1"));
    CHECK_FALSE(ip("::ffff:192.0.2.1").is_v6());
    CHECK(ip("::192.0.2.1").is_v6()); // deprecated compatible form: not the same host
    CHECK(ip("::1") != ip("0.0.0.1"));
}

TEST_CASE("loopback and unspecified are told for both families")
{
    CHECK(ip("127.0.0.1").is_loopback());
    CHECK(ip("127.255.3.4").is_loopback());
    CHECK(ip("::1").is_loopback());
    CHECK(ip("::ffff:127.0.0.1").is_loopback());
    CHECK_FALSE(ip("128.0.0.1").is_loopback());
    CHECK_FALSE(ip("::2").is_loopback());
    CHECK_FALSE(ip("1::1").is_loopback());
    CHECK(ip("0.0.0.0").is_unspecified());
    CHECK(IpAddress::any_v6().is_unspecified());
    CHECK(IpAddress::any_v6() != IpAddress{});
    CHECK_FALSE(ip("0.0.0.1").is_unspecified());
}

TEST_CASE("an endpoint needs an address and a port")
{
    CHECK(Endpoint::parse("192.0.2.1:80").value() == Endpoint{ip("192.0.2.1"), 80});
    CHECK(Endpoint::parse("[::]:6365").value() == Endpoint{IpAddress::any_v6(), 6365});
    CHECK(Endpoint::parse("0.0.0.0:0").value().port == 0);
    CHECK(Endpoint::parse("[2001:db8::1]:65535").value().to_text() == "[2001:db8::1]:65535");
    for (const std::string_view text :
         {"", ":", ":80", "192.0.2.1", "192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:-1", "192.0.2.1:+1", "192.0.2.1:8 0", "192.0.2.1: 80",
          "192.0.2.1:080080", "::1:80", "2001:db8::1", "[::1]", "[::1]80", "[::1:80", "host:80", "[192.0.2.1]:80", "192.0.2.1:http"}) {
        CAPTURE(text);
        const auto result = Endpoint::parse(text);
        REQUIRE_FALSE(result);
        CHECK(result.error().field == "endpoint");
    }
}

TEST_CASE("an endpoint survives the way through a socket address")
{
    for (const std::string_view text : {"192.0.2.1:80", "[2001:db8::1]:443", "0.0.0.0:0", "[::]:1"}) {
        CAPTURE(text);
        const auto endpoint = Endpoint::parse(text).value();
        sockaddr_storage storage{};
        const auto plain = endpoint.to_sockaddr(storage);
        CHECK(plain == (endpoint.address.is_v6() ? sizeof(sockaddr_in6) : sizeof(sockaddr_in)));
        CHECK(Endpoint::from_sockaddr(storage).value() == endpoint);
        CHECK(endpoint.to_sockaddr(storage, true) == sizeof(sockaddr_in6));
        CHECK(storage.ss_family == AF_INET6);
        CHECK(Endpoint::from_sockaddr(storage).value() == endpoint); // mapped and back
    }
    sockaddr_storage local{};
    local.ss_family = AF_UNIX;
    CHECK_FALSE(Endpoint::from_sockaddr(local));
}

TEST_CASE("a network contains its addresses and no others")
{
    CHECK(net("10.0.0.0/8").contains(ip("10.255.255.255")));
    CHECK_FALSE(net("10.0.0.0/8").contains(ip("11.0.0.0")));
    CHECK(net("192.0.2.128/25").contains(ip("192.0.2.128")));
    CHECK_FALSE(net("192.0.2.128/25").contains(ip("192.0.2.127")));
    CHECK(net("192.0.2.1").contains(ip("192.0.2.1")));
    CHECK_FALSE(net("192.0.2.1").contains(ip("192.0.2.0")));
    CHECK(net("2001:db8::/33").contains(ip("2001:db8:7fff::1")));
    CHECK_FALSE(net("2001:db8::/33").contains(ip("2001:db8:8000::1")));
    CHECK(net("::1/128").contains(ip("::1")));
    CHECK_FALSE(net("::1/128").contains(ip("::")));
}

TEST_CASE("a network of everything is everything of one family")
{
    CHECK(net("0.0.0.0/0").contains(ip("255.1.2.3")));
    CHECK_FALSE(net("0.0.0.0/0").contains(ip("::1")));
    CHECK(net("::/0").contains(ip("ffff::1")));
    CHECK_FALSE(net("::/0").contains(ip("1.2.3.4")));
    CHECK(net("10.0.0.0/8").contains(ip("::ffff:10.1.1.1"))); // the same host whichever socket saw it
}

TEST_CASE("a network is printed without host bits and with its length")
{
    CHECK(net("10.1.2.3/8").to_text() == "10.0.0.0/8");
    CHECK(net("10.1.2.3").to_text() == "10.1.2.3/32");
    CHECK(net("2001:db8:ffff::1/36").to_text() == "2001:db8:f000::/36");
    CHECK(net("::1").to_text() == "::1/128");
    CHECK(net("255.255.255.255/0").to_text() == "0.0.0.0/0");
    CHECK(net("10.9.9.9/8") == net("10.0.0.0/8"));
}

TEST_CASE("a network that is malformed is refused")
{
    for (const std::string_view text : {"", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0.0/ 8", "::/129", "10/8",
                                        "host/8", "::ffff:10.0.0.0/104", "10.0.0.0/255.0.0.0"}) {
        CAPTURE(text);
        const auto result = Cidr::parse(text);
        REQUIRE_FALSE(result);
        CHECK(result.error().field == "network");
    }
}

TEST_CASE("a target is a name or an address with a port")
{
    CHECK(HostPort::parse("example.com:80").value() == HostPort{"example.com", 80});
    CHECK(HostPort::parse("  Example.COM:443\t").value() == HostPort{"example.com", 443});
    CHECK(HostPort::parse("192.0.2.1:1").value() == HostPort{"192.0.2.1", 1});
    CHECK(HostPort::parse("[2001:DB8::1]:65535").value() == HostPort{"2001:db8::1", 65535});
    CHECK(HostPort::parse("_dmarc.my_host.example.:53").value().host == "_dmarc.my_host.example.");
    CHECK(HostPort::parse("::ffff:192.0.2.1:80").value().host == "192.0.2.1");
    CHECK(HostPort::parse("localhost:22").value().to_text() == "localhost:22");
    CHECK(HostPort::parse("3com.example:80").value().host == "3com.example");
}

TEST_CASE("an unbracketed IPv6 target has its port after the last colon")
{
    CHECK(HostPort::parse("2001:db8::1:80").value() == HostPort{"2001:db8::1", 80});
    CHECK(HostPort::parse("::1:80").value() == HostPort{"::1", 80});
    CHECK(HostPort::parse("2001:db8::1:80").value().to_text() == "[2001:db8::1]:80");
}

TEST_CASE("a target that cannot be reached by anyone is refused")
{
    for (const std::string_view text : {"",
                                        ":",
                                        ":80",
                                        "example.com",
                                        "example.com:",
                                        "example.com:0",
                                        "example.com:65536",
                                        "example.com:+80",
                                        "example.com:80x",
                                        "a b:80",
                                        "exa mple.com:80",
                                        "-a.example:80",
                                        "a-.example:80",
                                        "a..example:80",
                                        ".example:80",
                                        "1.2.3:80",
                                        "1.2.3.4.5:80",
                                        "256.1.1.1:80",
                                        "127.1:80",
                                        "12345:80",
                                        "[example.com]:80",
                                        "[1.2.3.4]:80",
                                        "http://example.com:80",
                                        "user@example.com:80",
                                        "ex\xC3\xA4mple.com:80",
                                        "a/b:80",
                                        "::1",
                                        "[::1]",
                                        "fe80::1%eth0:80"}) {
        CAPTURE(text);
        const auto result = HostPort::parse(text);
        REQUIRE_FALSE(result);
        CHECK(result.error().code == Errc::invalid);
        CHECK(result.error().field == "target");
    }
    CHECK_FALSE(HostPort::parse(std::string_view{"a\0b:80", 6}));
}

TEST_CASE("a name is at most 253 characters in labels of at most 63")
{
    const std::string label(63, 'a');
    const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'a');
    CHECK(longest.size() == 253);
    CHECK(is_host_name(longest));
    CHECK(is_host_name(longest + "."));
    CHECK_FALSE(is_host_name(longest + "a"));
    CHECK_FALSE(is_host_name(label + "a"));
    CHECK_FALSE(is_host_name(""));
    CHECK_FALSE(is_host_name("."));
    CHECK_FALSE(is_host_name("a.."));
}
