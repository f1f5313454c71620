#include "forward/testing.hpp"

#include <netinet/in.h>
#include <unistd.h>

namespace sluice::forward {

using namespace testing;

namespace {

std::vector<Descriptor> open_at(Transport transport, const Endpoint& at, unsigned count, ListenFailure& failure)
{
    failure = {};
    return open_listeners(transport, at, count, failure);
}

} // namespace

TEST_CASE("each worker has its own socket on the same port")
{
    ListenFailure failure;
    const auto port = free_port();
    for (const auto transport : {Transport::tcp, Transport::udp}) {
        const auto sockets = open_at(transport, loopback(port), 4, failure);
        INFO(failure.detail);
        REQUIRE(sockets.size() == 4);
        for (const auto& socket : sockets) {
            CHECK(port_of(socket.get()) == port);
            int shared = 0;
            socklen_t length = sizeof shared;
            ::getsockopt(socket.get(), SOL_SOCKET, SO_REUSEPORT, &shared, &length);
            CHECK(shared == 1);
        }
    }
}

TEST_CASE("everywhere is both families")
{
    ListenFailure failure;
    const auto port = free_port();
    const auto sockets = open_at(Transport::tcp, {IpAddress::any_v6(), port}, 1, failure);
    INFO(failure.detail);
    REQUIRE(sockets.size() == 1);
    CHECK(connect_to(loopback(port)));
    if (blocking_socket(SOCK_STREAM, AF_INET6)) CHECK(connect_to({address("::1"), port}));
}

TEST_CASE("every IPv4 address, or one address, is only that")
{
    ListenFailure failure;
    const auto port = free_port();
    {
        const auto sockets = open_at(Transport::tcp, {address("0.0.0.0"), port}, 1, failure);
        REQUIRE(sockets.size() == 1);
        CHECK(connect_to({address("127.0.0.2"), port}));
        CHECK_FALSE(connect_to({address("::1"), port}));
    }
    const auto sockets = open_at(Transport::tcp, {address("127.0.0.2"), port}, 1, failure);
    REQUIRE(sockets.size() == 1);
    CHECK(connect_to({address("127.0.0.2"), port}));
    CHECK_FALSE(connect_to(loopback(port)));
}

TEST_CASE("a port that is taken is an exact fault, also when the other one would share it")
{
    ListenFailure failure;
    Server other;
    CHECK(open_at(Transport::tcp, loopback(other.port()), 2, failure).empty());
    CHECK(failure.fault == plan::Fault::address_in_use);
    CHECK(failure.detail == "tcp " + loopback(other.port()).to_text() + ": Address already in use");
    // A listener everywhere would take over what the other one has on loopback.
    CHECK(open_at(Transport::tcp, {IpAddress::any_v6(), other.port()}, 2, failure).empty());
    CHECK(failure.fault == plan::Fault::address_in_use);

    const auto port = free_port();
    for (const auto transport : {Transport::tcp, Transport::udp}) {
        const auto first = open_at(transport, loopback(port), 2, failure);
        REQUIRE(first.size() == 2);
        CHECK(open_at(transport, loopback(port), 2, failure).empty()); // SO_REUSEPORT of the same user would allow it
        CHECK(failure.fault == plan::Fault::address_in_use);
    }
}

TEST_CASE("an address of another host is an exact fault")
{
    ListenFailure failure;
    CHECK(open_at(Transport::udp, {address("192.0.2.1"), free_port()}, 1, failure).empty());
    CHECK(failure.fault == plan::Fault::address_not_local);
    CHECK(failure.detail.find("192.0.2.1") != std::string::npos);
}

TEST_CASE("the system's refusals have their faults")
{
    CHECK(fault_of(EADDRINUSE) == plan::Fault::address_in_use);
    CHECK(fault_of(EACCES) == plan::Fault::permission_denied);
    CHECK(fault_of(EPERM) == plan::Fault::permission_denied);
    CHECK(fault_of(EAFNOSUPPORT) == plan::Fault::family_unsupported);
    CHECK(fault_of(EMFILE) == plan::Fault::no_descriptors);
    CHECK(fault_of(EADDRNOTAVAIL) == plan::Fault::address_not_local);
    CHECK(fault_of(EIO) == plan::Fault::other);
}

TEST_CASE("a connection leaves from the address that is asked for")
{
    Server server;
    int problem = 0;
    auto socket = open_upstream(Transport::tcp, loopback(server.port()), "127.0.0.9", problem);
    REQUIRE(socket);
    auto accepted = server.accept();
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    REQUIRE(::getpeername(accepted.get(), reinterpret_cast<sockaddr*>(&peer), &length) == 0);
    CHECK(Endpoint::from_sockaddr(peer).value().address == address("127.0.0.9"));

    CHECK_FALSE(open_upstream(Transport::tcp, loopback(server.port()), "no-such-card", problem));
    CHECK(problem != 0);
    CHECK_FALSE(open_upstream(Transport::tcp, loopback(server.port()), "192.0.2.1", problem));
    CHECK(problem == EADDRNOTAVAIL);
}

TEST_CASE("a socket closed with a reset is a reset for its peer")
{
    Server server;
    auto client = connect_to(loopback(server.port()));
    auto accepted = server.accept();
    close_with_reset(client);
    CHECK_FALSE(client);
    CHECK(ending(accepted) == Ending::reset);
    close_with_reset(client); // an empty one is harmless
}

} // namespace sluice::forward
