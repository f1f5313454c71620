// What a stream owes to the others on its loop.
#include "net/listener.hpp"
#include "net/stream.hpp"

#include <array>
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace sluice;
using namespace sluice::net;

namespace {

// A stream on `loop` whose peer, `other`, has sent `bytes` bytes already.
struct Pair {
    explicit Pair(std::size_t bytes)
    {
        const auto listening = listen_tcp({*IpAddress::parse("127.0.0.1"), 0});
        REQUIRE(listening);
        sockaddr_storage storage{};
        const auto length = listening->local.to_sockaddr(storage);
        other = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        REQUIRE(::connect(other, reinterpret_cast<const sockaddr*>(&storage), length) == 0);
        const std::string text(bytes, 'x');
        REQUIRE(::send(other, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes));
        const int accepted = ::accept4(listening->descriptor, nullptr, nullptr, SOCK_CLOEXEC);
        REQUIRE(accepted >= 0);
        ::close(listening->descriptor);
        tcp::socket socket(loop);
        socket.assign(tcp::v4(), accepted);
        stream = std::make_unique<Stream>(std::move(socket));
    }
    ~Pair()
    {
        stream.reset();
        ::close(other);
    }
    asio::io_context loop{1};
    int other = -1;
    std::unique_ptr<Stream> stream;
};

awaitable<void> read_all(Stream& stream, std::size_t wanted, std::size_t& got)
{
    std::array<char, 64> piece{};
    while (got < wanted) {
        const auto read = co_await stream.read_some(piece);
        if (read.problem) co_return;
        got += read.size;
    }
}

awaitable<void> count_turns(const std::size_t& got, std::size_t wanted, int& turns)
{
    while (got < wanted) {
        ++turns;
        co_await asio::post(asio::use_awaitable);
    }
}

} // namespace

TEST_CASE("a peer that always has bytes ready does not keep the loop for itself")
{
    constexpr std::size_t bytes = 64 * 100;
    Pair pair(bytes);
    std::size_t got = 0;
    int turns = 0;
    asio::co_spawn(pair.loop, read_all(*pair.stream, bytes, got), asio::detached);
    asio::co_spawn(pair.loop, count_turns(got, bytes, turns), asio::detached);
    pair.loop.run();
    CHECK(got == bytes);
    CHECK(turns >= 20); // of the other, within a hundred reads of which none had to wait
}

TEST_CASE("a wait ends when it is interrupted, and goes on after resume")
{
    Pair pair(1);
    std::size_t got = 0;
    asio::co_spawn(pair.loop, read_all(*pair.stream, 2, got), asio::detached);
    asio::post(pair.loop, [&] { pair.stream->interrupt(); });
    pair.loop.run();
    CHECK(got == 1);
    pair.stream->resume();
    REQUIRE(::send(pair.other, "y", 1, MSG_NOSIGNAL) == 1);
    pair.loop.restart();
    asio::co_spawn(pair.loop, read_all(*pair.stream, 2, got), asio::detached);
    pair.loop.run();
    CHECK(got == 2);
}
