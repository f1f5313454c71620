// Peers on loopback and a running engine, for the tests of this room. Waits are for conditions, with a generous deadline; the engine's deadlines
// follow a clock that the test holds.
#pragma once

#include "forward/engine.hpp"
#include "forward/sockets.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <poll.h>
#include <random>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace sluice::forward::testing {

constexpr auto patience = std::chrono::seconds(60);

// The program does this in its main: what is written to a peer that is gone is an error of that write.
inline const auto ignore_broken_pipes = std::signal(SIGPIPE, SIG_IGN);

// True as soon as `condition` is; false when it never came.
template <class Condition>
bool eventually(Condition condition)
{
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}

inline IpAddress address(std::string_view text) { return IpAddress::parse(text).value(); }
inline Endpoint loopback(std::uint16_t port) { return {address("127.0.0.1"), port}; }

inline std::uint16_t port_of(int socket)
{
    sockaddr_storage name{};
    socklen_t length = sizeof name;
    REQUIRE(::getsockname(socket, reinterpret_cast<sockaddr*>(&name), &length) == 0);
    return Endpoint::from_sockaddr(name).value().port;
}

// A blocking socket whose calls end with EAGAIN after the patience, so that a fault fails a test and does not hang it.
inline Descriptor blocking_socket(int type, int family = AF_INET)
{
    Descriptor socket(::socket(family, type | SOCK_CLOEXEC, 0));
    REQUIRE(socket);
    const timeval limit{std::chrono::seconds(patience).count(), 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    return socket;
}

inline bool bind_to(const Descriptor& socket, const Endpoint& at)
{
    sockaddr_storage storage{};
    const auto length = at.to_sockaddr(storage);
    return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&storage), length) == 0;
}

inline Descriptor connect_to(const Endpoint& to, const std::optional<Endpoint>& from = {}, int type = SOCK_STREAM)
{
    auto socket = blocking_socket(type, to.address.is_v6() ? AF_INET6 : AF_INET);
    if (from) REQUIRE(bind_to(socket, *from));
    sockaddr_storage storage{};
    const auto length = to.to_sockaddr(storage);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0) return {};
    return socket;
}

// Blocks of ports that belong to this process until it ends, below the range that the system gives to outgoing connections. A block is taken by
// binding a name that nobody else can have and that the system gives back, so that tests which run beside each other never meet on a port.
// tests/e2e/appliance.py and tests/page/appliance.mjs take theirs by the same names.
class PortBlocks {
public:
    static constexpr unsigned lowest = 12'000;
    static constexpr unsigned size = 100;
    static constexpr unsigned count = 200;

    // The next port of the newest block.
    std::uint16_t next()
    {
        if (left_ == 0) take_block();
        return static_cast<std::uint16_t>(at_ + --left_);
    }

private:
    void take_block()
    {
        for (; searched_ < count; ++searched_) {
            const auto block = (first_ + searched_) % count;
            sockaddr_un name{};
            name.sun_family = AF_UNIX;
            const auto text = "sluice-test-ports-" + std::to_string(block);
            std::copy(text.begin(), text.end(), name.sun_path + 1); // behind a zero: no file
            Descriptor claim(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
            const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size());
            if (::bind(claim.get(), reinterpret_cast<const sockaddr*>(&name), length) != 0) continue;
            claims_.push_back(std::move(claim));
            at_ = lowest + block * size;
            left_ = size;
            ++searched_;
            return;
        }
        FAIL("all ports for tests are taken");
    }
    std::vector<Descriptor> claims_;
    unsigned first_ = static_cast<unsigned>(::getpid()) % count;
    unsigned searched_ = 0;
    unsigned at_ = 0;
    unsigned left_ = 0;
};

// A port that is free for TCP and UDP on every address, and stays free for this process. Never the same twice.
inline std::uint16_t free_port()
{
    static PortBlocks blocks;
    for (;;) {
        const auto port = blocks.next();
        auto tcp = blocking_socket(SOCK_STREAM);
        auto udp = blocking_socket(SOCK_DGRAM);
        if (bind_to(tcp, {address("0.0.0.0"), port}) && bind_to(udp, {address("0.0.0.0"), port})) return port;
    }
}

