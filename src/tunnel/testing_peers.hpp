// For tests: clients and servers with blocking sockets on the loopback interface. Nothing waits longer than its deadline, and nothing is decided by how long
// it took.
#pragma once

#include "forward/sockets.hpp"
#include "forward/testing.hpp"
#include "plan/plan.hpp"

#include <arpa/inet.h>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <mutex>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace sluice::tunnel::testing {

inline constexpr int patience_ms = 20'000;

template <class Condition>
bool eventually(Condition condition)
{
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(patience_ms);
    while (std::chrono::steady_clock::now() < end) {
        if (condition()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return condition();
}

inline sockaddr_in loopback(std::uint16_t port)
{
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
}

// A bound socket on a port of the system's choice.
struct Bound {
    explicit Bound(int type) : socket(::socket(AF_INET, type | SOCK_CLOEXEC, 0))
    {
        auto address = loopback(0);
        socklen_t length = sizeof address;
        if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), length) != 0 ||
            ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0)
            throw std::runtime_error("no port");
        port = ntohs(address.sin_port);
    }
    forward::Descriptor socket;
    std::uint16_t port = 0;
};

using forward::testing::free_port; // below those that outgoing connections get

class Client {
public:
    explicit Client(std::uint16_t port, const char* from = "127.0.0.1") : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
    {
        const timeval limit{patience_ms / 1000, 0};
        ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        auto own = loopback(0);
        ::inet_pton(AF_INET, from, &own.sin_addr);
        if (::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0) problem_ = errno;
        const auto address = loopback(port);
        if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) problem_ = errno;
    }
    bool connected() const { return problem_ == 0; }
    void send(std::string_view bytes)
    {
        while (!bytes.empty()) {
            const auto sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent < 0 && (errno == ECONNRESET || errno == EPIPE)) send_problem_ = ECONNRESET; // told once, and not to the reader
            if (sent <= 0) return;
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
    }
    // As much as fits without anybody reading, at most `size`.
    void send_without_reading(std::size_t size)
    {
        const std::string bytes(64 * 1024, 's');
        for (std::size_t sent = 0; sent < size;) {
            pollfd ready{socket_.get(), POLLOUT, 0};
            if (::poll(&ready, 1, 300) <= 0) return;
            const auto wrote = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (wrote <= 0) return;
            sent += static_cast<std::size_t>(wrote);
        }
    }
    void finish() { ::shutdown(socket_.get(), SHUT_WR); }
    void reset() { forward::close_with_reset(socket_); }
    std::string read_exactly(std::size_t size)
    {
        std::string bytes;
        std::array<char, 65536> room;
        while (bytes.size() < size) {
            const auto got = ::recv(socket_.get(), room.data(), std::min(room.size(), size - bytes.size()), 0);
            if (got <= 0) break;
            bytes.append(room.data(), static_cast<std::size_t>(got));
        }
        return bytes;
    }
    std::string read_all()
    {
        std::string bytes;
        std::array<char, 65536> room;
        for (;;) {
            const auto got = ::recv(socket_.get(), room.data(), room.size(), 0);
            if (got <= 0) return got == 0 ? bytes : "failed: " + std::string{std::strerror(errno)};
            bytes.append(room.data(), static_cast<std::size_t>(got));
        }
    }
    // How it ended: 0 in order, else the errno.
    int read_all_or_reset()
    {
        std::array<char, 65536> room;
        for (;;) {
            const auto got = ::recv(socket_.get(), room.data(), room.size(), 0);
            if (got == 0) return send_problem_;
            if (got < 0) return errno;
        }
    }
    std::string try_exchange(std::string_view bytes)
    {
        if (!connected()) return {};
        send(bytes);
        return read_exactly(bytes.size());
    }
    // Says it and reads as much, both at the same time.
    std::string exchange(std::string_view bytes)
    {
        std::thread writer([&] { send(bytes); });
        auto heard = read_exactly(bytes.size());
        writer.join();
        return heard;
    }
    // Reads in small pieces with pauses now and then.
    std::string exchange_slowly(std::string_view bytes, int seed)
    {
        std::thread writer([&] { send(bytes); });
        std::string heard;
        for (int i = seed; heard.size() < bytes.size(); ++i) {
            const auto more = read_exactly(std::min<std::size_t>(bytes.size() - heard.size(), 1 + static_cast<std::size_t>(i * 7919 % 30'000)));
            if (more.empty()) break;
            heard += more;
            if (i % 11 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
        writer.join();
        return heard;
    }

private:
    forward::Descriptor socket_;
    int problem_ = 0;
    std::atomic<int> send_problem_{0};
};

inline bool can_connect(std::uint16_t port) { return Client(port).connected(); }

class UdpClient {
public:
    explicit UdpClient(std::uint16_t port) : bound_(SOCK_DGRAM)
    {
        const auto address = loopback(port);
        if (::connect(bound_.socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) throw std::runtime_error("udp");
    }
    // Asks again until the answer comes; datagrams may be lost.
    std::string exchange(const std::string& datagram)
    {
        std::string room(70'000, '\0');
        for (int i = 0; i < patience_ms / 1000; ++i) {
            ::send(bound_.socket.get(), datagram.data(), datagram.size(), 0);
            pollfd ready{bound_.socket.get(), POLLIN, 0};
            while (::poll(&ready, 1, 1000) > 0) {
                const auto got = ::recv(bound_.socket.get(), room.data(), room.size(), 0);
                auto heard = got < 0 ? std::string{} : room.substr(0, static_cast<std::size_t>(got));
                if (heard == datagram) return heard; // else the late answer to an earlier question
            }
        }
        return {};
    }

private:
    Bound bound_;
};

// Accepts and serves each connection on a thread of its own; ends with everything it has.
class Server {
public:
    Server() : bound_(SOCK_STREAM) { ::listen(bound_.socket.get(), 1024); }
    virtual ~Server() { stop(); }
    HostPort target() const { return {"127.0.0.1", bound_.port}; }
    int connections() const { return connections_; }

protected:
    virtual void serve(int socket) = 0;
    void start()
    {
        accepting_ = std::thread([this] {
            while (!stopping_) {
                pollfd ready{bound_.socket.get(), POLLIN, 0};
                if (::poll(&ready, 1, 50) <= 0) continue;
                const int socket = ::accept4(bound_.socket.get(), nullptr, nullptr, SOCK_CLOEXEC);
                if (socket < 0) continue;
                ++connections_;
                const std::lock_guard lock(mutex_);
                sockets_.push_back(socket);
                threads_.emplace_back([this, socket] { serve(socket); });
            }
        });
    }
    void stop()
    {
        if (!accepting_.joinable()) return;
        stopping_ = true;
        accepting_.join();
        for (const int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
        for (auto& thread : threads_) thread.join();
        for (const int socket : sockets_) ::close(socket);
    }

private:
    Bound bound_;
    std::atomic<bool> stopping_{false};
    std::atomic<int> connections_{0};
    std::mutex mutex_;
    std::vector<int> sockets_;
    std::vector<std::thread> threads_;
    std::thread accepting_;
};

class EchoServer final : public Server {
public:
    EchoServer() : udp_(SOCK_DGRAM)
    {
        start();
        udp_thread_ = std::thread([this] {
            std::string room(70'000, '\0');
            while (!stopping_udp_) {
                pollfd ready{udp_.socket.get(), POLLIN, 0};
                if (::poll(&ready, 1, 50) <= 0) continue;
                sockaddr_in from{};
                socklen_t length = sizeof from;
                const auto got = ::recvfrom(udp_.socket.get(), room.data(), room.size(), 0, reinterpret_cast<sockaddr*>(&from), &length);
                if (got >= 0) ::sendto(udp_.socket.get(), room.data(), static_cast<std::size_t>(got), 0, reinterpret_cast<sockaddr*>(&from), length);
            }
        });
    }
    ~EchoServer() override
    {
        stopping_udp_ = true;
        udp_thread_.join();
        stop();
    }
    HostPort tcp_target() const { return target(); }
    HostPort udp_target() const { return {"127.0.0.1", udp_.port}; }

private:
    void serve(int socket) override
    {
        std::array<char, 65536> room;
        for (;;) {
            const auto got = ::recv(socket, room.data(), room.size(), 0);
            if (got <= 0) break;
            for (ssize_t sent = 0; sent < got;) {
                const auto wrote = ::send(socket, room.data() + sent, static_cast<std::size_t>(got - sent), MSG_NOSIGNAL);
                if (wrote <= 0) return;
                sent += wrote;
            }
        }
        ::shutdown(socket, SHUT_WR);
    }
    Bound udp_;
    std::atomic<bool> stopping_udp_{false};
    std::thread udp_thread_;
};

class AnswerAtEndServer final : public Server {
public:
    AnswerAtEndServer() { start(); }
    ~AnswerAtEndServer() override { stop(); }

private:
    void serve(int socket) override
    {
        std::array<char, 4096> room;
        std::size_t total = 0;
        for (;;) {
            const auto got = ::recv(socket, room.data(), room.size(), 0);
            if (got <= 0) break;
            total += static_cast<std::size_t>(got);
        }
        const auto answer = "answer to " + std::to_string(total) + " bytes";
        ::send(socket, answer.data(), answer.size(), MSG_NOSIGNAL);
        ::shutdown(socket, SHUT_RDWR);
    }
};

class GreetingServer final : public Server {
public:
    GreetingServer() { start(); }
    ~GreetingServer() override { stop(); }

private:
    void serve(int socket) override { ::send(socket, "hello", 5, MSG_NOSIGNAL); }
};

} // namespace sluice::tunnel::testing
