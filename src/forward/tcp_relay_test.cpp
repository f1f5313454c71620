#include "forward/testing.hpp"

#include <fcntl.h>
#include <netinet/tcp.h>

namespace sluice::forward {

using namespace testing;

namespace {

// Both ends of one relay.
struct Pair {
    Descriptor client;
    Descriptor target;
};

Pair join(const Stage& stage, const Server& server, std::size_t index = 0)
{
    Pair pair{stage.connect(index), {}};
    REQUIRE(pair.client);
    pair.target = server.accept();
    return pair;
}

// The same, once the relay knows that its target is connected: before that it has another deadline.
Pair join_connected(const Stage& stage, const Server& server, std::size_t index = 0)
{
    auto pair = join(stage, server, index);
    REQUIRE(send_all(pair.target, "!"));
    REQUIRE(receive(pair.client, 1) == "!");
    return pair;
}

// Sends `total` bytes of the pattern in pieces of 1 byte to 200 kB, with a pause now and then.
bool send_pattern(const Descriptor& socket, std::uint64_t seed, std::size_t total, bool stalls)
{
    Pattern pattern(seed);
    std::mt19937_64 dice(seed + 1);
    while (total > 0) {
        const auto size = std::min<std::size_t>(total, dice() % 4 == 0 ? 1 + dice() % 200 : 1 + dice() % 200'000);
        if (!send_all(socket, pattern.take(size))) return false;
        total -= size;
        if (stalls && dice() % 64 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(dice() % 4));
    }
    return true;
}

// Whether exactly these bytes come, and then the end.
bool receive_pattern(const Descriptor& socket, std::uint64_t seed, std::size_t total, bool stalls)
{
    Pattern pattern(seed);
    std::mt19937_64 dice(seed + 2);
    std::string buffer(256 * 1024, '\0');
    while (total > 0) {
        const auto got = ::recv(socket.get(), buffer.data(), std::min(buffer.size(), total), 0);
        if (got <= 0) return false;
        if (std::string_view{buffer.data(), static_cast<std::size_t>(got)} != pattern.take(static_cast<std::size_t>(got))) return false;
        total -= static_cast<std::size_t>(got);
        if (stalls && dice() % 64 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(dice() % 4));
    }
    return ending(socket) == Ending::end_of_file;
}

int option(int socket, int level, int name)
{
    int value = 0;
    socklen_t length = sizeof value;
    REQUIRE(::getsockopt(socket, level, name, &value, &length) == 0);
    return value;
}

// Writes until the way is full for good; how much went in. Stops at `most`.
std::size_t fill_up(const Descriptor& socket, Pattern& pattern, std::size_t most)
{
    REQUIRE(::fcntl(socket.get(), F_SETFL, O_NONBLOCK) == 0);
    std::size_t total = 0;
    std::string piece = pattern.take(64 * 1024);
    std::size_t at = 0;
    while (total < most) {
        pollfd one{socket.get(), POLLOUT, 0};
        if (::poll(&one, 1, 300) == 0) break;
        const auto sent = ::send(socket.get(), piece.data() + at, piece.size() - at, MSG_NOSIGNAL);
        if (sent < 0) continue;
        total += static_cast<std::size_t>(sent);
        at += static_cast<std::size_t>(sent);
        if (at == piece.size()) {
            piece = pattern.take(piece.size());
            at = 0;
        }
    }
    return total;
}

} // namespace

TEST_CASE("bytes pass both ways at once, in every size and with stalls, and are counted exactly")
{
    Stage stage;
    Server server;
    stage.add({server.name()});
    stage.listen();
    constexpr std::size_t up = 24'000'001;
    constexpr std::size_t down = 17'000'003;
    auto pair = join(stage, server);
    bool sent_up = false;
    bool sent_down = false;
    bool got_up = false;
    std::thread a([&] { sent_up = send_pattern(pair.client, 1, up, true) && ::shutdown(pair.client.get(), SHUT_WR) == 0; });
    std::thread b([&] { sent_down = send_pattern(pair.target, 2, down, true) && ::shutdown(pair.target.get(), SHUT_WR) == 0; });
    std::thread c([&] { got_up = receive_pattern(pair.target, 1, up, true); });
    const bool got_down = receive_pattern(pair.client, 2, down, true);
    a.join();
    b.join();
    c.join();
    CHECK(sent_up);
    CHECK(sent_down);
    CHECK(got_up);
    CHECK(got_down);
    CHECK(stage.counted(up, down));
    CHECK(stage.idle());
    CHECK(stage.counters().connections == 1);
}

TEST_CASE("a connection moves between copying and splicing as its traffic changes, without a wrong byte")
{
    Stage stage(1);
    Server server;
    stage.add({server.name()});
    stage.listen();
    auto pair = join(stage, server);
    Pattern sent(5);
    Pattern expected(5);
    std::size_t total = 0;
    const auto exchange = [&](std::size_t size) {
        const auto bytes = sent.take(size);
        std::thread sender([&] { send_all(pair.client, bytes); });
        const auto got = receive(pair.target, size);
        sender.join();
        total += size;
        REQUIRE(got == expected.take(size));
        REQUIRE(send_all(pair.target, "ok"));
        REQUIRE(receive(pair.client, 2) == "ok");
    };
    const auto pipes_before = open_pipes();
    for (int i = 0; i < 50; ++i) exchange(64);
    CHECK(open_pipes() == pipes_before); // small exchanges borrow no pipe
    for (int round = 0; round < 3; ++round) {
        exchange(8'000'000);
        CHECK(open_pipes() > pipes_before); // bulk did
        for (int i = 0; i < 60; ++i) exchange(100);
    }
    CHECK(stage.counted(static_cast<std::int64_t>(total), 2 * (50 + 3 * 61)));
}

TEST_CASE("a client that has said its last byte still gets the answer, and the other way round")
{
    Stage stage;
    Server server;
    stage.add({server.name()});
    stage.listen();
    SUBCASE("the client closes its direction")
    {
        auto pair = join(stage, server);
        REQUIRE(send_all(pair.client, "question"));
        REQUIRE(::shutdown(pair.client.get(), SHUT_WR) == 0);
        CHECK(receive(pair.target, 8) == "question");
        CHECK(ending(pair.target) == Ending::end_of_file);
        REQUIRE(send_all(pair.target, "answer"));
        pair.target.reset();
        CHECK(receive(pair.client, 6) == "answer");
        CHECK(ending(pair.client) == Ending::end_of_file);
    }
    SUBCASE("the target closes its direction")
    {
        auto pair = join(stage, server);
        REQUIRE(::shutdown(pair.target.get(), SHUT_WR) == 0);
        CHECK(ending(pair.client) == Ending::end_of_file);
        REQUIRE(send_all(pair.client, "upload"));
        CHECK(receive(pair.target, 6) == "upload");
        pair.client.reset();
        CHECK(ending(pair.target) == Ending::end_of_file);
    }
    SUBCASE("a client that closed its direction before the target was connected")
    {
        auto client = stage.connect();
        REQUIRE(send_all(client, "early"));
        REQUIRE(::shutdown(client.get(), SHUT_WR) == 0);
        auto target = server.accept();
        CHECK(receive(target, 10) == "early");
        REQUIRE(send_all(target, "late"));
        CHECK(receive(client, 4) == "late");
        target.reset();
        CHECK(ending(client) == Ending::end_of_file);
    }
    CHECK(stage.idle());
}

TEST_CASE("a server that speaks first is heard")
{
    Stage stage;
    Server server;
    stage.add({server.name()});
    stage.listen();
    auto pair = join(stage, server);
    REQUIRE(send_all(pair.target, "220 hello\r\n"));
    CHECK(receive(pair.client, 11) == "220 hello\r\n");
}

TEST_CASE("a reset is passed on as a reset, after what was said before it")
{
    Stage stage;
    Server server;
    stage.add({server.name()});
    stage.listen();
    SUBCASE("of the target")
    {
        for (int i = 0; i < 100; ++i) { // often enough that words and reset come to the relay together
            auto pair = join(stage, server);
            REQUIRE(send_all(pair.target, "last words"));
            reset_connection(pair.target);
            REQUIRE(receive(pair.client, 10) == "last words");
            REQUIRE(ending(pair.client) == Ending::reset);
        }
    }
    SUBCASE("of the client")
    {
        auto pair = join(stage, server);
        reset_connection(pair.client);
        CHECK(ending(pair.target) == Ending::reset);
    }
    SUBCASE("while the other side reads nothing")
    {
        auto pair = join(stage, server);
        Pattern pattern(3);
        fill_up(pair.client, pattern, 256 << 20);
        reset_connection(pair.client);
        CHECK(stage.idle()); // nothing waits for a reader that may never come
    }
    CHECK(stage.idle());
}

TEST_CASE("a reader that stalls makes the sender wait, and gets every byte when it reads again")
{
    Stage stage(1);
    Server server;
    stage.add({server.name()});
    stage.listen();
    auto pair = join(stage, server);
    Pattern pattern(9);
    constexpr std::size_t most = 256U << 20U;
    const auto taken = fill_up(pair.client, pattern, most);
    CHECK(taken > 0);
    CHECK(taken < most); // what fits into the sockets and one pipe, however much is offered
    // Other connections of the same worker are not held up.
    auto other = join(stage, server);
    REQUIRE(send_all(other.client, "ping"));
    CHECK(receive(other.target, 4) == "ping");
    REQUIRE(::shutdown(pair.client.get(), SHUT_WR) == 0);
    CHECK(receive_pattern(pair.target, 9, taken, false));
    CHECK(stage.counted(static_cast<std::int64_t>(taken) + 4, 0));
}

TEST_CASE("both ends have no delay for small writes and find dead peers")
{
    Stage stage(1);
    Server server;
    stage.add({server.name()});
    stage.listen();
    auto pair = join(stage, server);
    REQUIRE(send_all(pair.client, "x"));
    REQUIRE(receive(pair.target, 1) == "x");
    // The relay's two sockets are those of this process that talk to the client's and the target's ports.
    int found = 0;
    const auto client_port = port_of(pair.client.get());
    for (int number = 3; number < 1024; ++number) {
        sockaddr_storage peer{};
        sockaddr_storage self{};
        socklen_t length = sizeof peer;
        if (::getpeername(number, reinterpret_cast<sockaddr*>(&peer), &length) != 0) continue;
        length = sizeof self;
        ::getsockname(number, reinterpret_cast<sockaddr*>(&self), &length);
        const auto to = Endpoint::from_sockaddr(peer);
        const auto from = Endpoint::from_sockaddr(self);
        if (!to || !from) continue;
        const bool towards_client = to->port == client_port && from->port == stage.plan.forwards[0].port;
        const bool towards_target = to->port == server.port();
        if (!towards_client && !towards_target) continue;
        ++found;
        CHECK(option(number, IPPROTO_TCP, TCP_NODELAY) == 1);
        CHECK(option(number, SOL_SOCKET, SO_KEEPALIVE) == 1);
        CHECK(option(number, IPPROTO_TCP, TCP_KEEPIDLE) == 60);
    }
    CHECK(found == 2);
}

TEST_CASE("a client whose targets all refuse is refused")
{
    Stage stage;
    RefusingPort nobody;
    stage.add({nobody.name()});
    stage.listen();
    auto client = stage.connect();
    CHECK(ending(client) == Ending::reset);
    CHECK(stage.idle());
}

TEST_CASE("a target that refuses is passed over for the next one")
{
    Stage stage;
    RefusingPort nobody;
    Server backup;
    stage.add({nobody.name(), backup.name()});
    stage.listen();
    auto pair = join(stage, backup);
    REQUIRE(send_all(pair.client, "to the backup"));
    CHECK(receive(pair.target, 13) == "to the backup");
}

TEST_CASE("a target that does not answer is passed over when the connect deadline is reached")
{
    Stage stage;
    SilentPort silent;
    Server backup;
    stage.add({silent.name(), backup.name()}).connect_timeout = Seconds{7};
    stage.listen();
    auto client = stage.connect();
    REQUIRE(send_all(client, "patient"));
    REQUIRE(eventually([&] { return stage.engine->open_connections() == 1; }));
    CHECK_FALSE(backup.waiting());
    stage.clock.advance(Seconds{8});
    auto target = backup.accept();
    CHECK(receive(target, 7) == "patient");
}

TEST_CASE("the connect deadline of the last target ends the connection")
{
    Stage stage;
    SilentPort silent;
    stage.add({silent.name()}).connect_timeout = Seconds{7};
    stage.listen();
    auto client = stage.connect();
    REQUIRE(eventually([&] { return stage.engine->open_connections() == 1; }));
    stage.clock.advance(Seconds{8});
    CHECK(ending(client) == Ending::reset);
    CHECK(stage.idle());
}

TEST_CASE("an idle connection ends at its idle deadline, and never without one")
{
    Stage stage;
    Server server;
    stage.add({server.name()}).idle_timeout = Seconds{30};
    stage.add({server.name()}); // no deadline
    stage.listen();
    auto limited = join_connected(stage, server, 0);
    auto unlimited = join_connected(stage, server, 1);
    stage.clock.advance(Seconds{20});
    REQUIRE(send_all(limited.client, "x")); // a byte in either direction starts the time again
    REQUIRE(receive(limited.target, 1) == "x");
    stage.clock.advance(Seconds{20});
    REQUIRE(send_all(limited.target, "y"));
    REQUIRE(receive(limited.client, 1) == "y");
    stage.clock.advance(Seconds{31});
    CHECK(ending(limited.client) == Ending::reset);
    stage.clock.advance(std::chrono::hours(48));
    REQUIRE(send_all(unlimited.client, "still here"));
    CHECK(receive(unlimited.target, 10) == "still here");
}

TEST_CASE("a half-closed connection ends when the other half stays silent too long")
{
    Stage stage;
    Server server;
    stage.add({server.name()}).half_closed_timeout = Seconds{300};
    stage.listen();
    auto pair = join(stage, server);
    REQUIRE(::shutdown(pair.client.get(), SHUT_WR) == 0);
    REQUIRE(ending(pair.target) == Ending::end_of_file);
    stage.clock.advance(Seconds{200});
    REQUIRE(send_all(pair.target, "slow"));
    REQUIRE(receive(pair.client, 4) == "slow");
    stage.clock.advance(Seconds{200});
    REQUIRE(send_all(pair.target, "answer"));
    REQUIRE(receive(pair.client, 6) == "answer");
    stage.clock.advance(Seconds{301});
    CHECK(ending(pair.client) == Ending::reset);
    CHECK(stage.idle());
}

TEST_CASE("protocols that a node blocks are cut by their first bytes, however slowly they come")
{
    Stage stage;
    Server server;
    stage.add({server.name()}).blocks = {true, false, false};
    stage.add({server.name()}).blocks = {false, true, true};
    stage.listen();
    const auto outcome = [&](std::size_t index, std::string_view said) {
        auto pair = join(stage, server, index);
        REQUIRE(send_all(pair.client, said));
        const auto got = receive(pair.target, said.size());
        return got == said;
    };
    CHECK_FALSE(outcome(0, "GET / HTTP/1.1\r\n\r\n"));
    CHECK_FALSE(outcome(0, "CONNECT example.org:443 HTTP/1.1\r\n"));
    CHECK(outcome(0, "\x16\x03\x01 client hello"));
    CHECK(outcome(0, "SSH-2.0-x\r\n"));
    CHECK(outcome(1, "GET / HTTP/1.1\r\n\r\n"));
    CHECK_FALSE(outcome(1, "\x16\x03\x01 client hello"));
    CHECK_FALSE(outcome(1, std::string_view{"\x05\x01\x00\x05\x01\x00\x01", 7})); // a greeting with its request along
    SUBCASE("in pieces")
    {
        auto pair = join_connected(stage, server, 0);
        REQUIRE(send_all(pair.client, "GE"));
        stage.clock.advance(Seconds{1});
        REQUIRE(send_all(pair.client, "T "));
        CHECK(ending(pair.client) == Ending::reset);
        CHECK(ending(pair.target) == Ending::reset);
    }
    SUBCASE("a beginning without an end")
    {
        auto pair = join_connected(stage, server, 0);
        REQUIRE(send_all(pair.client, "G"));
        // The engine has to see the byte before the time passes that it gives for the rest.
        const bool cut = eventually([&] {
            stage.clock.advance(Seconds{1});
            pollfd one{pair.client.get(), POLLIN, 0};
            return ::poll(&one, 1, 0) > 0;
        });
        CHECK(cut);
        CHECK(ending(pair.client) == Ending::reset);
        CHECK(ending(pair.target) == Ending::reset);
    }
    SUBCASE("a server that speaks first is heard all the same")
    {
        auto pair = join(stage, server, 0);
        REQUIRE(send_all(pair.target, "220 hello"));
        CHECK(receive(pair.client, 9) == "220 hello");
        REQUIRE(send_all(pair.client, "EHLO x"));
        CHECK(receive(pair.target, 6) == "EHLO x");
    }
}

TEST_CASE("many connections at a time each keep their own bytes")
{
    Stage stage;
    Server server(0, 1024);
    stage.add({server.name()});
    stage.listen();
    constexpr std::size_t count = 200;
    std::vector<Descriptor> clients;
    for (std::size_t i = 0; i < count; ++i) {
        clients.push_back(stage.connect());
        REQUIRE(send_all(clients.back(), std::string(1, static_cast<char>(i))));
    }
    std::vector<Descriptor> targets(count);
    for (std::size_t i = 0; i < count; ++i) {
        auto target = server.accept();
        const auto first = receive(target, 1);
        REQUIRE(first.size() == 1);
        targets[static_cast<unsigned char>(first[0])] = std::move(target);
    }
    for (std::size_t i = 0; i < count; ++i) REQUIRE(send_all(targets[i], Pattern(i).take(5000)));
    for (std::size_t i = 0; i < count; ++i) CHECK(receive(clients[i], 5000) == Pattern(i).take(5000));
    CHECK(stage.counted(count, count * 5000));
    CHECK(stage.counters().open_connections == count);
    clients.clear();
    targets.clear();
    CHECK(stage.idle());
}

} // namespace sluice::forward
