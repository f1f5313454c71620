#include "link/tls_channel.hpp"

#include <algorithm>
#include <array>
#include <climits>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdexcept>

namespace sluice::link {

// OpenSSL's question whether a certificate is good, answered by its key alone: no chain, no names, no dates.
struct TlsVerifier {
    static int verify(X509_STORE_CTX* store, void*)
    {
        auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
        auto* channel = static_cast<TlsChannel*>(SSL_get_app_data(ssl));
        auto* certificate = X509_STORE_CTX_get0_cert(store);
        auto* key = certificate ? X509_get0_pubkey(certificate) : nullptr;
        if (!channel || !key || EVP_PKEY_get_id(key) != EVP_PKEY_ED25519) return refuse(store);
        channel->peer_ = fingerprint_of(key);
        if (channel->pin_ && channel->peer_ != *channel->pin_) {
            channel->wrong_peer_ = true;
            return refuse(store);
        }
        X509_STORE_CTX_set_error(store, X509_V_OK);
        return 1;
    }

    static int refuse(X509_STORE_CTX* store)
    {
        X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
        return 0;
    }
};

int verify_by_key(X509_STORE_CTX* store, void* unused) { return TlsVerifier::verify(store, unused); }

TlsChannel::TlsChannel(const Identity& identity, std::optional<Fingerprint> pin)
    : pin_(pin), ssl_(SSL_new(identity.context(!pin)), &SSL_free)
{
    if (!ssl_) throw std::runtime_error("link: no TLS session");
    auto* in = BIO_new(BIO_s_mem());
    auto* out = BIO_new(BIO_s_mem());
    if (!in || !out) throw std::runtime_error("link: no memory for TLS");
    SSL_set_bio(ssl_.get(), in, out); // which owns them now
    SSL_set_app_data(ssl_.get(), this);
    SSL_set_verify(ssl_.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    if (pin)
        SSL_set_connect_state(ssl_.get());
    else
        SSL_set_accept_state(ssl_.get());
}

TlsChannel::~TlsChannel() = default;

void TlsChannel::start()
{
    if (pin_) (void)handshake();
}

Error TlsChannel::problem()
{
    std::array<char, 256> text{};
    ERR_error_string_n(ERR_peek_last_error(), text.data(), text.size());
    ERR_clear_error();
    if (wrong_peer_) return make_error(Errc::forbidden, "peer", peer_.to_text() + " answered");
    return make_error(Errc::invalid, "tls", text.data());
}

Result<void> TlsChannel::handshake()
{
    ERR_clear_error();
    const int done = SSL_do_handshake(ssl_.get());
    if (done == 1) {
        established_ = true;
        return {};
    }
    const int reason = SSL_get_error(ssl_.get(), done);
    if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE) return {};
    return problem();
}

Result<void> TlsChannel::received(std::string_view bytes, std::string& plain)
{
    while (!bytes.empty()) {
        const auto piece = static_cast<int>(std::min<std::size_t>(bytes.size(), INT_MAX));
        const int taken = BIO_write(SSL_get_rbio(ssl_.get()), bytes.data(), piece);
        if (taken <= 0) return make_error(Errc::invalid, "tls", "no memory");
        bytes.remove_prefix(static_cast<std::size_t>(taken));
    }
    if (!established_) {
        if (auto shaken = handshake(); !shaken || !established_) return shaken;
    }
    std::array<char, 16 * 1024> buffer{};
    for (;;) {
        ERR_clear_error();
        const int got = SSL_read(ssl_.get(), buffer.data(), static_cast<int>(buffer.size()));
        if (got > 0) {
            plain.append(buffer.data(), static_cast<std::size_t>(got));
            continue;
        }
        const int reason = SSL_get_error(ssl_.get(), got);
        // close_notify is no message: whoever leaves says so in a goodbye, and the wire ends by itself.
        if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE || reason == SSL_ERROR_ZERO_RETURN) return {};
        return problem();
    }
}

Result<void> TlsChannel::send(std::string_view plain)
{
    while (!plain.empty()) {
        ERR_clear_error();
        const int sent = SSL_write(ssl_.get(), plain.data(), static_cast<int>(std::min<std::size_t>(plain.size(), INT_MAX)));
        if (sent <= 0) return problem(); // memory does not make one wait
        plain.remove_prefix(static_cast<std::size_t>(sent));
    }
    return {};
}

void TlsChannel::finish()
{
    ERR_clear_error();
    if (established_) SSL_shutdown(ssl_.get());
    ERR_clear_error();
}

std::string TlsChannel::take_output()
{
    auto* bio = SSL_get_wbio(ssl_.get());
    std::string bytes(BIO_ctrl_pending(bio), '\0');
    if (bytes.empty()) return bytes;
    const int got = BIO_read(bio, bytes.data(), static_cast<int>(bytes.size()));
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
}

} // namespace sluice::link
