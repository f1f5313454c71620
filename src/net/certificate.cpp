#include "net/certificate.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdexcept>

namespace sluice::net {

namespace {

constexpr std::string_view our_mark = "Sluice self-signed"; // the organisation of certificates that we made ourselves
constexpr auto validity = std::chrono::hours{24 * 825};
constexpr std::size_t chain_limit = 10;

using BioPtr = std::unique_ptr<BIO, decltype(&BIO_free_all)>;
using X509Ptr = std::shared_ptr<X509>;
using KeyPtr = std::shared_ptr<EVP_PKEY>;

std::string openssl_words()
{
    const auto code = ERR_get_error();
    ERR_clear_error();
    if (code == 0) return "no detail";
    std::array<char, 256> text{};
    ERR_error_string_n(code, text.data(), text.size());
    return text.data();
}

void must(bool done, const char* what)
{
    if (!done) throw std::runtime_error(std::string{what} + ": " + openssl_words());
}

BioPtr reading(std::string_view text) { return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free_all}; }

std::string written(BIO* bio)
{
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return {data, static_cast<std::size_t>(size)};
}

void add_extension(X509* certificate, int nid, const std::string& value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
    const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()),
                                                                                    &X509_EXTENSION_free);
    must(extension != nullptr, "certificate extension");
    must(X509_add_ext(certificate, extension.get(), -1) == 1, "certificate extension");
}

std::string name_text(const X509_NAME* name)
{
    const BioPtr bio(BIO_new(BIO_s_mem()), &BIO_free_all);
    X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB));
    return written(bio.get());
}

std::string organization(const X509_NAME* name)
{
    const int at = X509_NAME_get_index_by_NID(name, NID_organizationName, -1);
    if (at < 0) return {};
    const auto* data = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(data)), static_cast<std::size_t>(ASN1_STRING_length(data))};
}

WallTime time_of(const ASN1_TIME* time)
{
    std::tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
    return std::chrono::time_point_cast<Milliseconds>(std::chrono::system_clock::from_time_t(::timegm(&parts)));
}

std::vector<std::string> names_of(X509* certificate)
{
    std::vector<std::string> result;
    const std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> names(
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)), &GENERAL_NAMES_free);
    for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
        const auto* name = sk_GENERAL_NAME_value(names.get(), i);
        if (name->type == GEN_DNS) {
            result.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                                static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
        } else if (name->type == GEN_IPADD) {
            const auto* bytes = ASN1_STRING_get0_data(name->d.iPAddress);
            if (ASN1_STRING_length(name->d.iPAddress) == 4) {
                result.push_back(
                    IpAddress::from_v4(std::uint32_t{bytes[0]} << 24U | std::uint32_t{bytes[1]} << 16U | std::uint32_t{bytes[2]} << 8U | bytes[3])
                        .to_text());
            } else if (ASN1_STRING_length(name->d.iPAddress) == 16) {
                std::array<std::uint8_t, 16> v6{};
                std::copy_n(bytes, 16, v6.begin());
                result.push_back(IpAddress::from_v6(v6).to_text());
            }
        }
    }
    return result;
}

CertificateInfo describe_certificate(X509* certificate)
{
    CertificateInfo info;
    info.subject = name_text(X509_get_subject_name(certificate));
    info.issuer = name_text(X509_get_issuer_name(certificate));
    info.names = names_of(certificate);
    info.not_before = time_of(X509_get0_notBefore(certificate));
    info.not_after = time_of(X509_get0_notAfter(certificate));
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    if (X509_digest(certificate, EVP_sha256(), digest.data(), &length) == 1) info.fingerprint = "sha256:" + to_hex({digest.data(), length});
    unsigned char* key = nullptr;
    if (const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &key); size > 0) {
        if (EVP_Digest(key, static_cast<std::size_t>(size), digest.data(), &length, EVP_sha256(), nullptr) == 1)
            info.key_pin = "sha256//" + to_base64({reinterpret_cast<const char*>(digest.data()), length});
        OPENSSL_free(key);
    }
    info.self_signed = X509_self_signed(certificate, 1) == 1;
    info.self_made = info.self_signed && organization(X509_get_subject_name(certificate)) == our_mark;
    ERR_clear_error();
    return info;
}

