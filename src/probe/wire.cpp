#include "probe/wire.hpp"

#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <poll.h>
#include <sys/socket.h>

namespace sluice::probe {

bool wait_for(int socket, short what, Deadline deadline)
{
    pollfd one{socket, what, 0};
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
        const int ready = ::poll(&one, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000)));
        if (ready < 0 && errno == EINTR) continue;
        return ready > 0;
    }
}

bool Wire::write(std::string_view bytes)
{
    while (!bytes.empty()) {
        const auto wrote = session_ != nullptr ? SSL_write(session_, bytes.data(), static_cast<int>(bytes.size()))
                                               : static_cast<int>(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
        if (wrote > 0)
            bytes.remove_prefix(static_cast<std::size_t>(wrote));
        else if (!wait_again(wrote, POLLOUT))
            return false;
    }
    return true;
}

std::string Wire::read()
{
    std::array<char, 4096> chunk{};
    for (;;) {
        const auto got = session_ != nullptr ? SSL_read(session_, chunk.data(), static_cast<int>(chunk.size()))
                                             : static_cast<int>(::recv(socket_, chunk.data(), chunk.size(), 0));
        if (got > 0) return {chunk.data(), static_cast<std::size_t>(got)};
        if (!wait_again(got, POLLIN)) return {};
    }
}

bool Wire::wait_again(int outcome, short plain_wait)
{
    if (session_ != nullptr) {
        const int why = SSL_get_error(session_, outcome);
        if (why == SSL_ERROR_WANT_READ) return wait_for(socket_, POLLIN, deadline_);
        if (why == SSL_ERROR_WANT_WRITE) return wait_for(socket_, POLLOUT, deadline_);
        return false;
    }
    if (outcome == 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) return false;
    return wait_for(socket_, plain_wait, deadline_);
}

} // namespace sluice::probe
