#include "forward/testing.hpp"
#include "forward/udp_batch.hpp"

#include <netinet/udp.h>

namespace sluice::forward {

using namespace testing;

namespace {

Descriptor receiving(bool join = false)
{
    auto socket = blocking_socket(SOCK_DGRAM);
    REQUIRE(bind_to(socket, loopback(0)));
    set_option(socket.get(), SOL_SOCKET, SO_RCVBUF, 8 << 20);
    if (join) set_option(socket.get(), SOL_UDP, UDP_GRO, 1);
    return socket;
}

Datagrams run_of(const std::string& bytes, std::size_t size)
{
    Datagrams run;
    run.data = bytes.data();
    run.length = bytes.size();
    run.size = size;
    return run;
}

// Sends datagrams of these sizes in one batch and gives back the sizes that arrive, checking every byte.
struct Sent {
    std::vector<std::size_t> sizes;
    Slot slot;
    std::uint16_t largest = UdpSender::any_segment;
};

void send_sizes(const std::vector<std::size_t>& sizes, Sent& out, bool connected)
{
    const auto from = receiving();
    const auto to = receiving();
    const auto place = loopback(port_of(to.get()));
    if (connected) {
        sockaddr_storage name{};
        const auto length = place.to_sockaddr(name);
        REQUIRE(::connect(from.get(), reinterpret_cast<const sockaddr*>(&name), length) == 0);
    }
    std::vector<std::string> bytes;
    for (std::size_t i = 0; i < sizes.size(); ++i) bytes.push_back(Pattern(i).take(sizes[i]));
    auto sender = std::make_unique<UdpSender>();
    sender->begin(from.get(), connected ? nullptr : &place, false, nullptr, up_meter(out.slot), out.largest);
    for (const auto& one : bytes) sender->add(run_of(one, one.size()));
    sender->flush();
    std::string buffer(65536, '\0');
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        const auto got = ::recv(to.get(), buffer.data(), buffer.size(), 0);
        REQUIRE(got >= 0);
        out.sizes.push_back(static_cast<std::size_t>(got));
        CHECK(std::string_view{buffer.data(), static_cast<std::size_t>(got)} == bytes[i]);
    }
}

} // namespace

TEST_CASE("datagrams keep their sizes and their order, joined or not")
{
    const std::vector<std::vector<std::size_t>> cases{
        {5},
        {0},
        {0, 0, 0},
        {100, 100, 100},
        {100, 100, 50, 100, 100}, // a shorter one ends a run
        {50, 100, 50, 100},
        {1, 1, 1, 0, 1, 1},
        {65507},
        {1400, 1400, 1400, 700, 65507, 3},
        std::vector<std::size_t>(200, 1200), // more than the kernel cuts at a time
        std::vector<std::size_t>(40, 9000),
    };
    for (const auto& sizes : cases) {
        for (const bool connected : {false, true}) {
            Sent sent;
            send_sizes(sizes, sent, connected);
            CHECK(sent.sizes == sizes);
            std::uint64_t total = 0;
            for (const auto size : sizes) total += size;
            CHECK(sent.slot.up == total);
            CHECK(sent.slot.sending_up == 0);
        }
    }
}

TEST_CASE("a run that the kernel joined leaves as the datagrams it was")
{
    const auto from = receiving();
    const auto to = receiving();
    const auto place = loopback(port_of(to.get()));
    const auto bytes = Pattern(1).take(40 * 1000 + 300);
    Slot slot;
    std::uint16_t largest = UdpSender::any_segment;
    SUBCASE("cut again by the kernel") {}
    SUBCASE("sent one by one where that is not possible") { largest = 0; }
    SUBCASE("sent one by one where datagrams are too large for it") { largest = 999; }
    auto sender = std::make_unique<UdpSender>();
    sender->begin(from.get(), &place, false, nullptr, down_meter(slot), largest);
    sender->add(run_of(bytes, 1000));
    sender->flush();
    std::string buffer(65536, '\0');
    std::string all;
    for (int i = 0; i < 41; ++i) {
        const auto got = ::recv(to.get(), buffer.data(), buffer.size(), 0);
        REQUIRE(got == (i < 40 ? 1000 : 300));
        all.append(buffer.data(), static_cast<std::size_t>(got));
    }
    CHECK(all == bytes);
    CHECK(slot.down == bytes.size());
}

