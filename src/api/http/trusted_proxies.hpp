// Who the client really is when proxies stand in between. Their headers count only when the peer itself is a configured proxy;
// nothing is guessed from private addresses, for anybody in a private network could forge them.
#pragma once

#include "api/http/message.hpp"
#include "base/address.hpp"

#include <span>

namespace sluice::http {

struct Client {
    Endpoint remote;     // port 0 when a proxy named the client
    bool secure = false; // the client's own connection was TLS
};

// X-Forwarded-For is read from the right: entries that are trusted proxies are skipped, the first other one is the client.
// X-Real-IP counts when there is no X-Forwarded-For, Forwarded (RFC 7239) when there is neither: most proxies pass a Forwarded of the
// client through, and they all set one of the others. X-Forwarded-Proto counts before the "proto" of Forwarded. A forwarded host is never
// believed.
Client resolve_client(const Endpoint& peer, bool tls, const Headers& headers, std::span<const Cidr> trusted);

bool is_trusted(const IpAddress& address, std::span<const Cidr> trusted);

} // namespace sluice::http
