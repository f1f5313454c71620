// Which client addresses use a forward now, so that only so many do. Used only where a plan caps them: it takes a lock, at the beginning and at the end of a
// connection, never while bytes pass.
#pragma once

#include "base/address.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

namespace sluice::forward {

// One address that is there, with at least one TCP connection or UDP session. IPv6 clients count by their /64: that is what one household has.
struct Client {
    IpAddress address;
    std::uint64_t arrival = 0; // the smaller, the longer it has been there
    std::uint32_t open = 0;
};
using ClientPtr = std::shared_ptr<Client>;

class ClientBook {
public:
    struct Entered {
        ClientPtr client;   // null: refused
        ClientPtr replaced; // has to go: whoever entered cuts it
    };
    Entered enter(const IpAddress& from, std::uint32_t most, bool replace);
    ClientPtr join(const IpAddress& from); // is there already, whatever the cap says
    void leave(const ClientPtr& client);   // one connection less; null is fine

private:
    ClientPtr add(const IpAddress& address);

    std::mutex mutex_; // guards what follows, and Client::open
    std::map<IpAddress, ClientPtr> clients_;
    std::uint64_t arrivals_ = 0;
};

} // namespace sluice::forward
