// A node's part in a tunnel of several nodes: which neighbours it has and how their carriers come to be, what may pass, and, at the exit, where
// it goes. The earlier place of two neighbours always opens the streams, whoever of them dials.
#pragma once

#include "base/address.hpp"
#include "base/fingerprint.hpp"
#include "base/id.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::plan {

// How to reach a neighbour's listener.
struct Dial {
    HostPort address;              // as seen from here: a public port may differ from the local one
    bool websocket = false;        // inside an ordinary HTTPS connection, so that a reverse proxy lets it pass
    bool outer_tls = true;         // of the websocket; false: plain HTTP
    std::string server_name;       // SNI, and Host of a websocket; empty: none, and the address
    std::vector<std::string> alpn; // offered; of a websocket always "http/1.1"
    std::string path = "/";        // of a websocket
    friend bool operator==(const Dial&, const Dial&) = default;
};

struct Neighbour {
    Fingerprint key;          // it proves this one or is not let in
    std::optional<Dial> dial; // absent: it dials us
    bool multiplexed = false; // many streams on few carriers; else one stream at a time on each
    friend bool operator==(const Neighbour&, const Neighbour&) = default;
};

} // namespace sluice::plan
