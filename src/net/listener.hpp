// A listening TCP socket, bound or refused with a reason. Knows nothing of who accepts.
#pragma once

#include "base/address.hpp"
#include "base/result.hpp"

namespace sluice::net {

struct Listening {
    int descriptor = -1; // non-blocking, close-on-exec; the caller owns it
    Endpoint local;      // with the real port when 0 was asked for
};

// "[::]" is dual stack; another IPv6 address is IPv6 only. Errors on field "listen", the address in args[0], the system's words in
// detail: conflict (address in use), unavailable (no such address, no permission, no descriptor, no IPv6).
Result<Listening> listen_tcp(const Endpoint& endpoint, int backlog = 4096);

} // namespace sluice::net
