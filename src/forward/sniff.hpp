// Which protocol does a client speak, by its first bytes? For nodes that refuse to carry some.
#pragma once

#include "plan/plan.hpp"

#include <string_view>

namespace sluice::forward {

enum class Sniffed { undecided, http, tls, socks, other };

// HTTP/1 request methods and the HTTP/2 preface, a TLS handshake record (RFC 8446), a SOCKS 4 or 5 greeting (RFC 1928). `undecided`: more
// bytes are needed.
Sniffed sniff(std::string_view first_bytes);

// What to do with a client that has said these bytes. `wait`: they may yet become a protocol that is blocked.
enum class Verdict { pass, block, wait };
Verdict judge(const plan::ProtocolBlocks& blocks, std::string_view first_bytes);

inline bool any(const plan::ProtocolBlocks& blocks) { return blocks.http || blocks.tls || blocks.socks; }

} // namespace sluice::forward