TEST_CASE("what the system refuses to cut is sent one by one from then on")
{
    // A segment that is larger than the route allows: the loopback device carries 65536 bytes, a segment with its headers must fit.
    const auto from = receiving();
    const auto to = receiving();
    set_option(from.get(), IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
    const auto place = loopback(port_of(to.get()));
    const auto bytes = Pattern(1).take(30'000);
    Slot slot;
    std::uint16_t largest = UdpSender::any_segment;
    set_option(from.get(), SOL_SOCKET, SO_NO_CHECK, 1); // the kernel cuts only what it can checksum: EINVAL or EIO
    auto sender = std::make_unique<UdpSender>();
    sender->begin(from.get(), &place, false, nullptr, up_meter(slot), largest);
    const auto one = run_of(bytes, 10'000);
    sender->add(one);
    sender->flush();
    std::string buffer(65536, '\0');
    for (int i = 0; i < 3; ++i) REQUIRE(::recv(to.get(), buffer.data(), buffer.size(), 0) == 10'000);
    CHECK(slot.up == 30'000);
    CHECK(largest < 10'000);
}

TEST_CASE("a batch is read with sizes, senders and the address it was sent to")
{
    auto socket = receiving(true);
    set_option(socket.get(), IPPROTO_IP, IP_PKTINFO, 1);
    const auto port = port_of(socket.get());
    const auto a = connect_to(loopback(port), Endpoint{address("127.0.0.1"), 0}, SOCK_DGRAM);
    REQUIRE(::send(a.get(), "one", 3, 0) == 3);
    REQUIRE(::send(a.get(), "", 0, 0) == 0);
    UdpReceiver receiver;
    std::vector<std::string> seen;
    while (seen.size() < 2) {
        const int count = receiver.receive(socket.get(), true);
        REQUIRE(count >= 0);
        for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
            seen.emplace_back(receiver[i].data, receiver[i].length);
            CHECK(receiver[i].from == loopback(port_of(a.get())));
            CHECK(receiver[i].has_local);
            CHECK(receiver[i].local == address("127.0.0.1"));
        }
    }
    CHECK(seen == std::vector<std::string>{"one", ""});
    CHECK(receiver.receive(socket.get(), true) == 0);
}

TEST_CASE("a refusal of an earlier datagram does not lose the next one")
{
    auto socket = receiving();
    auto closed = receiving();
    const auto place = loopback(port_of(closed.get()));
    sockaddr_storage name{};
    const auto length = place.to_sockaddr(name);
    REQUIRE(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&name), length) == 0);
    const std::uint16_t port = place.port;
    Slot slot;
    std::uint16_t largest = UdpSender::any_segment;
    closed.reset(); // nobody there: the host answers "port unreachable"
    REQUIRE(::send(socket.get(), "x", 1, 0) == 1);
    pollfd one{socket.get(), POLLERR, 0};
    REQUIRE(::poll(&one, 1, 60'000) == 1);
    auto again = blocking_socket(SOCK_DGRAM);
    REQUIRE(bind_to(again, loopback(port)));
    const std::string bytes = "hello";
    auto sender = std::make_unique<UdpSender>();
    sender->begin(socket.get(), nullptr, false, nullptr, up_meter(slot), largest);
    sender->add(run_of(bytes, bytes.size()));
    sender->flush();
    CHECK(receive(again, 5) == "hello");
    CHECK(slot.up == 5);
}

} // namespace sluice::forward
