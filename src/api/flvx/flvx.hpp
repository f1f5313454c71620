// The FLVX dialect on the front: guard, routes, envelope, live feed (contract: FLVX panel REST API 2.1.x).
#pragma once

#include "api/flvx/route.hpp"
#include "api/http/router.hpp"
#include "panel/panel.hpp"

#include <memory>

namespace sluice::flvx {

class LiveFeed;

class Dialect {
public:
    explicit Dialect(panel::Panel& panel); // outlives this
    ~Dialect();

    // Registers everything; this must outlive the router's last request.
    void mount(http::Router& router);
    void stop(); // closes the live feed

private:
    // Guard order of contract 1.7. Sets who asks; an answer ends the request.
    std::optional<Reply> admit(Access access, Call& call) const;
    std::optional<Reply> admit_peer(bool even_stopped, Call& call) const; // contract 5.10
    http::Response serve(const Route& route, const http::Request& request) const;
    http::Response subscribe(const http::Request& request) const; // contract 5.14
    http::Response unrouted(const http::Request& request) const;
    http::Response render(const Reply& reply) const;

    panel::Panel& panel_;
    std::unique_ptr<LiveFeed> feed_;
};

} // namespace sluice::flvx
