// First lines of main().
#pragma once

namespace sluice::cli {

// Names are looked up by files and DNS only; the host's name service modules are never loaded. Linking this file also keeps OpenSSL
// from reading the host's configuration.
void keep_to_ourselves();

// Memory that is freed goes back to the system instead of waiting in the thread that used it.
void keep_memory_small();

} // namespace sluice::cli
