// One TLS session as bytes in, bytes out: OpenSSL without a socket. Used where the wire below is not a socket of its own (a WebSocket, a test), and
// where many small writes should leave as one. No asio, no time, no threads.
#pragma once

#include "base/fingerprint.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

struct ssl_st;
struct ssl_ctx_st;

namespace sluice::net {

class TlsSession {
public:
    enum class Role { client, server };
    using KeyCheck = std::function<bool(const Fingerprint&)>;
    struct Options {
        std::string server_name;       // client: SNI; empty sends none
        std::vector<std::string> alpn; // client: offered protocols, each 1..255 bytes
        KeyCheck accept;               // with an Identity's context: which key the peer must prove; empty refuses all
    };

    TlsSession(std::shared_ptr<ssl_ctx_st> context, Role role, Options options);
    ~TlsSession();
    TlsSession(const TlsSession&) = delete;
    TlsSession& operator=(const TlsSession&) = delete;

    // `want_input`: everything that was fed is used up. `closed`: the peer said goodbye. `failed`: see problem(); the session is over, what output()
    // holds (an alert) should still be sent.
    enum class Status { ok, want_input, closed, failed };

    // The peer's bytes. They are not copied: they live until handshake() or read() says `want_input`, and only then more is fed.
    void feed(std::span<const char> bytes);
    Status handshake(); // again after each feed until `ok`

    struct Read {
        Status status = Status::ok;
        std::size_t size = 0; // plain bytes in `into`, when ok
    };
    Read read(std::span<char> into);
    // Appends whole records to output(). After the handshake only.
    Status write(std::span<const char> bytes);
    void close(); // appends the goodbye

    std::string& output() { return output_; }    // for the peer; the caller takes it away
    std::optional<Fingerprint> peer_key() const; // absent before the handshake, and for a certificate that is not Ed25519
    const std::string& problem() const { return problem_; }

    // Makes every session of this context ask Options::accept for the peer's key, and nothing else.
    static void check_keys_by_session(ssl_ctx_st* context);

private:
    friend struct SessionBio;
    Status after(int result);

    std::shared_ptr<ssl_ctx_st> context_;
    std::unique_ptr<ssl_st, void (*)(ssl_st*)> ssl_;
    KeyCheck accept_;
    std::span<const char> input_;
    std::string output_;
    std::string problem_;
};

} // namespace sluice::net
