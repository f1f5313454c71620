#include "forward/sockets.hpp"

#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sluice::forward {

namespace {

constexpr int backlog = 4096;
constexpr int keepalive_idle = 60; // seconds; dead peers are found within two minutes
constexpr int keepalive_interval = 15;
constexpr int keepalive_probes = 4;
constexpr int datagram_buffer = 4 * 1024 * 1024; // bursts; the system caps it at its own maximum

// Binds one socket; returns an empty descriptor and errno on failure.
Descriptor bind_one(Transport transport, const Endpoint& at, bool share)
{
    const bool v6 = at.address.is_v6();
    const int type = transport == Transport::tcp ? SOCK_STREAM : SOCK_DGRAM;
    Descriptor socket(::socket(v6 ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket) return {};
    if (transport == Transport::tcp) set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    if (share) set_option(socket.get(), SOL_SOCKET, SO_REUSEPORT, 1);
    if (v6) set_option(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, at.address.is_unspecified() ? 0 : 1);
    sockaddr_storage address{};
    const auto length = at.to_sockaddr(address);
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) return {};
    if (transport == Transport::tcp) {
        prepare_stream(socket.get());
        if (share && ::listen(socket.get(), backlog) != 0) return {};
        return socket;
    }
    if (v6) set_option(socket.get(), IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    set_option(socket.get(), IPPROTO_IP, IP_PKTINFO, 1);
    set_option(socket.get(), SOL_UDP, UDP_GRO, 1);
    set_option(socket.get(), SOL_SOCKET, SO_RCVBUF, datagram_buffer);
    set_option(socket.get(), SOL_SOCKET, SO_SNDBUF, datagram_buffer);
    return socket;
}

} // namespace

void Descriptor::reset()
{
    if (value_ >= 0) ::close(std::exchange(value_, -1));
}

void set_option(int socket, int level, int name, int value) { ::setsockopt(socket, level, name, &value, sizeof value); }

void prepare_stream(int socket)
{
    set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, keepalive_idle);
    set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, keepalive_interval);
    set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, keepalive_probes);
}

void close_with_reset(Descriptor& socket)
{
    const linger now{1, 0};
    if (socket) ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    socket.reset();
}

plan::Fault fault_of(int problem)
{
    switch (problem) {
    case EADDRINUSE: return plan::Fault::address_in_use;
    case EADDRNOTAVAIL: return plan::Fault::address_not_local;
    case EACCES:
    case EPERM: return plan::Fault::permission_denied;
    case EAFNOSUPPORT: return plan::Fault::family_unsupported;
    case EMFILE:
    case ENFILE: return plan::Fault::no_descriptors;
    default: return plan::Fault::other;
    }
}

std::vector<Descriptor> open_listeners(Transport transport, const Endpoint& at, unsigned count, ListenFailure& failure)
{
    auto where = at;
    const auto fail = [&](int problem) {
        failure.fault = fault_of(problem);
        failure.detail = std::string{transport == Transport::tcp ? "tcp " : "udp "} + where.to_text() + ": " + std::strerror(problem);
        return std::vector<Descriptor>{};
    };
    {
        Descriptor alone = bind_one(transport, where, false);
        if (!alone && errno == EAFNOSUPPORT && where.address.is_v6() && where.address.is_unspecified()) {
            where.address = IpAddress{}; // IPv6 is switched off on this host; "everywhere" is then every IPv4 address
            alone = bind_one(transport, where, false);
        }
        if (!alone) return fail(errno);
    }
    std::vector<Descriptor> sockets;
    for (unsigned i = 0; i < count; ++i) {
        sockets.push_back(bind_one(transport, where, true));
        if (!sockets.back()) return fail(errno);
    }
    return sockets;
}

Descriptor open_upstream(Transport transport, const Endpoint& to, const std::string& egress, int& problem)
{
    const int type = transport == Transport::tcp ? SOCK_STREAM : SOCK_DGRAM;
    Descriptor socket(::socket(to.address.is_v6() ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    problem = errno;
    if (!socket) return {};
    sockaddr_storage address{};
    if (!egress.empty()) {
        if (const auto local = IpAddress::parse(egress)) {
            const Endpoint from{*local, 0};
            const auto length = from.to_sockaddr(address, to.address.is_v6());
            if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) {
                problem = errno;
                return {};
            }
        } else if (::setsockopt(socket.get(), SOL_SOCKET, SO_BINDTODEVICE, egress.c_str(), static_cast<socklen_t>(egress.size())) != 0) {
            problem = errno;
            return {};
        }
    }
    if (transport == Transport::tcp) {
        prepare_stream(socket.get());
    } else {
        set_option(socket.get(), SOL_UDP, UDP_GRO, 1);
        set_option(socket.get(), SOL_SOCKET, SO_RCVBUF, datagram_buffer);
        set_option(socket.get(), SOL_SOCKET, SO_SNDBUF, datagram_buffer);
    }
    const auto length = to.to_sockaddr(address);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0 && errno != EINPROGRESS) {
        problem = errno;
        return {};
    }
    problem = 0;
    return socket;
}

} // namespace sluice::forward
