// Peers on loopback for the tests of this room: one that serves, one that refuses, one that never answers.
#pragma once

#include <arpa/inet.h>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <doctest/doctest.h>
#include <functional>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace sluice::probe::testing {

// True as soon as `condition` is; false when it never came. Where a peer has to act within a deadline of the product, the condition is a new try:
// a peer that the system did not let run in time proves nothing.
template <class Condition>
bool eventually(Condition condition)
{
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}

// A descriptor that closes itself.
class Socket {
public:
    explicit Socket(int descriptor = -1) : descriptor_(descriptor) {}
    Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    Socket& operator=(Socket&& other) noexcept
    {
        std::swap(descriptor_, other.descriptor_);
        return *this;
    }
    ~Socket()
    {
        if (descriptor_ >= 0) ::close(descriptor_);
    }
    int get() const { return descriptor_; }

private:
    int descriptor_;
};

inline sockaddr_in loopback(std::uint16_t port)
{
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
}

inline Socket bound_socket(std::uint16_t& port)
{
    Socket out(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = loopback(0);
    REQUIRE(::bind(out.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    socklen_t length = sizeof address;
    REQUIRE(::getsockname(out.get(), reinterpret_cast<sockaddr*>(&address), &length) == 0);
    port = ntohs(address.sin_port);
    return out;
}

// A port that refuses: it is bound, so nobody else gets it, and nobody listens.
class RefusingPort {
public:
    RefusingPort() : socket_(bound_socket(port_)) {}
    std::uint16_t port() const { return port_; }

private:
    std::uint16_t port_ = 0;
    Socket socket_;
};

// A port that answers no connect: its backlog is full, so the kernel drops what else arrives.
class SilentPort {
public:
    SilentPort() : socket_(bound_socket(port_))
    {
        REQUIRE(::listen(socket_.get(), 0) == 0);
        sockaddr_in address = loopback(port_);
        REQUIRE(::connect(filler_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(eventually([this] { return full(); }));
    }
    std::uint16_t port() const { return port_; }

private:
    // For a listener the system tells how many wait, and how many more than one may.
    bool full() const
    {
        tcp_info info{};
        socklen_t length = sizeof info;
        REQUIRE(::getsockopt(socket_.get(), IPPROTO_TCP, TCP_INFO, &info, &length) == 0);
        return info.tcpi_unacked > info.tcpi_sacked;
    }

    std::uint16_t port_ = 0;
    Socket socket_;
    Socket filler_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
};

// Accepts on 127.0.0.1 and hands each connection to `serve`, one after another. `serve` may keep the socket.
class Server {
public:
    using Serve = std::function<void(Socket connection, int number)>;
    explicit Server(Serve serve) : socket_(bound_socket(port_)), serve_(std::move(serve))
    {
        REQUIRE(::listen(socket_.get(), 128) == 0);
        thread_ = std::thread([this] { run(); });
    }
    ~Server()
    {
        stopping_ = true;
        thread_.join();
    }
    std::uint16_t port() const { return port_; }
    int accepted() const { return accepted_; }

private:
    void run()
    {
        while (!stopping_) {
            pollfd wait{socket_.get(), POLLIN, 0};
            if (::poll(&wait, 1, 20) <= 0) continue;
            Socket connection(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            if (connection.get() < 0) continue;
            serve_(std::move(connection), accepted_++);
        }
    }

    std::uint16_t port_ = 0;
    Socket socket_;
    Serve serve_;
    std::atomic<bool> stopping_{false};
    std::atomic<int> accepted_{0};
    std::thread thread_;
};

// Keeps every connection open until the test ends.
class OpenServer {
public:
    OpenServer() : server_([this](Socket connection, int) { kept_.push_back(std::move(connection)); }) {}
    std::uint16_t port() const { return server_.port(); }
    int accepted() const { return server_.accepted(); }

private:
    std::vector<Socket> kept_;
    Server server_;
};

} // namespace sluice::probe::testing
