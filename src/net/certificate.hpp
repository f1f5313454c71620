// Certificates and keys as values: made, read, checked, described. No files, no sockets, no clock of its own.
#pragma once

#include "base/address.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"
#include "net/tls_context.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct x509_st;
struct evp_pkey_st;
struct ssl_ctx_st;

namespace sluice::net {

struct PemPair {
    std::string certificates; // leaf first
    Secret key;
};

// A self-signed certificate for these names and addresses: ECDSA P-256, valid from a day before `now` for 825 days, a server's and
// nothing else. Throws std::runtime_error when OpenSSL fails, which is a bug.
PemPair make_self_signed_pair(const std::vector<std::string>& names, const std::vector<IpAddress>& addresses, WallTime now);

// A chain and its key, parsed and found to belong together.
struct Credentials {
    std::vector<std::shared_ptr<x509_st>> chain; // leaf first, at least one
    std::shared_ptr<evp_pkey_st> key;
    CertificateInfo info;
};

// Errors: invalid "tls.cert", invalid "tls.key".
Result<Credentials> parse_credentials(std::string_view certificates_pem, const Secret& key_pem);

// Errors: invalid "tls.cert" when it is expired or not valid yet.
Result<void> check_validity(const CertificateInfo& info, WallTime now);

// A server context: TLS 1.2 and later, HTTP/1.1 by ALPN, no renegotiation, small idle connections.
Result<std::shared_ptr<ssl_ctx_st>> make_server_context(const Credentials& credentials);

} // namespace sluice::net
