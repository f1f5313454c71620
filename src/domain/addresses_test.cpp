#include "domain/addresses.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <string>

using namespace sluice;
using namespace sluice::domain;

namespace {

Node node(const std::string& address, std::optional<std::string> v4 = {}, std::optional<std::string> v6 = {})
{
    Node made;
    made.name = "node";
    made.address = address;
    made.address_v4 = std::move(v4);
    made.address_v6 = std::move(v6);
    return made;
}

std::string why(const Result<void>& result) { return result ? "" : result.error().field; }

} // namespace

TEST_CASE("users are told a node's IPv4 and then its IPv6 address, its primary one when it has neither")
{
    const std::vector nodes{node("a.example", "192.0.2.1", "2001:db8::1"), node("b.example"), node("c.example", std::nullopt, "2001:db8::3")};
    CHECK(entry_addresses(nodes, AddressFamily::automatic) == std::vector<std::string>{"192.0.2.1", "2001:db8::1", "b.example", "2001:db8::3"});
    CHECK(entry_addresses(nodes, AddressFamily::v6) == std::vector<std::string>{"2001:db8::1", "192.0.2.1", "b.example", "2001:db8::3"});
}

TEST_CASE("two nodes behind one address are told once")
{
    CHECK(entry_addresses({node("a.example"), node("a.example")}, AddressFamily::v4) == std::vector<std::string>{"a.example"});
}

TEST_CASE("clients are told every address with every port, IPv6 in brackets")
{
    const std::vector<ForwardPort> ports{{NodeId{1}, 2000}, {NodeId{2}, 2000}, {NodeId{3}, 1000}};
    CHECK(client_addresses({"192.0.2.1", "2001:db8::1"}, ports) == "192.0.2.1:1000,192.0.2.1:2000,[2001:db8::1]:1000,[2001:db8::1]:2000");
    CHECK(client_addresses({"192.0.2.1"}, {}) == "");
    CHECK(client_addresses({}, ports) == "");
}

TEST_CASE("every field of a node that a person types is checked, and named when it is wrong")
{
    CHECK(why(check_node(node("192.0.2.1"))) == "");
    CHECK(why(check_node(node("node.example", "192.0.2.1", "2001:db8::1"))) == "");
    struct Case {
        const char* field;
        std::function<void(Node&)> spoil;
    };
    const Case cases[] = {
        {"node.name_or_address", [](Node& n) { n.name.clear(); }},
        {"node.name_or_address", [](Node& n) { n.address.clear(); }},
        {"node.name", [](Node& n) { n.name = std::string(101, 'x'); }},
        {"node.address", [](Node& n) { n.address = "not a host"; }},
        {"node.address_v4", [](Node& n) { n.address_v4 = "2001:db8::1"; }},
        {"node.address_v6", [](Node& n) { n.address_v6 = "192.0.2.1"; }},
        {"node.ports", [](Node& n) { n.ports = {}; }},
        {"node.egress_interface", [](Node& n) { n.egress_interface = "../eth0"; }},
        {"node.egress_interface", [](Node& n) { n.egress_interface = "sixteen-bytes-00"; }},
        {"node.tcp_listen", [](Node& n) { n.tcp_listen = "localhost"; }},
        {"node.udp_listen", [](Node& n) { n.udp_listen = "[::]:53"; }},
    };
    for (const auto& one : cases) {
        CAPTURE(one.field);
        auto spoiled = node("192.0.2.1");
        one.spoil(spoiled);
        CHECK(why(check_node(spoiled)) == one.field);
    }
    auto with_interface = node("192.0.2.1");
    for (const char* fine : {"eth0", "wg-home", "192.0.2.9", "2001:db8::9"}) {
        with_interface.egress_interface = fine;
        CHECK(why(check_node(with_interface)) == "");
    }
}

TEST_CASE("the addresses that an administrator wants shown are cleaned, and refused when one is none")
{
    CHECK(parse_entry_addresses(" 203.0.113.1 ,relay.example,, 203.0.113.1").value_or("?") == "203.0.113.1,relay.example");
    CHECK(parse_entry_addresses("").value_or("?") == "");
    CHECK_FALSE(parse_entry_addresses("203.0.113.1;203.0.113.2"));
    CHECK_FALSE(parse_entry_addresses("a b"));
    std::string many;
    for (int i = 0; i < 65; ++i) many += "host" + std::to_string(i) + ",";
    CHECK_FALSE(parse_entry_addresses(many));
}
