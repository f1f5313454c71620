// Both ends of a measurement: a server that sends, swallows and echoes, and clients that load it and print what they saw as JSON. The ends copy as
// little as they can (sendfile, MSG_TRUNC), so that the forwarder between them is what limits.
//
//   load serve PORT
//   load bulk PORT STREAMS down|up SECONDS
//   load ping PORT CONNECTIONS SECONDS          64-byte exchanges, one outstanding per connection
//   load connect PORT SECONDS                   connect, one exchange, close; eight at a time
//   load udp-ping PORT FLOWS SECONDS
//   load udp-flood PORT COUNTER FLOWS SECONDS   1200-byte datagrams, as fast as they go; the server counts
#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t message = 64;
constexpr std::size_t datagram = 1200;

[[noreturn]] void die(const char* what)
{
    std::perror(what);
    std::exit(1);
}

sockaddr_in at(int port)
{
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    name.sin_port = htons(static_cast<std::uint16_t>(port));
    return name;
}

int connected(int port, int type = SOCK_STREAM)
{
    const int socket = ::socket(AF_INET, type, 0);
    const auto name = at(port);
    if (socket < 0 || ::connect(socket, reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) die("connect");
    const int one = 1;
    if (type == SOCK_STREAM) ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return socket;
}

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

void pour(int socket)
{
    const int file = ::memfd_create("zeros", 0);
    constexpr std::size_t size = 1 << 20;
    if (file < 0 || ::ftruncate(file, size) != 0) die("memfd");
    for (;;) {
        off_t offset = 0;
        if (::sendfile(socket, file, &offset, size) <= 0) break;
    }
    ::close(file);
}

std::uint64_t swallow(int socket, const std::atomic<bool>* stop = nullptr)
{
    std::uint64_t total = 0;
    std::vector<char> unused(1 << 20);
    while (stop == nullptr || !*stop) {
        const auto got = ::recv(socket, unused.data(), unused.size(), MSG_TRUNC); // counted, not copied
        if (got <= 0) break;
        total += static_cast<std::uint64_t>(got);
    }
    return total;
}

std::atomic<std::uint64_t> datagrams{0};

void serve_datagrams(int port)
{
    const int socket = ::socket(AF_INET, SOCK_DGRAM, 0);
    const auto name = at(port);
    const int buffer = 8 << 20;
    ::setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    if (::bind(socket, reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) die("bind udp");
    constexpr unsigned batch = 64;
    static std::array<std::array<char, 2048>, batch> data;
    std::array<mmsghdr, batch> headers{};
    std::array<iovec, batch> vectors{};
    std::array<sockaddr_in, batch> names{};
    for (;;) {
        for (unsigned i = 0; i < batch; ++i) {
            vectors[i] = {data[i].data(), data[i].size()};
            headers[i].msg_hdr = {&names[i], sizeof names[i], &vectors[i], 1, nullptr, 0, 0};
        }
        const int count = ::recvmmsg(socket, headers.data(), batch, MSG_WAITFORONE, nullptr);
        for (int i = 0; i < count; ++i) {
            const auto at_i = static_cast<std::size_t>(i);
            if (headers[at_i].msg_len == datagram)
                datagrams.fetch_add(1, std::memory_order_relaxed);
            else
                ::sendto(socket, data[at_i].data(), headers[at_i].msg_len, 0, reinterpret_cast<sockaddr*>(&names[at_i]), sizeof names[at_i]);
        }
    }
}

// The first byte of a connection says what it is for.
void serve(int port)
{
    std::thread(serve_datagrams, port).detach();
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    const int one = 1;
    ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    ::setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    const auto name = at(port);
    if (::bind(listener, reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0 || ::listen(listener, 4096) != 0) die("listen");
    const int loop = ::epoll_create1(0);
    epoll_event event{EPOLLIN, {.fd = listener}};
    ::epoll_ctl(loop, EPOLL_CTL_ADD, listener, &event);
    std::vector<bool> echoing(65536, false);
    std::array<epoll_event, 256> events{};
    std::array<char, 4096> data{};
    for (;;) {
        const int count = ::epoll_wait(loop, events.data(), static_cast<int>(events.size()), -1);
        for (int i = 0; i < count; ++i) {
            const int socket = events[static_cast<std::size_t>(i)].data.fd;
            if (socket == listener) {
                for (;;) {
                    const int client = ::accept4(listener, nullptr, nullptr, 0);
                    if (client < 0) break;
                    echoing[static_cast<std::size_t>(client)] = false;
                    epoll_event more{EPOLLIN, {.fd = client}};
                    ::epoll_ctl(loop, EPOLL_CTL_ADD, client, &more);
                }
                continue;
            }
            const bool first = !echoing[static_cast<std::size_t>(socket)];
            const auto got = ::recv(socket, data.data(), first ? 1 : data.size(), 0);
            if (got <= 0) {
                ::close(socket);
                continue;
            }
            if (!first) {
                if (::send(socket, data.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL) < 0) ::close(socket);
                continue;
            }
            if (data[0] == 'E') {
                echoing[static_cast<std::size_t>(socket)] = true;
                continue;
            }
            ::epoll_ctl(loop, EPOLL_CTL_DEL, socket, nullptr);
            if (data[0] == 'C') { // how many flood datagrams came
                const auto seen = datagrams.load();
                ::send(socket, &seen, sizeof seen, MSG_NOSIGNAL);
                ::close(socket);
                continue;
            }
            std::thread([socket, what = data[0]] {
                if (what == 'D')
                    pour(socket);
                else
                    swallow(socket);
                ::close(socket);
            }).detach();
        }
    }
}

void bulk(int port, int streams, bool down, double seconds)
{
    std::atomic<std::uint64_t> total{0};
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;
    std::vector<int> sockets;
    for (int i = 0; i < streams; ++i) {
        sockets.push_back(connected(port));
        if (::send(sockets.back(), down ? "D" : "U", 1, 0) != 1) die("send");
    }
    const auto start = Clock::now();
    for (const int socket : sockets) {
        threads.emplace_back([&, socket] {
            if (down) {
                total += swallow(socket, &stop);
                return;
            }
            const int file = ::memfd_create("zeros", 0);
            if (::ftruncate(file, 1 << 20) != 0) die("memfd");
            while (!stop) {
                off_t offset = 0;
                const auto sent = ::sendfile(socket, file, &offset, 1 << 20);
                if (sent <= 0) break;
                total += static_cast<std::uint64_t>(sent);
            }
        });
    }
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    stop = true;
    const double took = seconds_since(start);
    const auto moved = total.load(); // those that still read add nothing more that is counted
    for (const int socket : sockets) ::shutdown(socket, SHUT_RDWR);
    for (auto& thread : threads) thread.join();
    std::printf("{\"bytes\": %llu, \"seconds\": %.6f}\n", static_cast<unsigned long long>(std::max<std::uint64_t>(moved, total)), took);
}

void report(std::vector<double>& micros, double took)
{
    std::sort(micros.begin(), micros.end());
    const auto at_share = [&](double share) {
        return micros.empty() ? 0.0 : micros[static_cast<std::size_t>(share * static_cast<double>(micros.size() - 1))];
    };
    std::printf("{\"operations\": %zu, \"seconds\": %.6f, \"p50\": %.2f, \"p99\": %.2f}\n", micros.size(), took, at_share(0.5), at_share(0.99));
}

// One outstanding message per socket.
void ping(const std::vector<int>& sockets, double seconds, bool lossy)
{
    const int loop = ::epoll_create1(0);
    std::vector<Clock::time_point> sent(65536);
    std::vector<std::size_t> got(65536, 0);
    std::array<char, message> data{};
    const auto ask = [&](int socket) {
        sent[static_cast<std::size_t>(socket)] = Clock::now();
        if (::send(socket, data.data(), data.size(), MSG_NOSIGNAL) < 0) die("send");
    };
    for (const int socket : sockets) {
        epoll_event event{EPOLLIN, {.fd = socket}};
        ::epoll_ctl(loop, EPOLL_CTL_ADD, socket, &event);
    }
    std::vector<double> micros;
    const auto start = Clock::now();
    for (const int socket : sockets) ask(socket);
    std::array<epoll_event, 256> events{};
    while (seconds_since(start) < seconds) {
        const int count = ::epoll_wait(loop, events.data(), static_cast<int>(events.size()), 100);
        if (count == 0 && lossy) {
            for (const int socket : sockets) ask(socket);
        }
        for (int i = 0; i < count; ++i) {
            const int socket = events[static_cast<std::size_t>(i)].data.fd;
            const auto more = ::recv(socket, data.data(), data.size(), 0);
            if (more <= 0) die("recv");
            auto& have = got[static_cast<std::size_t>(socket)];
            have += static_cast<std::size_t>(more);
            if (have < message) continue;
            have = 0;
            micros.push_back(std::chrono::duration<double, std::micro>(Clock::now() - sent[static_cast<std::size_t>(socket)]).count());
            ask(socket);
        }
    }
    report(micros, seconds_since(start));
}

void connect_often(int port, double seconds)
{
    std::vector<std::vector<double>> micros(8);
    std::vector<std::thread> threads;
    const auto start = Clock::now();
    for (auto& mine : micros) {
        threads.emplace_back([&mine, port, seconds, start] {
            std::array<char, 1 + message> data{};
            data[0] = 'E';
            while (seconds_since(start) < seconds) {
                const auto began = Clock::now();
                const int socket = connected(port);
                if (::send(socket, data.data(), data.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(data.size())) die("send");
                std::size_t got = 0;
                while (got < message) {
                    const auto more = ::recv(socket, data.data() + 1, message, 0);
                    if (more <= 0) die("recv");
                    got += static_cast<std::size_t>(more);
                }
                ::close(socket);
                data[0] = 'E';
                mine.push_back(std::chrono::duration<double, std::micro>(Clock::now() - began).count());
            }
        });
    }
    for (auto& thread : threads) thread.join();
    const double took = seconds_since(start);
    std::vector<double> all;
    for (const auto& mine : micros) all.insert(all.end(), mine.begin(), mine.end());
    report(all, took);
}

std::uint64_t counted(int port)
{
    const int socket = connected(port);
    std::uint64_t seen = 0;
    if (::send(socket, "C", 1, 0) != 1 || ::recv(socket, &seen, sizeof seen, MSG_WAITALL) != sizeof seen) die("count");
    ::close(socket);
    return seen;
}

void flood(int port, int counting_port, int flows, double seconds)
{
    const auto before = counted(counting_port);
    std::vector<int> sockets;
    for (int i = 0; i < flows; ++i) sockets.push_back(connected(port, SOCK_DGRAM));
    constexpr unsigned batch = 32;
    std::array<char, datagram> data{};
    iovec vector{data.data(), data.size()};
    std::array<mmsghdr, batch> headers{};
    for (auto& header : headers) header.msg_hdr = {nullptr, 0, &vector, 1, nullptr, 0, 0};
    std::uint64_t sent = 0;
    const auto start = Clock::now();
    while (seconds_since(start) < seconds) {
        for (const int socket : sockets) {
            const int count = ::sendmmsg(socket, headers.data(), batch, 0);
            if (count > 0) sent += static_cast<std::uint64_t>(count);
        }
    }
    const double took = seconds_since(start);
    std::uint64_t seen = counted(counting_port);
    for (int i = 0; i < 20; ++i) { // what is under way still comes
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        const auto now = counted(counting_port);
        if (now == seen) break;
        seen = now;
    }
    std::printf("{\"operations\": %llu, \"sent\": %llu, \"seconds\": %.6f}\n", static_cast<unsigned long long>(seen - before),
                static_cast<unsigned long long>(sent), took);
}

} // namespace

int main(int count, char** values)
{
    std::signal(SIGPIPE, SIG_IGN); // sendfile knows no MSG_NOSIGNAL
    const std::vector<std::string> words(values + 1, values + count);
    const auto number = [&](std::size_t i) { return static_cast<int>(std::strtol(words.at(i).c_str(), nullptr, 10)); };
    const auto real = [&](std::size_t i) { return std::strtod(words.at(i).c_str(), nullptr); };
    const auto sockets = [&](int type) {
        std::vector<int> all;
        for (int i = 0; i < number(2); ++i) {
            all.push_back(connected(number(1), type));
            if (type == SOCK_STREAM && ::send(all.back(), "E", 1, 0) != 1) die("send");
        }
        return all;
    };
    if (words.size() == 2 && words[0] == "serve")
        serve(number(1));
    else if (words.size() == 5 && words[0] == "bulk")
        bulk(number(1), number(2), words[3] == "down", real(4));
    else if (words.size() == 4 && words[0] == "ping")
        ping(sockets(SOCK_STREAM), real(3), false);
    else if (words.size() == 3 && words[0] == "connect")
        connect_often(number(1), real(2));
    else if (words.size() == 4 && words[0] == "udp-ping")
        ping(sockets(SOCK_DGRAM), real(3), true);
    else if (words.size() == 5 && words[0] == "udp-flood")
        flood(number(1), number(2), number(3), real(4));
    else {
        std::fputs("load: see the beginning of load.cpp\n", stderr);
        return 2;
    }
    return 0;
}