// Listens on loopback; the test accepts when it wants to.
class Server {
public:
    explicit Server(std::uint16_t port = 0, int backlog = 256) : socket_(blocking_socket(SOCK_STREAM))
    {
        set_option(socket_.get(), SOL_SOCKET, SO_REUSEADDR, 1);
        REQUIRE(bind_to(socket_, loopback(port)));
        REQUIRE(::listen(socket_.get(), backlog) == 0);
        port_ = port_of(socket_.get());
    }
    std::uint16_t port() const { return port_; }
    HostPort name() const { return {"127.0.0.1", port_}; }
    int descriptor() const { return socket_.get(); }
    bool waiting() const
    {
        pollfd one{socket_.get(), POLLIN, 0};
        return ::poll(&one, 1, 0) > 0;
    }
    Descriptor accept() const
    {
        Descriptor socket(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        REQUIRE_MESSAGE(socket, "nobody connected");
        const timeval limit{std::chrono::seconds(patience).count(), 0};
        ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        return socket;
    }

private:
    Descriptor socket_;
    std::uint16_t port_ = 0;
};

// Answers no connect: its queue is full, so the kernel drops what else arrives.
class SilentPort {
public:
    SilentPort() : server_(0, 0), filler_(connect_to(loopback(server_.port())))
    {
        REQUIRE(filler_);
        REQUIRE(eventually([&] { return full(); }));
    }
    HostPort name() const { return server_.name(); }

private:
    // For a listener the system tells how many wait, and how many more than one may.
    bool full() const
    {
        tcp_info info{};
        socklen_t length = sizeof info;
        REQUIRE(::getsockopt(server_.descriptor(), IPPROTO_TCP, TCP_INFO, &info, &length) == 0);
        return info.tcpi_unacked > info.tcpi_sacked;
    }
    Server server_;
    Descriptor filler_;
};

// Bound, so nobody else gets it; nobody listens, so it refuses.
class RefusingPort {
public:
    RefusingPort() : socket_(blocking_socket(SOCK_STREAM)), port_(free_port())
    {
        set_option(socket_.get(), SOL_SOCKET, SO_REUSEADDR, 1);
        REQUIRE(bind_to(socket_, loopback(port_)));
    }
    std::uint16_t port() const { return port_; }
    HostPort name() const { return {"127.0.0.1", port_}; }
    void release() { socket_.reset(); } // for a server that takes the port over

private:
    Descriptor socket_;
    std::uint16_t port_;
};

inline bool send_all(const Descriptor& socket, std::string_view bytes)
{
    while (!bytes.empty()) {
        const auto sent = ::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

// Exactly `size` bytes, or what came before the end or an error.
inline std::string receive(const Descriptor& socket, std::size_t size)
{
    std::string out(size, '\0');
    std::size_t got = 0;
    while (got < size) {
        const auto more = ::recv(socket.get(), out.data() + got, size - got, 0);
        if (more <= 0) break;
        got += static_cast<std::size_t>(more);
    }
    out.resize(got);
    return out;
}

enum class Ending { end_of_file, reset, more_bytes, nothing };
// What the next read says.
inline Ending ending(const Descriptor& socket)
{
    char byte = 0;
    const auto got = ::recv(socket.get(), &byte, 1, 0);
    if (got == 0) return Ending::end_of_file;
    if (got > 0) return Ending::more_bytes;
    return errno == ECONNRESET ? Ending::reset : Ending::nothing;
}

inline void reset_connection(Descriptor& socket) { close_with_reset(socket); }

// An endless stream that is the same for the same seed.
class Pattern {
public:
    explicit Pattern(std::uint64_t seed) : random_(seed) {}
    void fill(char* to, std::size_t size)
    {
        for (std::size_t i = 0; i < size; ++i) {
            if (left_ == 0) {
                word_ = random_();
                left_ = 8;
            }
            to[i] = static_cast<char>(word_);
            word_ >>= 8U;
            --left_;
        }
    }
    std::string take(std::size_t size)
    {
        std::string out(size, '\0');
        fill(out.data(), size);
        return out;
    }

private:
    std::mt19937_64 random_;
    std::uint64_t word_ = 0;
    unsigned left_ = 0;
};

class TemporaryFolder {
public:
    TemporaryFolder()
    {
        std::string name = (std::filesystem::temp_directory_path() / "sluice-forward-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    ~TemporaryFolder()
    {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    std::string file(const char* name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

// Pipes that this process has open now: what splicing borrows.
inline std::size_t open_pipes()
{
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code ignored;
        if (std::filesystem::read_symlink(entry.path(), ignored).string().rfind("pipe:", 0) == 0) ++count;
    }
    return count;
}

// An engine with a plan that a test edits.
class Stage {
public:
    explicit Stage(unsigned workers = 2) : workers_(workers) { start(); }

    void start()
    {
        EngineOptions options;
        options.counter_file = folder.file("counters.bin");
        options.workers = workers_;
        options.clock = &clock;
        options.tick = Milliseconds{2};
        engine = std::move(Engine::start(options).value());
    }

    // A TCP and UDP forward on loopback.
    plan::Forward& add(std::vector<HostPort> targets)
    {
        plan::Forward forward;
        forward.id = ForwardId{next_id_++};
        forward.port = free_port();
        forward.tcp_address = forward.udp_address = address("127.0.0.1");
        forward.targets = std::move(targets);
        plan.forwards.push_back(forward);
        return plan.forwards.back();
    }
    plan::Applied apply()
    {
        ++plan.revision;
        return engine->apply(plan);
    }
    // Applies, and fails the test unless everything listens.
    void listen()
    {
        for (const auto& result : apply().forwards) {
            INFO(result.detail);
            REQUIRE(result.listening);
        }
    }
    plan::ForwardCounters counters(ForwardId id = ForwardId{1}) const
    {
        for (const auto& one : engine->counters()) {
            if (one.id == id) return one;
        }
        return {};
    }
    bool counted(std::int64_t up, std::int64_t down, ForwardId id = ForwardId{1}) const
    {
        return eventually([&] { return counters(id).traffic.up.value == up && counters(id).traffic.down.value == down; });
    }
    bool idle() const
    {
        return eventually([&] { return engine->open_connections() == 0; });
    }
    Descriptor connect(std::size_t index = 0) const { return connect_to(loopback(plan.forwards[index].port)); }

    TemporaryFolder folder;
    HeldClock clock;
    plan::Plan plan;
    std::unique_ptr<Engine> engine;

private:
    unsigned workers_;
    std::int64_t next_id_ = 1;
};

} // namespace sluice::forward::testing
