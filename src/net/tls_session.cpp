#include "net/tls_session.hpp"

#include "base/address.hpp"
#include "net/identity.hpp"

#include <algorithm>
#include <cassert>
#include <climits>
#include <cstring>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdexcept>

namespace sluice::net {

// OpenSSL's idea of our two buffers. The input is not copied into a BIO first, and records pile up in one string that leaves with one send.
struct SessionBio {
    static int read(BIO* bio, char* into, int size)
    {
        auto& session = *static_cast<TlsSession*>(BIO_get_data(bio));
        BIO_clear_retry_flags(bio);
        if (session.input_.empty()) {
            BIO_set_retry_read(bio);
            return -1;
        }
        const auto take = std::min(session.input_.size(), static_cast<std::size_t>(size));
        std::memcpy(into, session.input_.data(), take);
        session.input_ = session.input_.subspan(take);
        return static_cast<int>(take);
    }

    static int write(BIO* bio, const char* from, int size)
    {
        BIO_clear_retry_flags(bio);
        static_cast<TlsSession*>(BIO_get_data(bio))->output_.append(from, static_cast<std::size_t>(size));
        return size;
    }

    static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

    static int create(BIO* bio)
    {
        BIO_set_init(bio, 1);
        return 1;
    }

    static BIO_METHOD* method()
    {
        static BIO_METHOD* const made = [] {
            auto* fresh = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "sluice bytes");
            BIO_meth_set_read(fresh, &read);
            BIO_meth_set_write(fresh, &write);
            BIO_meth_set_ctrl(fresh, &control);
            BIO_meth_set_create(fresh, &create);
            return fresh;
        }();
        return made;
    }
};

namespace {

std::optional<Fingerprint> key_of(X509* certificate)
{
    if (certificate == nullptr) return std::nullopt;
    auto* key = X509_get0_pubkey(certificate);
    if (key == nullptr || EVP_PKEY_get_id(key) != EVP_PKEY_ED25519) return std::nullopt;
    return fingerprint_of(key);
}

int check_key(X509_STORE_CTX* store, void*)
{
    auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    const auto* accept = static_cast<const TlsSession::KeyCheck*>(SSL_get_app_data(ssl));
    const auto key = key_of(X509_STORE_CTX_get0_cert(store));
    if (key && accept != nullptr && *accept && (*accept)(*key)) return 1;
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
    return 0;
}

} // namespace

void TlsSession::check_keys_by_session(ssl_ctx_st* context)
{
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    SSL_CTX_set_cert_verify_callback(context, &check_key, nullptr);
}

TlsSession::TlsSession(std::shared_ptr<ssl_ctx_st> context, Role role, Options options)
    : context_(std::move(context)), ssl_(SSL_new(context_.get()), &SSL_free), accept_(std::move(options.accept))
{
    if (!ssl_) throw std::runtime_error("TLS session");
    auto* bio = BIO_new(SessionBio::method());
    if (bio == nullptr) throw std::runtime_error("TLS session");
    BIO_set_data(bio, this);
    SSL_set_bio(ssl_.get(), bio, bio);
    SSL_set_app_data(ssl_.get(), &accept_);
    if (role == Role::server) {
        SSL_set_accept_state(ssl_.get());
        return;
    }
    SSL_set_connect_state(ssl_.get());
    if (!options.server_name.empty() && !IpAddress::parse(options.server_name)) // RFC 6066: names only
        SSL_set_tlsext_host_name(ssl_.get(), options.server_name.c_str());
    std::string offered;
    for (const auto& protocol : options.alpn) {
        if (protocol.empty() || protocol.size() > 255) continue;
        offered += static_cast<char>(protocol.size());
        offered += protocol;
    }
    if (!offered.empty())
        SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(offered.data()), static_cast<unsigned>(offered.size()));
}

TlsSession::~TlsSession() = default;

void TlsSession::feed(std::span<const char> bytes)
{
    assert(input_.empty());
    input_ = bytes;
}

TlsSession::Status TlsSession::after(int result)
{
    if (result > 0) return Status::ok;
    switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ: return Status::want_input;
    case SSL_ERROR_ZERO_RETURN: return Status::closed;
    default: break;
    }
    const auto code = ERR_get_error();
    const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
    problem_ = reason != nullptr ? reason : "TLS failed";
    ERR_clear_error();
    return Status::failed;
}

TlsSession::Status TlsSession::handshake()
{
    if (!problem_.empty()) return Status::failed;
    ERR_clear_error();
    return after(SSL_do_handshake(ssl_.get()));
}

TlsSession::Read TlsSession::read(std::span<char> into)
{
    if (!problem_.empty()) return {Status::failed, 0};
    ERR_clear_error();
    const auto size = static_cast<int>(std::min<std::size_t>(into.size(), INT_MAX));
    const int got = SSL_read(ssl_.get(), into.data(), size);
    const auto status = after(got);
    return {status, status == Status::ok ? static_cast<std::size_t>(got) : 0};
}

TlsSession::Status TlsSession::write(std::span<const char> bytes)
{
    if (!problem_.empty()) return Status::failed;
    while (!bytes.empty()) {
        ERR_clear_error();
        const int wrote = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(std::min<std::size_t>(bytes.size(), INT_MAX)));
        if (const auto status = after(wrote); status != Status::ok) {
            if (problem_.empty()) problem_ = "write before the handshake";
            return Status::failed;
        }
        bytes = bytes.subspan(static_cast<std::size_t>(wrote));
    }
    return Status::ok;
}

void TlsSession::close()
{
    ERR_clear_error();
    if (SSL_is_init_finished(ssl_.get()) == 1 && problem_.empty()) SSL_shutdown(ssl_.get());
    ERR_clear_error();
}

std::optional<Fingerprint> TlsSession::peer_key() const { return key_of(SSL_get0_peer_certificate(ssl_.get())); }

} // namespace sluice::net
