// What a static executable must do before anything else, so that the host's shared libraries stay outside.
#include "cli/static_fixes.hpp"

#include <malloc.h>
#include <openssl/crypto.h>

// glibc's; no header declares it.
extern "C" int __nss_configure_lookup(const char*, const char*); // NOLINT(bugprone-reserved-identifier)

namespace sluice::cli {

namespace {

// OpenSSL reads the host's openssl.cnf before main() and would load the providers named there. Priority 101 runs before any other
// constructor that touches OpenSSL.
__attribute__((constructor(101))) void without_host_configuration() { OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr); }

} // namespace

void keep_to_ourselves()
{
    // nsswitch.conf may name modules (mymachines, resolve, myhostname) of another glibc; loading one crashes a static program.
    __nss_configure_lookup("hosts", "files dns");
    __nss_configure_lookup("passwd", "files");
    __nss_configure_lookup("group", "files");
}

void keep_memory_small()
{
    // A password check takes 19 MB for a moment. glibc would learn from its being freed to keep blocks of that size, in an arena for
    // each thread that ever checked one: 150 MB that nobody uses. A fixed threshold gives large blocks back at once.
    ::mallopt(M_MMAP_THRESHOLD, 256 * 1024);
    ::mallopt(M_TRIM_THRESHOLD, 1024 * 1024);
    ::mallopt(M_ARENA_MAX, 4);
}

} // namespace sluice::cli
