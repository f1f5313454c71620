// Where this host keeps the certificates it trusts. A static OpenSSL knows only Debian's place, and says success when there is nothing.
#pragma once

#include "base/result.hpp"

#include <string>

struct ssl_ctx_st;

namespace sluice::net {

// The first readable of SSL_CERT_FILE and the places of Debian, Alpine, Arch, Fedora, RHEL, openSUSE. Errors: not_found "ca_bundle".
Result<std::string> find_ca_bundle();

// Loads it into a client context; an empty store is an error: not_found "ca_bundle".
Result<void> trust_system_certificates(ssl_ctx_st* context);

} // namespace sluice::net
