// The HTTP/1.1 request and answer that turn a connection into a WebSocket (RFC 6455 section 4), as bytes in and out. Just enough of HTTP for the two
// of us and a reverse proxy between: heads are bounded, bodies do not exist.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::tunnel {

inline constexpr std::size_t most_head = 16 * 1024;

struct UpgradeHead {
    std::size_t size = 0;   // of the head with its empty line
    bool valid = false;     // a WebSocket request, or the answer to ours
    std::string accept_key; // of a request: what the answer must say
};

// Absent while the head is not complete.
std::optional<UpgradeHead> read_upgrade_request(std::string_view bytes);
std::optional<UpgradeHead> read_upgrade_answer(std::string_view bytes, std::string_view accept_key);

std::string upgrade_request(std::string_view host, std::string_view path, std::string_view key); // key: 16 bytes in base64
std::string upgrade_answer(std::string_view accept_key);
std::string upgrade_refusal(); // what somebody sees who is not one of us

} // namespace sluice::tunnel
