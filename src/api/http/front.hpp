// What all connections of one server share. Belongs to the event loop: only what is marked otherwise may be touched elsewhere.
#pragma once

#include "api/http/assets.hpp"
#include "api/http/httplib_adapter.hpp"
#include "api/http/router.hpp"
#include "api/http/server.hpp"
#include "api/http/worker_pool.hpp"
#include "net/asio.hpp"

#include <array>
#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace sluice::net {
class TlsContext;
}

namespace sluice::http {

class Connection;

struct Front {
    Front(ServerOptions given, const Router& its_router, WorkerPool& its_workers, std::shared_ptr<net::TlsContext> its_tls,
          std::span<const Asset> its_assets, const Clock& its_clock)
        : options(std::move(given)),
          router(its_router),
          workers(its_workers),
          tls(std::move(its_tls)),
          assets(its_assets),
          clock(its_clock),
          adapter(router)
    {
    }

    const ServerOptions options;
    const Router& router;
    WorkerPool& workers;
    const std::shared_ptr<net::TlsContext> tls; // absent: plain HTTP only
    const std::span<const Asset> assets;
    const Clock& clock;
    const HttplibAdapter adapter;

    // One buffer for all reads: a coroutine looks at what it read before it waits again, so nobody else can be in between.
    std::array<char, 16 * 1024> scratch{};
    std::vector<Cidr> trusted;
    std::string page_origin;
    // Connections that wait for their client's next request, longest first: one of them leaves when a newcomer finds no place.
    std::list<Connection*> waiting;
    std::string date; // for the Date field; renewed by the sweeper
    bool hsts = false;
    bool draining = false;
    std::size_t body_bytes = 0; // of requests being read or answered
    std::uint64_t next_request = 1;
    std::string request_prefix;              // random per process, so that ids of two runs do not meet in one log
    std::function<void(Connection&)> forget; // a connection's last act

    std::atomic<std::uint64_t> accepted{0};
    std::atomic<std::uint64_t> refused_connections{0};
    std::atomic<std::uint64_t> evicted{0};
    std::atomic<std::uint64_t> exhausted{0};
    std::atomic<std::uint64_t> requests{0};
    std::atomic<std::uint64_t> bad_requests{0};
    std::atomic<std::uint64_t> overloaded{0};
    std::atomic<std::uint64_t> timed_out{0};
    std::atomic<std::size_t> connections{0};
    std::atomic<std::size_t> websockets{0};
};

// What the cap on connections per address counts: an IPv6 host owns a whole /64.
IpAddress counting_unit(const IpAddress& address);

// The crossing from the loop to the workers and back: runs `work` there and resumes here. False when the queue is full; with `always`
// only when the pool stopped. `work` must own what it uses.
net::awaitable<bool> on_worker(asio::any_io_executor loop, WorkerPool& workers, std::function<void()> work, bool always = false);

} // namespace sluice::http
