// The same relay twice: 64 KB copies, once with asio's coroutines, once with an own edge-triggered epoll loop. What differs is what asio costs in
// the byte pump. One thread; half-close is kept; nothing else is.
//
//   relay asio|epoll LISTEN TARGET
#include <arpa/inet.h>
#include <array>
#include <asio.hpp>
#include <asio/experimental/as_tuple.hpp>
#include <asio/experimental/awaitable_operators.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <unordered_set>
#include <vector>

namespace {

constexpr std::size_t copy_size = 64 * 1024;

namespace with_asio {

using asio::ip::tcp;
constexpr auto as_result = asio::experimental::as_tuple(asio::use_awaitable);

asio::awaitable<void> pump(tcp::socket& from, tcp::socket& to)
{
    const auto chunk = std::make_unique_for_overwrite<char[]>(copy_size);
    asio::error_code ignored;
    for (;;) {
        const auto [read_error, got] = co_await from.async_read_some(asio::buffer(chunk.get(), copy_size), as_result);
        if (read_error) break;
        const auto [write_error, sent] = co_await asio::async_write(to, asio::buffer(chunk.get(), got), as_result);
        if (write_error) break;
    }
    (void)to.shutdown(tcp::socket::shutdown_send, ignored);
}

asio::awaitable<void> relay(tcp::socket client, tcp::endpoint where)
{
    using namespace asio::experimental::awaitable_operators;
    tcp::socket target(client.get_executor());
    const auto [error] = co_await target.async_connect(where, as_result);
    if (error) co_return;
    client.set_option(tcp::no_delay(true));
    target.set_option(tcp::no_delay(true));
    co_await (pump(client, target) && pump(target, client));
}

asio::awaitable<void> accept(unsigned short port, tcp::endpoint where)
{
    const auto executor = co_await asio::this_coro::executor;
    tcp::acceptor acceptor(executor, {asio::ip::address_v4::loopback(), port});
    for (;;) {
        auto [error, client] = co_await acceptor.async_accept(as_result);
        if (!error) asio::co_spawn(executor, relay(std::move(client), where), asio::detached);
    }
}

void run(unsigned short port, unsigned short target)
{
    asio::io_context loop(1);
    asio::co_spawn(loop, accept(port, {asio::ip::address_v4::loopback(), target}), asio::detached);
    loop.run();
}

} // namespace with_asio

namespace with_epoll {

struct Relay;
struct End {
    Relay* relay = nullptr;
    int side = 0;
};
struct Relay {
    int sockets[2] = {-1, -1};
    End ends[2];
    bool readable[2] = {};
    bool writable[2] = {};
    bool finished[2] = {};
    bool closing[2] = {};
    std::vector<char> left[2]; // read from this side, not written yet
    bool dead = false;
};

char scratch[copy_size];

bool pump(Relay& relay, int from) // false: the relay is over
{
    const int to = 1 - from;
    for (;;) {
        if (!relay.writable[to]) return true;
        if (!relay.left[from].empty()) {
            const auto sent = ::send(relay.sockets[to], relay.left[from].data(), relay.left[from].size(), MSG_NOSIGNAL);
            if (sent < 0) {
                if (errno != EAGAIN) return false;
                relay.writable[to] = false;
                return true;
            }
            relay.left[from].erase(relay.left[from].begin(), relay.left[from].begin() + sent);
            continue;
        }
        if (!relay.readable[from] || relay.finished[from]) return true;
        const auto got = ::recv(relay.sockets[from], scratch, sizeof scratch, 0);
        if (got < 0) {
            if (errno != EAGAIN) return false;
            relay.readable[from] = false;
            return true;
        }
        if (got == 0) {
            relay.finished[from] = true;
            ::shutdown(relay.sockets[to], SHUT_WR);
            return !relay.finished[to];
        }
        if (static_cast<std::size_t>(got) < sizeof scratch && !relay.closing[from]) relay.readable[from] = false;
        const auto sent = ::send(relay.sockets[to], scratch, static_cast<std::size_t>(got), MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) return false;
        if (sent < got) {
            relay.writable[to] = false;
            relay.left[from].assign(scratch + std::max<ssize_t>(sent, 0), scratch + got);
            return true;
        }
    }
}

void run(unsigned short port, unsigned short target)
{
    const auto at = [](unsigned short number) {
        sockaddr_in name{};
        name.sin_family = AF_INET;
        name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        name.sin_port = htons(number);
        return name;
    };
    const int one = 1;
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    ::setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    auto name = at(port);
    if (::bind(listener, reinterpret_cast<sockaddr*>(&name), sizeof name) != 0 || ::listen(listener, 4096) != 0) std::exit(1);
    const int loop = ::epoll_create1(0);
    epoll_event listening{EPOLLIN, {.ptr = nullptr}};
    ::epoll_ctl(loop, EPOLL_CTL_ADD, listener, &listening);
    std::array<epoll_event, 256> events{};
    std::vector<Relay*> dead;
    for (;;) {
        const int count = ::epoll_wait(loop, events.data(), static_cast<int>(events.size()), -1);
        for (int i = 0; i < count; ++i) {
            auto* end = static_cast<End*>(events[static_cast<std::size_t>(i)].data.ptr);
            const auto what = events[static_cast<std::size_t>(i)].events;
            if (end == nullptr) {
                const int client = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
                if (client < 0) continue;
                auto* relay = new Relay;
                relay->sockets[0] = client;
                relay->sockets[1] = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
                ::setsockopt(relay->sockets[1], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                auto to = at(target);
                (void)::connect(relay->sockets[1], reinterpret_cast<sockaddr*>(&to), sizeof to);
                for (int side = 0; side < 2; ++side) {
                    relay->ends[side] = {relay, side};
                    epoll_event event{EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, {.ptr = &relay->ends[side]}};
                    ::epoll_ctl(loop, EPOLL_CTL_ADD, relay->sockets[side], &event);
                }
                continue;
            }
            auto& relay = *end->relay;
            if (relay.dead) continue;
            if ((what & (EPOLLIN | EPOLLRDHUP | EPOLLHUP)) != 0) relay.readable[end->side] = true;
            if ((what & (EPOLLRDHUP | EPOLLHUP)) != 0) relay.closing[end->side] = true;
            if ((what & EPOLLOUT) != 0) relay.writable[end->side] = true;
            if ((what & EPOLLERR) != 0 || !pump(relay, 0) || !pump(relay, 1)) {
                relay.dead = true;
                ::close(relay.sockets[0]);
                ::close(relay.sockets[1]);
                dead.push_back(&relay);
            }
        }
        for (auto* one_dead : dead) delete one_dead;
        dead.clear();
    }
}

} // namespace with_epoll

} // namespace

int main(int count, char** values)
{
    if (count != 4) return 2;
    const auto port = static_cast<unsigned short>(std::strtol(values[2], nullptr, 10));
    const auto target = static_cast<unsigned short>(std::strtol(values[3], nullptr, 10));
    if (std::string(values[1]) == "asio") with_asio::run(port, target);
    if (std::string(values[1]) == "epoll") with_epoll::run(port, target);
    return 1;
}
