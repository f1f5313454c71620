#include "agent/forward_option.hpp"

#include <doctest/doctest.h>

namespace sluice::agent {

namespace {

std::string problem(std::string_view text)
{
    const auto forward = parse_forward_option(text);
    REQUIRE_FALSE(forward);
    CHECK(forward.error().code == Errc::invalid);
    CHECK(forward.error().field == "forward");
    REQUIRE(forward.error().args.size() == 1);
    return forward.error().args[0];
}

} // namespace

TEST_CASE("a forward is a place and one or more targets")
{
    const auto tcp = parse_forward_option("tcp://:8080=10.0.0.2:80").value();
    CHECK(tcp.tcp);
    CHECK_FALSE(tcp.udp);
    CHECK(tcp.port == 8080);
    CHECK(tcp.tcp_address == IpAddress::any_v6());
    CHECK(tcp.targets == std::vector<HostPort>{{"10.0.0.2", 80}});

    const auto udp = parse_forward_option("udp://[::1]:53=1.1.1.1:53,dns.example:5353").value();
    CHECK_FALSE(udp.tcp);
    CHECK(udp.udp);
    CHECK(udp.udp_address.to_text() == "::1");
    CHECK(udp.targets == std::vector<HostPort>{{"1.1.1.1", 53}, {"dns.example", 5353}});

    const auto both = parse_forward_option("127.0.0.1:80=[2001:db8::1]:81").value();
    CHECK(both.tcp);
    CHECK(both.udp);
    CHECK(both.targets == std::vector<HostPort>{{"2001:db8::1", 81}});
}

TEST_CASE("what is wrong with a forward is named")
{
    CHECK(problem("tcp://:8080").find("LISTEN=TARGET") != std::string::npos);
    CHECK(problem("") == problem("tcp://:8080"));
    CHECK(problem("tcp://:0=a:1") == "not a listen address: :0");
    CHECK(problem("tcp://:99999=a:1") == "not a listen address: :99999");
    CHECK(problem("tcp://host.example:80=a:1") == "not a listen address: host.example:80");
    CHECK(problem(":80=a:1,") == "not a target: ");
    CHECK(problem(":80=a") == "not a target: a");
    CHECK(problem(":80=") == "not a target: ");
    CHECK(problem("sctp://:80=a:1").find("not a listen address") == 0);
}

TEST_CASE("forwards are numbered by position and may not share a port")
{
    const auto plan = plan_of_options({"tcp://:80=a:1", "udp://:80=a:1", "tcp://127.0.0.1:81=a:1"}).value();
    REQUIRE(plan.forwards.size() == 3);
    CHECK(plan.revision == 1);
    CHECK(plan.forwards[2].id == ForwardId{3});
    const auto twice = plan_of_options({"tcp://:80=a:1", ":80=b:2"});
    REQUIRE_FALSE(twice);
    CHECK(twice.error().code == Errc::conflict);
    CHECK(twice.error().args[0] == "two forwards on port 80");
    CHECK_FALSE(plan_of_options({":80=a:1", "bad"}));
    CHECK(plan_of_options({}).value().forwards.empty());
}

} // namespace sluice::agent
