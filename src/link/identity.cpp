#include "link/identity.hpp"

#include "base/file.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdexcept>

namespace sluice::link {

int verify_by_key(X509_STORE_CTX* store, void* unused); // tls_channel.cpp: the pin is a channel's, the context is everybody's

namespace {

constexpr std::string_view pin_prefix = "sha256:";
constexpr long certificate_limit = 16L * 1024; // a peer's, of which only the key counts

void must(bool done, const char* what)
{
    if (done) return;
    ERR_clear_error();
    throw std::runtime_error(std::string{"link identity: "} + what);
}

std::shared_ptr<X509> make_certificate(EVP_PKEY* key)
{
    std::shared_ptr<X509> certificate(X509_new(), &X509_free);
    must(certificate != nullptr, "certificate");
    X509_set_version(certificate.get(), X509_VERSION_3);
    must(ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1) == 1, "serial number");
    must(ASN1_TIME_set_string(X509_getm_notBefore(certificate.get()), "19700101000000Z") == 1, "validity");
    must(ASN1_TIME_set_string(X509_getm_notAfter(certificate.get()), "99991231235959Z") == 1, "validity"); // "no end", RFC 5280 4.1.2.5
    auto* name = X509_get_subject_name(certificate.get());
    must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("sluice"), -1, -1, 0) == 1, "subject");
    must(X509_set_issuer_name(certificate.get(), name) == 1, "issuer");
    must(X509_set_pubkey(certificate.get(), key) == 1, "public key");
    must(X509_sign(certificate.get(), key, nullptr) > 0, "signature");
    return certificate;
}

std::shared_ptr<SSL_CTX> make_context(bool server, EVP_PKEY* key, X509* certificate)
{
    std::shared_ptr<SSL_CTX> context(SSL_CTX_new(server ? TLS_server_method() : TLS_client_method()), &SSL_CTX_free);
    must(context != nullptr, "context");
    must(SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION) == 1, "version");
    must(SSL_CTX_set_max_proto_version(context.get(), TLS1_3_VERSION) == 1, "version");
    must(SSL_CTX_set1_sigalgs_list(context.get(), "ed25519") == 1, "signature algorithms");
    must(SSL_CTX_set1_client_sigalgs_list(context.get(), "ed25519") == 1, "signature algorithms");
    must(SSL_CTX_set1_groups_list(context.get(), "X25519") == 1, "groups");
    must(SSL_CTX_use_certificate(context.get(), certificate) == 1, "certificate");
    must(SSL_CTX_use_PrivateKey(context.get(), key) == 1, "key");
    SSL_CTX_set_cert_verify_callback(context.get(), &verify_by_key, nullptr);
    // No resumption: a key that was revoked must be shown, and refused, each time.
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context.get(), 0);
    SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_max_cert_list(context.get(), certificate_limit);
    return context;
}

} // namespace

Result<Fingerprint> Fingerprint::parse(std::string_view text)
{
    const auto bad = [] { return make_error(Errc::invalid, "pin", "not sha256: and 64 hexadecimal digits"); };
    if (text.substr(0, pin_prefix.size()) != pin_prefix) return bad();
    const auto decoded = from_hex(text.substr(pin_prefix.size()));
    Fingerprint fingerprint;
    if (!decoded || decoded->size() != fingerprint.bytes.size()) return bad();
    std::copy(decoded->begin(), decoded->end(), fingerprint.bytes.begin());
    return fingerprint;
}

Result<Fingerprint> Fingerprint::from_bytes(std::string_view bytes)
{
    Fingerprint fingerprint;
    if (bytes.size() != fingerprint.bytes.size()) return make_error(Errc::invalid, "pin", "not 32 bytes");
    std::copy(bytes.begin(), bytes.end(), fingerprint.bytes.begin());
    return fingerprint;
}

std::string Fingerprint::to_text() const { return std::string{pin_prefix} + to_hex(bytes); }
std::string Fingerprint::to_bytes() const { return {bytes.begin(), bytes.end()}; }

Fingerprint fingerprint_of(EVP_PKEY* key)
{
    unsigned char* der = nullptr;
    const int length = i2d_PUBKEY(key, &der);
    must(length > 0, "public key");
    Fingerprint fingerprint;
    unsigned size = 0;
    const bool hashed = EVP_Digest(der, static_cast<std::size_t>(length), fingerprint.bytes.data(), &size, EVP_sha256(), nullptr) == 1;
    OPENSSL_free(der);
    must(hashed, "hash");
    return fingerprint;
}

Identity::Identity(std::shared_ptr<EVP_PKEY> key) : key_(std::move(key)), fingerprint_(fingerprint_of(key_.get()))
{
    const auto certificate = make_certificate(key_.get());
    server_ = make_context(true, key_.get(), certificate.get());
    client_ = make_context(false, key_.get(), certificate.get());
}

Identity Identity::make()
{
    const std::shared_ptr<EVP_PKEY> key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), &EVP_PKEY_free);
    must(key != nullptr, "key");
    return Identity{key};
}

Result<Identity> Identity::from_pem(const Secret& pem)
{
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new_mem_buf(pem.reveal().data(), static_cast<int>(pem.reveal().size())), &BIO_free);
    const std::shared_ptr<EVP_PKEY> key(
        PEM_read_bio_PrivateKey(bio.get(), nullptr, [](char*, int, int, void*) { return 0; }, nullptr), &EVP_PKEY_free);
    ERR_clear_error();
    if (!key) return make_error(Errc::invalid, "key", "not a private key");
    if (EVP_PKEY_get_id(key.get()) != EVP_PKEY_ED25519) return make_error(Errc::invalid, "key", "not an Ed25519 key");
    return Identity{key};
}

Secret Identity::to_pem() const
{
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), &BIO_free);
    must(PEM_write_bio_PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1, "writing the key");
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return Secret{std::string(data, static_cast<std::size_t>(size))};
}

Result<Identity> load_or_make_identity(const std::string& path)
{
    const auto pem = read_file(path, 16 * 1024);
    if (pem) {
        auto identity = Identity::from_pem(Secret{*pem});
        if (!identity) return make_error(Errc::invalid, "key", path + ": " + identity.error().detail, {path});
        return identity;
    }
    if (pem.error().code != Errc::not_found) return pem.error();
    auto identity = Identity::make();
    if (const auto written = write_file_atomically(path, identity.to_pem().reveal()); !written) return written.error();
    return identity;
}

} // namespace sluice::link
