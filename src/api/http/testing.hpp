// For tests: a server on loopback and a client that speaks bytes, plain or TLS. Every wait of the client has a generous deadline.
#pragma once

#include "api/http/server.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <thread>

struct ssl_st;
struct ssl_ctx_st;

namespace sluice::http::testing {

inline constexpr std::chrono::seconds patience{60};

// Polls until `condition` holds; false when it never did.
template <class Condition>
bool eventually(Condition condition)
{
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds{2});
    }
    return true;
}

class Client {
public:
    explicit Client(const Endpoint& server, bool tls = false);
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    bool connected() const { return descriptor_ >= 0; }
    void send(std::string_view bytes);
    void half_close();
    // Reads until `text` holds everything up to and including `mark`; what follows is kept. Shorter at the end of the stream.
    std::string read_until(const std::string& mark);
    std::string read_exactly(std::size_t count);
    std::string read_all(); // to the end of the stream
    bool at_end();          // the server closed, and nothing is left
    // One response by its Content-Length or chunks.
    struct Reply {
        int status = 0;
        std::string head;
        std::string body;
        std::string field(const std::string& name) const;
    };
    Reply reply(bool head_only = false);
    std::string protocol() const; // TLS only: what ALPN agreed on

private:
    bool fill();
    int descriptor_ = -1;
    std::unique_ptr<ssl_ctx_st, void (*)(ssl_ctx_st*)> context_;
    std::unique_ptr<ssl_st, void (*)(ssl_st*)> ssl_;
    std::string buffer_;
};

// A whole front on 127.0.0.1 with a held clock and a fast sweeper.
struct Site {
    Site();
    ~Site();
    void start(std::span<const Asset> assets = {});
    const Endpoint& address() const { return address_; }
    Client::Reply get(const std::string& path, const std::string& fields = {});

    HeldClock clock;
    Router router;
    ServerOptions options;
    std::size_t worker_threads = 2;
    std::size_t worker_queue = 64;
    bool with_tls = false;
    std::string folder; // for the certificate
    std::shared_ptr<net::TlsContext> tls;
    std::unique_ptr<WorkerPool> workers;
    std::unique_ptr<Server> server;

private:
    Endpoint address_;
};

} // namespace sluice::http::testing
