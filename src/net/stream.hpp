// One accepted connection, plain or TLS, as coroutines. OpenSSL works on the non-blocking descriptor itself and asio only says when
// it is ready: an idle TLS connection costs 16 kB instead of 77 (docs/ARCHITECTURE.md). Reads go into the caller's buffer, so an
// idle plain connection holds none. One loop; one reader and one writer at a time.
#pragma once

#include "base/address.hpp"
#include "net/asio.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

struct ssl_st;
struct ssl_ctx_st;

namespace sluice::net {

class Stream {
public:
    explicit Stream(tcp::socket socket); // makes it non-blocking, without Nagle's delay, close-on-exec
    ~Stream();
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    // Waits for the first byte without taking it. Absent at the end of the stream or on an error.
    awaitable<std::optional<unsigned char>> first_byte();
    awaitable<error_code> handshake(std::shared_ptr<ssl_ctx_st> context); // as the server; TLS from here on

    struct Read {
        error_code problem; // asio::error::eof at the end
        std::size_t size = 0;
    };
    awaitable<Read> read_some(std::span<char> into);
    // What is there now, without waiting; `problem` is would_block when nothing is.
    Read read_now(std::span<char> into);
    // `sent`, when given, counts what the kernel has taken, while it happens: deadlines look at it.
    awaitable<error_code> write_all(std::string_view bytes, std::size_t* sent = nullptr);
    // Says goodbye (close_notify, FIN). What the peer still sends is not read.
    void finish();

    // Lets the others on the loop go first. Reading and writing do so by themselves after some turns without a wait: a peer that always
    // has bytes ready would keep the loop for itself.
    awaitable<void> share_loop();

    // Ends a wait in progress, and the next ones, with operation_aborted; resume() allows waiting again.
    void interrupt();
    void resume() { interrupted_ = false; }
    void cut(); // interrupts for good and resets the connection's both directions
    bool secure() const { return ssl_ != nullptr; }
    const Endpoint& peer() const { return peer_; }
    const Endpoint& local() const { return local_; }
    tcp::socket::executor_type executor() { return socket_.get_executor(); }

private:
    enum class Need { nothing, readable, writable };
    struct Attempt {
        Need need = Need::nothing;
        error_code problem;
        std::size_t size = 0;
    };
    Attempt try_read(std::span<char> into);
    Attempt try_write(std::string_view bytes);
    Attempt after_ssl(int result);
    awaitable<error_code> until(Need need);

    tcp::socket socket_;
    int descriptor_;
    std::unique_ptr<ssl_st, void (*)(ssl_st*)> ssl_;
    bool handshake_done_ = false;
    bool interrupted_ = false;
    bool cut_ = false;
    unsigned turns_ = 0; // reads and writes since the others had the loop
    Endpoint peer_;
    Endpoint local_;
};

} // namespace sluice::net
