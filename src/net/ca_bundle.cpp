#include "net/ca_bundle.hpp"

#include <openssl/ssl.h>

#include <array>
#include <cstdlib>
#include <unistd.h>

namespace sluice::net {

Result<std::string> find_ca_bundle()
{
    constexpr std::array<const char*, 6> places{
        "/etc/ssl/certs/ca-certificates.crt",                // Debian, Ubuntu, Alpine, Arch
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // Fedora, RHEL
        "/etc/pki/tls/certs/ca-bundle.crt",                  // older Fedora, RHEL
        "/etc/ssl/ca-bundle.pem",                            // openSUSE
        "/etc/ssl/cert.pem",                                 // Alpine, BSDs
        "/etc/ssl/certs/ca-bundle.crt",
    };
    if (const char* chosen = std::getenv("SSL_CERT_FILE"); chosen != nullptr && ::access(chosen, R_OK) == 0) return std::string{chosen};
    for (const auto* place : places) {
        if (::access(place, R_OK) == 0) return std::string{place};
    }
    return make_error(Errc::not_found, "ca_bundle", "no file with trusted certificates on this host");
}

Result<void> trust_system_certificates(ssl_ctx_st* context)
{
    const auto file = find_ca_bundle();
    if (!file) return file.error();
    if (SSL_CTX_load_verify_locations(context, file->c_str(), nullptr) != 1 ||
        sk_X509_OBJECT_num(X509_STORE_get0_objects(SSL_CTX_get_cert_store(context))) == 0)
        return make_error(Errc::not_found, "ca_bundle", *file + " holds no certificate", {*file});
    return {};
}

} // namespace sluice::net
