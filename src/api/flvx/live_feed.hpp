// The browser's WebSocket (FLVX contract 5.17): what nodes are connected, what their hosts measure, and, beyond the contract, how fast each
// forward runs. Administrators hear all of it, everybody else the rates of his own forwards. One thread writes to all browsers, so a browser sees states in the order in which they came. Nodes that connect
// to this path themselves (type=1) are somebody else's business.
#pragma once

#include "api/http/router.hpp"

#include <memory>
#include <thread>
#include <variant>

namespace sluice::panel {
class Panel;
}

namespace sluice::flvx {

// While nobody watches it sleeps and nodes are asked for samples once a minute only.
class LiveFeed {
public:
    explicit LiveFeed(panel::Panel& panel); // the panel outlives it
    ~LiveFeed();                            // calls stop()
    LiveFeed(const LiveFeed&) = delete;
    LiveFeed& operator=(const LiveFeed&) = delete;

    // Registers /system-info. Sockets may outlive this object; then they are silent.
    void mount(http::Router& router);

    // Who may watch: `type=0` with a session's token in `secret`. Else 400 "bad request" or 403 "forbidden".
    std::variant<http::Response, http::WebSocketHandler> accept(const http::Request& request);

    // Closes all sockets (1001). Twice is harmless.
    void stop();

private:
    struct Core; // shared with sockets and with the panel's events, which may come a moment after the end
    std::shared_ptr<Core> core_;
    std::thread thread_;
};

} // namespace sluice::flvx
