// One connection from a node to its panel: a WebSocket with a link session in it. For one thread.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "link/session.hpp"
#include "net/ws_client.hpp"

#include <memory>
#include <string>
#include <vector>

namespace sluice::agent {

class PanelWire {
public:
    // Tries each address of the URL's host. Errors: invalid "url"; unavailable, timeout "panel" with words in args[0]; conflict "woken".
    static Result<std::unique_ptr<PanelWire>> dial(const std::string& url, const net::Identity& identity, const Fingerprint& pin, link::Hello hello,
                                                   const Clock& clock, int wake);

    // Waits until `until`, `wake`, or something from the panel, and says what happened; keeps the session's heart beating. Ended is the last event.
    std::vector<link::Event> wait(SteadyTime until);
    void send(const link::Message& message) { (void)session_.send(clock_.steady(), message); }
    void leave() { session_.leave(clock_.steady(), link::Farewell::stopping); }
    void flush(SteadyTime until); // what was said leaves, as far as the peer takes it
    bool open() const { return session_.open(); }

private:
    PanelWire(std::unique_ptr<net::WsClient> socket, link::Session session, const Clock& clock, int wake)
        : socket_(std::move(socket)), session_(std::move(session)), clock_(clock), wake_(wake)
    {
    }

    std::unique_ptr<net::WsClient> socket_;
    link::Session session_;
    const Clock& clock_;
    const int wake_;
};

} // namespace sluice::agent
