#include "net/identity.hpp"

#include "base/file.hpp"
#include "net/tls_session.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdexcept>
#if defined(__aarch64__)
    #include <asm/hwcap.h>
    #include <sys/auxv.h>
#endif

namespace sluice::net {

namespace {

using KeyPtr = std::shared_ptr<EVP_PKEY>;
using BioPtr = std::unique_ptr<BIO, decltype(&BIO_free_all)>;

void must(bool done, const char* what)
{
    if (done) return;
    ERR_clear_error();
    throw std::runtime_error(what);
}

using ContextPtr = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

std::string der_of(EVP_PKEY* key)
{
    unsigned char* der = nullptr;
    const int size = i2d_PUBKEY(key, &der);
    must(size > 0, "public key");
    std::string text(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
    return text;
}

int no_passphrase(char*, int, int, void*) { return 0; }

bool has_fast_aes()
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("aes") != 0;
#elif defined(__aarch64__)
    return (::getauxval(AT_HWCAP) & HWCAP_AES) != 0;
#else
    return false;
#endif
}

// The dates and names mean nothing, for nobody looks at them; they are the same for everybody so that they tell nothing.
std::shared_ptr<X509> certificate_of(EVP_PKEY* key)
{
    std::shared_ptr<X509> certificate(X509_new(), &X509_free);
    must(certificate != nullptr, "certificate");
    auto* made = certificate.get();
    X509_set_version(made, X509_VERSION_3);
    must(ASN1_INTEGER_set(X509_get_serialNumber(made), 1) == 1, "serial number");
    must(ASN1_TIME_set_string_X509(X509_getm_notBefore(made), "20200101000000Z") == 1, "validity");
    must(ASN1_TIME_set_string_X509(X509_getm_notAfter(made), "99991231235959Z") == 1, "validity"); // RFC 5280: no known end
    must(X509_set_pubkey(made, key) == 1, "public key");
    must(X509_sign(made, key, nullptr) > 0, "signature");
    return certificate;
}

// The imitated protocols are a client's wish; there is nothing to negotiate.
int accept_first_protocol(SSL*, const unsigned char** chosen, unsigned char* length, const unsigned char* offered, unsigned offered_length, void*)
{
    if (offered_length < 2 || offered[0] == 0 || offered[0] + 1U > offered_length) return SSL_TLSEXT_ERR_NOACK;
    *chosen = offered + 1;
    *length = offered[0];
    return SSL_TLSEXT_ERR_OK;
}

} // namespace

Identity Identity::of(std::shared_ptr<evp_pkey_st> key)
{
    Identity identity;
    identity.fingerprint_ = fingerprint_of(key.get());

    std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_method()), &SSL_CTX_free);
    must(context != nullptr, "TLS context");
    auto* made = context.get();
    SSL_CTX_set_min_proto_version(made, TLS1_3_VERSION);
    must(SSL_CTX_set_ciphersuites(made, has_fast_aes() ? "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256"
                                                       : "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256") == 1,
         "ciphers");
    must(SSL_CTX_set1_groups_list(made, "X25519:P-256") == 1, "groups");
    SSL_CTX_set_num_tickets(made, 0); // carriers live long; nothing is resumed
    SSL_CTX_set_session_cache_mode(made, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(made, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_alpn_select_cb(made, &accept_first_protocol, nullptr);
    TlsSession::check_keys_by_session(made);
    const auto certificate = certificate_of(key.get());
    must(SSL_CTX_use_certificate(made, certificate.get()) == 1, "certificate");
    must(SSL_CTX_use_PrivateKey(made, key.get()) == 1, "key");
    identity.context_ = std::move(context);
    identity.private_ = std::move(key);
    return identity;
}

Identity Identity::make()
{
    const KeyPtr key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), &EVP_PKEY_free);
    must(key != nullptr, "key");
    return of(key);
}

Result<Identity> Identity::load_or_create(const std::string& path)
{
    const auto text = read_file(path, 64 * 1024);
    if (!text) {
        if (text.error().code != Errc::not_found) return text.error();
        auto identity = make();
        const BioPtr pem(BIO_new(BIO_s_mem()), &BIO_free_all);
        must(PEM_write_bio_PKCS8PrivateKey(pem.get(), identity.private_.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1, "key");
        char* data = nullptr;
        const long size = BIO_get_mem_data(pem.get(), &data);
        if (auto written = write_file_atomically(path, {data, static_cast<std::size_t>(size)}); !written) return written.error();
        return identity;
    }
    const BioPtr pem(BIO_new_mem_buf(text->data(), static_cast<int>(text->size())), &BIO_free_all);
    const KeyPtr key(PEM_read_bio_PrivateKey(pem.get(), nullptr, &no_passphrase, nullptr), &EVP_PKEY_free);
    ERR_clear_error();
    if (!key || EVP_PKEY_get_id(key.get()) != EVP_PKEY_ED25519) return make_error(Errc::invalid, "identity", path + " is not an Ed25519 key", {path});
    return of(key);
}

std::string Identity::public_key() const { return der_of(private_.get()); }

std::string Identity::sign(std::string_view text) const
{
    const ContextPtr context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    std::string signature(64, '\0');
    std::size_t size = signature.size();
    must(context && EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, private_.get()) == 1 &&
             EVP_DigestSign(context.get(), bytes_of(signature), &size, bytes_of(text), text.size()) == 1 && size == signature.size(),
         "signature");
    return signature;
}

Fingerprint fingerprint_of(evp_pkey_st* key)
{
    const auto der = der_of(key);
    Fingerprint fingerprint;
    SHA256(bytes_of(der), der.size(), fingerprint.bytes.data());
    return fingerprint;
}

bool signed_by(const Fingerprint& who, std::string_view public_key, std::string_view text, std::string_view signature)
{
    Fingerprint shown;
    SHA256(bytes_of(public_key), public_key.size(), shown.bytes.data());
    if (shown != who) return false;
    const auto* at = bytes_of(public_key);
    const KeyPtr key(d2i_PUBKEY(nullptr, &at, static_cast<long>(public_key.size())), &EVP_PKEY_free);
    const ContextPtr context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    const bool good = key && context && EVP_PKEY_get_id(key.get()) == EVP_PKEY_ED25519 &&
                      EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
                      EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(text), text.size()) == 1;
    ERR_clear_error();
    return good;
}

} // namespace sluice::net
