// What a process gives to its successor so that nobody notices the change: listening sockets beforehand, and in the moment of the change every
// connection and session as it is, with what was read of it and not yet written. The engine shows and takes these; how they travel is somebody else's.
//
// Descriptors here are plain numbers: borrowed in what an engine shows (it goes on with them if the successor fails), owned by the engine that takes.
#pragma once

#include "base/address.hpp"
#include "base/id.hpp"
#include "forward/sockets.hpp"

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace sluice::forward {

struct HeldListener {
    Transport transport = Transport::tcp;
    Endpoint at;              // as planned
    std::vector<int> sockets; // by worker
};

// One direction of a connection.
struct HeldPump {
    bool read_end = false; // end of file was read
    bool finished = false; // and passed on
    std::string left;      // read, not yet written
};

struct HeldRelay {
    ForwardId forward;
    unsigned worker = 0;
    Endpoint from;
    HostPort target_name;
    bool connecting = false; // nothing was read of it; `target` is a connect under way
    bool sniffing = false;   // the client's first bytes were not judged yet
    HeldPump up;             // from the client
    HeldPump down;
    int client = -1;
    int target = -1;
};

struct HeldSession { // of datagrams
    ForwardId forward;
    unsigned worker = 0;
    Endpoint client;
    std::optional<IpAddress> local; // what the client sends to, when the listener is on every address
    HostPort target_name;
    int socket = -1;
};

struct HeldTraffic {
    std::vector<HeldRelay> relays;
    std::vector<HeldSession> sessions;
};

} // namespace sluice::forward
