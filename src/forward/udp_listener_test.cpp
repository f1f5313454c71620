#include "forward/testing.hpp"

#include <netinet/in.h>

namespace sluice::forward {

using namespace testing;

namespace {

// A datagram server that the test drives: it receives, remembers who asked, and answers.
class Peer {
public:
    explicit Peer(std::uint16_t port = 0) : socket_(blocking_socket(SOCK_DGRAM))
    {
        REQUIRE(bind_to(socket_, loopback(port)));
        set_option(socket_.get(), SOL_SOCKET, SO_RCVBUF, 8 << 20);
        port_ = port_of(socket_.get());
    }
    HostPort name() const { return {"127.0.0.1", port_}; }
    std::string receive()
    {
        std::string buffer(65536, '\0');
        sockaddr_storage from{};
        socklen_t length = sizeof from;
        const auto got = ::recvfrom(socket_.get(), buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &length);
        REQUIRE_MESSAGE(got >= 0, "no datagram came");
        last = Endpoint::from_sockaddr(from).value();
        buffer.resize(static_cast<std::size_t>(got));
        return buffer;
    }
    void send(std::string_view bytes, const Endpoint& to)
    {
        sockaddr_storage name{};
        const auto length = to.to_sockaddr(name);
        REQUIRE(::sendto(socket_.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&name), length) ==
                static_cast<ssize_t>(bytes.size()));
    }
    void answer(std::string_view bytes) { send(bytes, last); }
    bool waiting() const
    {
        pollfd one{socket_.get(), POLLIN, 0};
        return ::poll(&one, 1, 0) > 0;
    }
    Endpoint last;

private:
    Descriptor socket_;
    std::uint16_t port_ = 0;
};

Descriptor client_of(const Stage& stage, std::size_t index = 0)
{
    auto socket = connect_to(loopback(stage.plan.forwards[index].port), {}, SOCK_DGRAM);
    set_option(socket.get(), SOL_SOCKET, SO_RCVBUF, 8 << 20);
    return socket;
}

void send(const Descriptor& socket, std::string_view bytes)
{
    REQUIRE(::send(socket.get(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
}

std::string datagram(const Descriptor& socket)
{
    std::string buffer(65536, '\0');
    const auto got = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
    REQUIRE_MESSAGE(got >= 0, "no datagram came");
    buffer.resize(static_cast<std::size_t>(got));
    return buffer;
}

} // namespace

TEST_CASE("datagrams of every size pass both ways and are counted exactly")
{
    Stage stage;
    Peer peer;
    stage.add({peer.name()});
    stage.listen();
    const auto client = client_of(stage);
    std::int64_t total = 0;
    for (const std::size_t size : std::initializer_list<std::size_t>{0, 1, 2, 63, 512, 1200, 1472, 1473, 9000, 32'768, 65'000, 65'506, 65'507}) {
        const auto bytes = Pattern(size).take(size);
        send(client, bytes);
        CHECK(peer.receive() == bytes);
        peer.answer(bytes);
        CHECK(datagram(client) == bytes);
        total += static_cast<std::int64_t>(size);
    }
    CHECK(stage.counted(total, total));
    CHECK(stage.counters().connections == 1);
}

TEST_CASE("a burst keeps its order and its sizes, both ways")
{
    Stage stage;
    Peer peer;
    stage.add({peer.name()});
    stage.listen();
    const auto client = client_of(stage);
    Pattern pattern(3);
    std::mt19937_64 dice(4);
    std::int64_t up = 0;
    std::int64_t down = 0;
    for (int round = 0; round < 20; ++round) {
        std::vector<std::string> sent;
        for (int i = 0; i < 50; ++i) sent.push_back(pattern.take(dice() % 2 == 0 ? 1200 : dice() % 1500));
        for (const auto& one : sent) send(client, one);
        for (const auto& one : sent) {
            REQUIRE(peer.receive() == one);
            up += static_cast<std::int64_t>(one.size());
        }
        for (const auto& one : sent) peer.answer(one);
        for (const auto& one : sent) {
            REQUIRE(datagram(client) == one);
            down += static_cast<std::int64_t>(one.size());
        }
    }
    CHECK(stage.counted(up, down));
}

TEST_CASE("each client has its own session and gets its own answers")
{
    Stage stage;
    Peer peer;
    stage.add({peer.name()});
    stage.listen();
    std::vector<Descriptor> clients;
    std::vector<Endpoint> seen;
    for (int i = 0; i < 100; ++i) {
        clients.push_back(client_of(stage));
        send(clients.back(), std::to_string(i));
        CHECK(peer.receive() == std::to_string(i));
        seen.push_back(peer.last);
    }
    CHECK(stage.engine->open_connections() == 100);
    for (std::size_t i = 0; i < 100; ++i) peer.send("for " + std::to_string(i), seen[i]);
    for (std::size_t i = 0; i < 100; ++i) CHECK(datagram(clients[i]) == "for " + std::to_string(i));
}

TEST_CASE("a stranger cannot answer in the target's place")
{
    Stage stage;
    Peer peer;
    stage.add({peer.name()});
    stage.listen();
    const auto client = client_of(stage);
    send(client, "question");
    CHECK(peer.receive() == "question");
    Peer stranger;
    stranger.send("forged", peer.last);
    peer.answer("true");
    CHECK(datagram(client) == "true");
    CHECK(stage.counted(8, 4));
}

TEST_CASE("a session ends when both directions are silent for its idle time, and begins again by itself")
{
    Stage stage;
    Peer peer;
    stage.add({peer.name()}).udp_idle_timeout = Seconds{60};
    stage.listen();
    const auto client = client_of(stage);
    send(client, "a");
    CHECK(peer.receive() == "a");
    const auto first = peer.last;
    stage.clock.advance(Seconds{40});
    peer.answer("b"); // the target alone keeps it alive, too
    CHECK(datagram(client) == "b");
    stage.clock.advance(Seconds{40});
    send(client, "c");
    CHECK(peer.receive() == "c");
    CHECK(peer.last == first);
    stage.clock.advance(Seconds{61});
    CHECK(stage.idle());
    send(client, "d");
    CHECK(peer.receive() == "d");
    peer.answer("e");
    CHECK(datagram(client) == "e");
    CHECK(stage.counters().connections == 2);
}

TEST_CASE("a target that was not there is found when it comes")
{
    Stage stage;
    const auto port = free_port();
    stage.add({{"127.0.0.1", port}});
    stage.listen();
    const auto client = client_of(stage);
    for (int i = 0; i < 5; ++i) send(client, "lost");
    Peer peer(port);
    CHECK(eventually([&] {
        send(client, "again");
        return peer.waiting();
    }));
    std::string got;
    while (got != "again") got = peer.receive(); // some of the first ones may have been on their way still
    peer.answer("here");
    CHECK(datagram(client) == "here");
}

TEST_CASE("a target whose host refuses datagrams is passed over for another one, for a while")
{
    Stage stage;
    const auto port = free_port();
    Peer backup;
    stage.add({{"127.0.0.1", port}, backup.name()});
    stage.listen();
    const auto client = client_of(stage);
    CHECK(eventually([&] {
        send(client, "to whom it concerns");
        return backup.waiting();
    }));
    CHECK(backup.receive() == "to whom it concerns");
    Peer primary(port);
    CHECK(eventually([&] { // new sessions go home again
        stage.clock.advance(Seconds{1});
        const auto other = client_of(stage);
        send(other, "new");
        return primary.waiting();
    }));
}

TEST_CASE("sessions count against the cap, and a freed place is used")
{
    Stage stage;
    Peer peer;
    stage.add({peer.name()}).max_connections = 2;
    stage.listen();
    const auto a = client_of(stage);
    const auto b = client_of(stage);
    const auto c = client_of(stage);
    send(a, "a");
    send(b, "b");
    CHECK(peer.receive().size() == 1);
    CHECK(peer.receive().size() == 1);
    send(c, "c");
    send(a, "A"); // on another worker perhaps; the count is shared
    CHECK(peer.receive() == "A");
    CHECK(stage.engine->open_connections() == 2);
    CHECK_FALSE(peer.waiting());
    // Another worker may come to c's datagram only now, when there is room for it: that session has to end, too.
    CHECK(eventually([&] {
        stage.clock.advance(Seconds{61});
        return stage.engine->open_connections() == 0;
    }));
    send(c, "c");
    CHECK(peer.receive() == "c");
}

TEST_CASE("sources that are not admitted get no session")
{
    Stage stage;
    Peer peer;
    auto& forward = stage.add({peer.name()});
    forward.sources.deny = {Cidr::parse("127.0.0.3").value()};
    stage.listen();
    const auto to = loopback(stage.plan.forwards[0].port);
    const auto denied = connect_to(to, Endpoint{address("127.0.0.3"), 0}, SOCK_DGRAM);
    const auto admitted = connect_to(to, Endpoint{address("127.0.0.4"), 0}, SOCK_DGRAM);
    send(denied, "no");
    send(admitted, "yes");
    CHECK(peer.receive() == "yes");
    CHECK(stage.engine->open_connections() == 1);
    CHECK_FALSE(peer.waiting());
}

TEST_CASE("answers leave from the address that the client asked, on a wildcard listener too")
{
    Stage stage;
    Peer peer;
    auto& forward = stage.add({peer.name()});
    SUBCASE("both families") { forward.udp_address = IpAddress::any_v6(); }
    SUBCASE("IPv4 only") { forward.udp_address = address("0.0.0.0"); }
    stage.listen();
    // A connected socket accepts answers from that address only.
    const auto client = connect_to({address("127.0.0.77"), stage.plan.forwards[0].port}, {}, SOCK_DGRAM);
    send(client, "ask");
    CHECK(peer.receive() == "ask");
    peer.answer("told");
    CHECK(datagram(client) == "told");
}

TEST_CASE("switching the forward off ends its sessions at once")
{
    Stage stage;
    Peer peer;
    stage.add({peer.name()});
    stage.listen();
    const auto client = client_of(stage);
    send(client, "x");
    CHECK(peer.receive() == "x");
    const auto forwards = std::exchange(stage.plan.forwards, {});
    stage.apply();
    CHECK(stage.engine->open_connections() == 0);
    send(client, "y");
    char byte = 0;
    CHECK(::recv(client.get(), &byte, 1, 0) < 0);
    CHECK(errno == ECONNREFUSED);
    stage.plan.forwards = forwards;
    stage.listen();
    const auto again = client_of(stage);
    send(again, "z");
    CHECK(peer.receive() == "z");
    CHECK(stage.counted(2, 0));
}

} // namespace sluice::forward
