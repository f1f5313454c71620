#include "net/listener.hpp"

#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sluice::net {

Result<Listening> listen_tcp(const Endpoint& endpoint, int backlog)
{
    const bool v6 = endpoint.address.is_v6();
    const auto refused = [&](int descriptor, const char* step) {
        const int problem = errno;
        if (descriptor >= 0) ::close(descriptor);
        const auto code = problem == EADDRINUSE ? Errc::conflict : Errc::unavailable;
        return make_error(code, "listen", std::string{step} + ' ' + endpoint.to_text() + ": " + std::strerror(problem), {endpoint.to_text()});
    };
    const int descriptor = ::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (descriptor < 0) return refused(-1, "socket for");
    const int on = 1;
    const int off = 0;
    ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (v6) {
        const bool dual = endpoint.address.is_unspecified();
        if (::setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, dual ? &off : &on, sizeof on) != 0) return refused(descriptor, "dual stack on");
    }
    sockaddr_storage storage{};
    const auto length = endpoint.to_sockaddr(storage);
    if (::bind(descriptor, reinterpret_cast<const sockaddr*>(&storage), length) != 0) return refused(descriptor, "bind");
    if (::listen(descriptor, backlog) != 0) return refused(descriptor, "listen on");
    sockaddr_storage bound{};
    socklen_t bound_length = sizeof bound;
    if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&bound), &bound_length) != 0) return refused(descriptor, "name of");
    auto local = Endpoint::from_sockaddr(bound);
    return Listening{descriptor, Endpoint{endpoint.address, local ? local->port : endpoint.port}};
}

} // namespace sluice::net