// Answers OpenSSL's question for a passphrase with "there is none", so that it never asks a terminal.
int no_passphrase(char*, int, int, void*) { return 0; }

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* length, const unsigned char* offered, unsigned offered_length, void*)
{
    static constexpr std::array<unsigned char, 9> ours{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    unsigned char* found = nullptr;
    if (SSL_select_next_proto(&found, length, ours.data(), ours.size(), offered, offered_length) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *chosen = found;
    return SSL_TLSEXT_ERR_OK;
}

} // namespace

PemPair make_self_signed_pair(const std::vector<std::string>& names, const std::vector<IpAddress>& addresses, WallTime now)
{
    const KeyPtr key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
    must(key != nullptr, "key");
    const X509Ptr certificate(X509_new(), &X509_free);
    must(certificate != nullptr, "certificate");
    auto* made = certificate.get();

    std::array<unsigned char, 16> serial{};
    must(RAND_bytes(serial.data(), serial.size()) == 1, "serial number");
    serial[0] = static_cast<unsigned char>((serial[0] & 0x7fU) | 0x40U); // positive and of full length
    const std::unique_ptr<BIGNUM, decltype(&BN_free)> number(BN_bin2bn(serial.data(), serial.size(), nullptr), &BN_free);
    must(BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(made)) != nullptr, "serial number");

    X509_set_version(made, X509_VERSION_3);
    const auto seconds = std::chrono::system_clock::to_time_t(now);
    // A day early: a client's clock may be behind, and so may ours have been.
    must(ASN1_TIME_set(X509_getm_notBefore(made), seconds - 24 * 3600) != nullptr, "validity");
    must(ASN1_TIME_set(X509_getm_notAfter(made), seconds + std::chrono::duration_cast<Seconds>(validity).count()) != nullptr, "validity");

    auto* subject = X509_get_subject_name(made);
    const auto add_entry = [&](const char* field, std::string_view text) {
        must(X509_NAME_add_entry_by_txt(subject, field, MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(text.data()),
                                        static_cast<int>(text.size()), -1, 0) == 1,
             "subject");
    };
    add_entry("O", our_mark);
    add_entry("CN", names.empty() ? std::string_view{"localhost"} : std::string_view{names.front()}.substr(0, 64));
    must(X509_set_issuer_name(made, subject) == 1, "issuer");
    must(X509_set_pubkey(made, key.get()) == 1, "public key");

    std::string alternative;
    for (const auto& name : names) alternative += (alternative.empty() ? "DNS:" : ",DNS:") + name;
    for (const auto& address : addresses) alternative += (alternative.empty() ? "IP:" : ",IP:") + address.to_text();
    add_extension(made, NID_basic_constraints, "critical,CA:FALSE");
    add_extension(made, NID_key_usage, "critical,digitalSignature");
    add_extension(made, NID_ext_key_usage, "serverAuth");
    add_extension(made, NID_subject_key_identifier, "hash");
    if (!alternative.empty()) add_extension(made, NID_subject_alt_name, alternative);
    must(X509_sign(made, key.get(), EVP_sha256()) > 0, "signature");

    const BioPtr certificate_pem(BIO_new(BIO_s_mem()), &BIO_free_all);
    const BioPtr key_pem(BIO_new(BIO_s_mem()), &BIO_free_all);
    must(PEM_write_bio_X509(certificate_pem.get(), made) == 1, "certificate");
    must(PEM_write_bio_PrivateKey(key_pem.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1, "key");
    return {written(certificate_pem.get()), Secret{written(key_pem.get())}};
}

Result<Credentials> parse_credentials(std::string_view certificates_pem, const Secret& key_pem)
{
    Credentials credentials;
    const auto certificates = reading(certificates_pem);
    for (;;) {
        X509Ptr certificate(PEM_read_bio_X509(certificates.get(), nullptr, &no_passphrase, nullptr), &X509_free);
        if (!certificate) break;
        credentials.chain.push_back(std::move(certificate));
        if (credentials.chain.size() > chain_limit) return make_error(Errc::invalid, "tls.cert", "more than 10 certificates");
    }
    const auto problem = ERR_peek_last_error();
    const bool clean_end = ERR_GET_LIB(problem) == ERR_LIB_PEM && ERR_GET_REASON(problem) == PEM_R_NO_START_LINE;
    if (credentials.chain.empty() || !clean_end) return make_error(Errc::invalid, "tls.cert", "not a PEM certificate: " + openssl_words());
    ERR_clear_error();

    const auto key = reading(key_pem.reveal());
    credentials.key = KeyPtr(PEM_read_bio_PrivateKey(key.get(), nullptr, &no_passphrase, nullptr), &EVP_PKEY_free);
    if (!credentials.key) return make_error(Errc::invalid, "tls.key", "not an unencrypted PEM key: " + openssl_words());
    if (X509_check_private_key(credentials.chain.front().get(), credentials.key.get()) != 1) {
        ERR_clear_error();
        return make_error(Errc::invalid, "tls.key", "the key does not belong to the first certificate");
    }
    for (std::size_t i = 0; i + 1 < credentials.chain.size(); ++i) {
        if (X509_check_issued(credentials.chain[i + 1].get(), credentials.chain[i].get()) != X509_V_OK)
            return make_error(Errc::invalid, "tls.cert", "certificate " + std::to_string(i + 2) + " of the chain did not issue the one before it");
    }
    credentials.info = describe_certificate(credentials.chain.front().get());
    return credentials;
}

Result<void> check_validity(const CertificateInfo& info, WallTime now)
{
    if (now >= info.not_after) return make_error(Errc::invalid, "tls.cert", "expired");
    if (now < info.not_before) return make_error(Errc::invalid, "tls.cert", "not valid yet");
    return {};
}

Result<std::shared_ptr<ssl_ctx_st>> make_server_context(const Credentials& credentials)
{
    std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
    must(context != nullptr, "TLS context");
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION);
    // Idle connections give their buffers back: 16 kB each instead of 50. Writes may be partial and move: our buffers do.
    SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF); // resumption is by tickets, which cost the server no memory
    SSL_CTX_set_alpn_select_cb(context.get(), &choose_protocol, nullptr);
    const auto refused = [](const char* field) { return make_error(Errc::invalid, field, openssl_words()); };
    if (SSL_CTX_use_certificate(context.get(), credentials.chain.front().get()) != 1) return refused("tls.cert"); // too weak, for instance
    if (SSL_CTX_use_PrivateKey(context.get(), credentials.key.get()) != 1) return refused("tls.key");
    for (std::size_t i = 1; i < credentials.chain.size(); ++i)
        if (SSL_CTX_add1_chain_cert(context.get(), credentials.chain[i].get()) != 1) return refused("tls.cert");
    return context;
}

} // namespace sluice::net
