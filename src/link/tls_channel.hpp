// TLS 1.3 on memory: bytes from the wire in, plain bytes out, and back. Both ends show a key; the agent's end knows which one it wants to see, the
// panel's end takes any and tells whose it is. Knows nothing of messages, sockets or time.
#pragma once

#include "base/result.hpp"
#include "link/identity.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct ssl_st;

namespace sluice::link {

class TlsChannel {
public:
    // As the server when there is no pin: any Ed25519 key is let in and named by peer(). `identity` outlives the channel.
    TlsChannel(const Identity& identity, std::optional<Fingerprint> pin);
    ~TlsChannel();
    TlsChannel(const TlsChannel&) = delete;
    TlsChannel& operator=(const TlsChannel&) = delete;

    void start(); // the client's first words are in take_output() then

    // Appends what was decrypted. Errors, all final: forbidden "peer" (another key than the pinned one), invalid "tls" (anything else, with OpenSSL's
    // words in detail).
    Result<void> received(std::string_view bytes, std::string& plain);
    Result<void> send(std::string_view plain); // after established()
    void finish();                             // close_notify
    std::string take_output();                 // what the wire should carry now

    bool established() const { return established_; }
    const Fingerprint& peer() const { return peer_; } // of the key that was proven, once established

private:
    friend struct TlsVerifier;
    Result<void> handshake();
    Error problem();

    std::optional<Fingerprint> pin_;
    std::unique_ptr<ssl_st, void (*)(ssl_st*)> ssl_;
    bool established_ = false;
    bool wrong_peer_ = false;
    Fingerprint peer_;
};

} // namespace sluice::link
