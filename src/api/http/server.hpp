// The front: one port for HTTP and HTTPS (told apart by the first byte), every socket on one event loop, whole requests handed
// to the worker pool, WebSockets, page files. Knows paths only through the Router. asio stays behind this header.
#pragma once

#include "api/http/assets.hpp"
#include "api/http/router.hpp"
#include "api/http/worker_pool.hpp"
#include "base/address.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace sluice::net {
class TlsContext;
}

namespace sluice::http {

struct ServerLimits {
    // In total. When they are reached, the one that has waited longest for its client's next request makes room for the newcomer.
    std::size_t connections = 12'000;
    std::size_t connections_per_address = 1'024; // more are refused; trusted proxies and `uncapped` are exempt
    std::size_t requests_per_connection = 10'000;
    Milliseconds head_deadline{10'000}; // first byte to end of head, TLS handshake included
    Milliseconds idle_deadline{60'000}; // between requests
    Milliseconds body_grace{10'000};    // then at least `minimum_rate` on average, both ways
    Milliseconds write_grace{30'000};
    std::size_t minimum_rate = 1'024;                         // bytes per second
    std::size_t body_memory = std::size_t{256} * 1024 * 1024; // of all request bodies together; above it 503
    Milliseconds sweep_every{1'000};                          // how often deadlines are looked at (real time; deadlines use the clock)
};

std::vector<Cidr> loopback_networks();

struct ServerOptions {
    std::vector<Endpoint> listen;                     // "[::]:p" is dual stack
    std::vector<Cidr> trusted_proxies;                // whose X-Forwarded-For and X-Forwarded-Proto are believed
    std::vector<Cidr> uncapped = loopback_networks(); // no cap per address: who is on this machine has other ways to exhaust it
    bool hsts = false; // tell browsers to insist on HTTPS for this host, on all its ports; only over TLS with a trusted certificate
    ServerLimits limits;
    const Clock* clock = nullptr; // absent: the system's
};

struct ServerCounters {
    std::uint64_t accepted = 0;
    std::uint64_t refused_connections = 0; // by a cap
    std::uint64_t evicted = 0;             // idle ones that made room for another
    std::uint64_t exhausted = 0;           // times that the system refused a descriptor or memory for a new one
    std::uint64_t requests = 0;
    std::uint64_t bad_requests = 0; // answered by the front itself with 4xx
    std::uint64_t overloaded = 0;   // 503
    std::uint64_t timed_out = 0;
    std::size_t connections = 0;
    std::size_t websockets = 0;
};

class Server {
public:
    // Router, workers, assets and clock must outlive the server. Without `tls` only plain HTTP is spoken.
    Server(const ServerOptions& options, const Router& router, WorkerPool& workers, std::shared_ptr<net::TlsContext> tls,
           std::span<const Asset> assets = {});
    ~Server(); // calls stop()
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    // Binds and listens on all addresses or none. Errors: unavailable "listen" with the address in args[0] and the system's
    // words in detail (conflict when the address is in use).
    Result<void> listen();
    void start();                            // the loop's thread begins to accept
    std::vector<Endpoint> endpoints() const; // after listen(): with the real ports

    void set_trusted_proxies(std::vector<Cidr> proxies); // takes effect for new requests
    // An origin ("https://host") that the page may take scripts and frames from beside its own: a captcha's. Empty: none, as at the start.
    void set_page_origin(std::string origin);

    // Stops accepting, closes idle connections and WebSockets (1001), lets requests in flight finish, at most until the deadline.
    // True when all of them finished.
    bool drain(Milliseconds deadline);
    void stop(); // cuts what is left and joins; twice is harmless

    ServerCounters counters() const;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace sluice::http
