// WebSocket framing (RFC 6455 sections 5 and 7) as bytes in, events out: no sockets, no time. Both ends use it: the server
// demands masked frames, a client demands unmasked ones. Every message and every buffer is bounded.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::net {

enum class WsRole { server, client };

struct WsEvent {
    enum class Kind { text, binary, ping, pong, close };
    Kind kind = Kind::text;
    std::string data;       // of a close: the reason
    std::uint16_t code = 0; // of a close: 1005 when the peer gave none
};

class WsReader {
public:
    WsReader(WsRole role, std::size_t message_limit) : role_(role), message_limit_(message_limit) {}

    // Appends what is complete. Returns 0, or the close code to answer with when the peer broke the protocol (1002, 1007, 1009):
    // after that, and after a close event, nothing more is read.
    std::uint16_t feed(std::string_view bytes, std::vector<WsEvent>& events);

    // Bytes held for an unfinished message.
    std::size_t held() const { return message_.size() + control_.size(); }

private:
    std::size_t header_size() const; // of the frame whose first bytes are in header_; 2 until the second is known
    std::uint16_t begin_frame();
    std::uint16_t end_frame(std::vector<WsEvent>& events);
    std::uint16_t end_control(std::vector<WsEvent>& events);
    bool is_control() const { return (opcode_ & 0x8U) != 0; }

    WsRole role_;
    std::size_t message_limit_;
    std::array<std::uint8_t, 14> header_{};
    std::size_t header_have_ = 0;
    bool in_payload_ = false;
    bool ended_ = false;
    unsigned opcode_ = 0;
    bool final_ = false;
    std::uint64_t left_ = 0; // payload bytes still to come
    std::array<std::uint8_t, 4> mask_{};
    std::size_t mask_at_ = 0;
    unsigned message_opcode_ = 0; // of the fragmented message in progress, 0 when none
    std::string message_;
    std::string control_;
};

enum class WsOpcode : std::uint8_t { text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

// One final frame. A client gives a fresh random mask, a server none.
std::string ws_encode(WsOpcode opcode, std::string_view payload, std::optional<std::array<std::uint8_t, 4>> mask = {});

// The payload of a close frame; the reason is cut at 123 bytes on a character boundary.
std::string ws_close_payload(std::uint16_t code, std::string_view reason);

// Whether a peer may send this close code (RFC 6455 section 7.4).
bool ws_is_close_code(std::uint16_t code);

// The Sec-WebSocket-Accept of a Sec-WebSocket-Key; empty when the key is not 16 bytes in base64.
std::string ws_accept_key(std::string_view key);

} // namespace sluice::net
