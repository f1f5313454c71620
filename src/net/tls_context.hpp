// The certificate that the panel shows, and the OpenSSL context made of it: kept in a folder (cert.pem, key.pem mode 0600), made by
// ourselves at first boot, replaced without a restart. Knows nothing of HTTP.
#pragma once

#include "base/result.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

struct ssl_ctx_st;

namespace sluice::net {

struct CertificateInfo {
    std::string subject; // "CN=host,O=Sluice"
    std::string issuer;
    std::vector<std::string> names; // subject alternative names: DNS names and addresses
    WallTime not_before;
    WallTime not_after;
    std::string fingerprint;  // "sha256:" and 64 lower-case hex digits, of the leaf's DER
    std::string key_pin;      // "sha256//" and base64, of the leaf's public key, as curl --pinnedpubkey wants it
    bool self_signed = false; // browsers warn; no HSTS
    bool self_made = false;   // by us: renewed by us
};

// Thread-safe. Connections keep the context they began with.
class TlsContext {
public:
    // Loads `folder`, or makes a self-signed certificate there when it holds none or one of ours that is due. Errors: unavailable "file"; invalid "tls.cert" or
    // "tls.key" when what lies there does not parse or fit.
    static Result<std::shared_ptr<TlsContext>> open(std::string folder, const Clock& clock);

    // Reads the files again (SIGHUP). On an error the context in use stays.
    Result<void> reload();
    // Checks and stores an uploaded certificate (PEM chain, leaf first) and key, then uses it. Nothing changes on an error: invalid
    // "tls.cert" (not PEM, empty, expired, not yet valid), invalid "tls.key" (not PEM, encrypted, does not fit).
    Result<void> install(std::string_view certificates_pem, const Secret& key_pem);
    Result<void> make_self_signed(); // replaces whatever is there
    // Replaces a certificate of our own making that has less than 30 days left; true when it did. Else reads the files again: a
    // certificate that another program has replaced is used without a signal, and the keys of session tickets, which each context makes
    // for itself, do not live as long as the process. Call it twice a day.
    Result<bool> renew_if_due();

    CertificateInfo info() const;
    std::shared_ptr<ssl_ctx_st> current() const; // for new connections

private:
    TlsContext(std::string folder, const Clock& clock) : folder_(std::move(folder)), clock_(&clock) {}
    Result<void> use(std::string_view certificates_pem, const std::string& key_pem);

    const std::string folder_;
    const Clock* clock_;
    std::mutex changing_;      // one replacement at a time; taken before mutex_
    mutable std::mutex mutex_; // guards the fields below
    std::shared_ptr<ssl_ctx_st> context_;
    CertificateInfo info_;
};

} // namespace sluice::net
