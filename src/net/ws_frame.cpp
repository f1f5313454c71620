#include "net/ws_frame.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <openssl/evp.h>

namespace sluice::net {

namespace {

constexpr std::uint16_t protocol_error = 1002;
constexpr std::uint16_t no_code = 1005;
constexpr std::uint16_t bad_data = 1007;
constexpr std::uint16_t too_big = 1009;
constexpr std::size_t control_limit = 125;

} // namespace

std::size_t WsReader::header_size() const
{
    if (header_have_ < 2) return 2;
    const unsigned length = header_[1] & 0x7fU;
    return 2U + (length == 126 ? 2U : length == 127 ? 8U : 0U) + ((header_[1] & 0x80U) != 0 ? 4U : 0U);
}

// Checks what two bytes tell before more is read, so that garbage fails at once.
std::uint16_t WsReader::begin_frame()
{
    final_ = (header_[0] & 0x80U) != 0;
    opcode_ = header_[0] & 0x0fU;
    const bool masked = (header_[1] & 0x80U) != 0;
    const unsigned length = header_[1] & 0x7fU;
    if ((header_[0] & 0x70U) != 0) return protocol_error; // no extension was agreed
    if (masked != (role_ == WsRole::server)) return protocol_error;
    if (opcode_ > 10 || (opcode_ > 2 && opcode_ < 8)) return protocol_error;
    if (is_control()) return final_ && length <= control_limit ? std::uint16_t{0} : protocol_error;
    const bool continues = opcode_ == 0;
    return continues == (message_opcode_ != 0) ? std::uint16_t{0} : protocol_error;
}

std::uint16_t WsReader::feed(std::string_view bytes, std::vector<WsEvent>& events)
{
    while (!ended_) {
        if (!in_payload_) {
            if (bytes.empty()) return 0;
            header_[header_have_++] = static_cast<std::uint8_t>(bytes.front());
            bytes.remove_prefix(1);
            if (header_have_ == 2) {
                if (const auto problem = begin_frame(); problem != 0) {
                    ended_ = true;
                    return problem;
                }
            }
            if (header_have_ < header_size()) continue;
            const unsigned length = header_[1] & 0x7fU;
            const std::size_t extended = length == 126 ? 2 : length == 127 ? 8 : 0;
            left_ = length;
            if (extended != 0) {
                left_ = 0;
                for (std::size_t i = 0; i < extended; ++i) left_ = left_ << 8U | header_[2 + i];
            }
            const bool longer_than_needed = (extended == 2 && left_ < 126) || (extended == 8 && (left_ < 65'536 || left_ >> 63U != 0));
            const bool over = !is_control() && left_ > message_limit_ - std::min(message_limit_, message_.size());
            if (longer_than_needed || over) {
                ended_ = true;
                return longer_than_needed ? protocol_error : too_big;
            }
            if (role_ == WsRole::server) std::copy_n(header_.begin() + 2 + static_cast<std::ptrdiff_t>(extended), 4, mask_.begin());
            mask_at_ = 0;
            in_payload_ = true;
        }
        const auto piece = bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size())));
        auto& into = is_control() ? control_ : message_;
        const auto start = into.size();
        into.append(piece);
        if (role_ == WsRole::server)
            for (std::size_t i = start; i < into.size(); ++i)
                into[i] = static_cast<char>(static_cast<std::uint8_t>(into[i]) ^ mask_[mask_at_++ & 3U]);
        bytes.remove_prefix(piece.size());
        left_ -= piece.size();
        if (left_ != 0) return 0;
        in_payload_ = false;
        header_have_ = 0;
        if (const auto problem = end_frame(events); problem != 0) {
            ended_ = true;
            return problem;
        }
    }
    return 0;
}

std::uint16_t WsReader::end_frame(std::vector<WsEvent>& events)
{
    if (is_control()) return end_control(events);
    if (opcode_ != 0) message_opcode_ = opcode_;
    if (!final_) return 0;
    const bool is_text = message_opcode_ == 1;
    message_opcode_ = 0;
    if (is_text && !is_utf8(message_)) return bad_data;
    events.push_back({is_text ? WsEvent::Kind::text : WsEvent::Kind::binary, std::move(message_), 0});
    message_ = {};
    return 0;
}

std::uint16_t WsReader::end_control(std::vector<WsEvent>& events)
{
    WsEvent event;
    event.data = std::move(control_);
    control_ = {};
    if (opcode_ == 8) {
        event.kind = WsEvent::Kind::close;
        event.code = no_code;
        if (event.data.size() == 1) return protocol_error;
        if (event.data.size() >= 2) {
            event.code = static_cast<std::uint16_t>(static_cast<std::uint8_t>(event.data[0]) << 8U | static_cast<std::uint8_t>(event.data[1]));
            event.data.erase(0, 2);
            if (!ws_is_close_code(event.code)) return protocol_error;
            if (!is_utf8(event.data)) return bad_data;
        }
        ended_ = true;
    } else {
        event.kind = opcode_ == 9 ? WsEvent::Kind::ping : WsEvent::Kind::pong;
    }
    events.push_back(std::move(event));
    return 0;
}

std::string ws_encode(WsOpcode opcode, std::string_view payload, std::optional<std::array<std::uint8_t, 4>> mask)
{
    std::string frame;
    frame.reserve(payload.size() + 14);
    frame += static_cast<char>(0x80U | static_cast<unsigned>(opcode));
    const unsigned masked = mask ? 0x80U : 0U;
    const auto push_length = [&](unsigned bytes) {
        for (unsigned i = bytes; i-- > 0;) frame += static_cast<char>(static_cast<std::uint64_t>(payload.size()) >> (8U * i) & 0xffU);
    };
    if (payload.size() < 126) {
        frame += static_cast<char>(masked | payload.size());
    } else if (payload.size() < 65'536) {
        frame += static_cast<char>(masked | 126U);
        push_length(2);
    } else {
        frame += static_cast<char>(masked | 127U);
        push_length(8);
    }
    if (!mask) {
        frame.append(payload);
        return frame;
    }
    for (const auto byte : *mask) frame += static_cast<char>(byte);
    for (std::size_t i = 0; i < payload.size(); ++i) frame += static_cast<char>(static_cast<std::uint8_t>(payload[i]) ^ (*mask)[i & 3U]);
    return frame;
}

std::string ws_close_payload(std::uint16_t code, std::string_view reason)
{
    constexpr std::size_t reason_limit = control_limit - 2;
    if (reason.size() > reason_limit) {
        auto end = reason_limit;
        while (end > 0 && (static_cast<std::uint8_t>(reason[end]) & 0xc0U) == 0x80U) --end;
        reason = reason.substr(0, end);
    }
    std::string payload;
    payload += static_cast<char>(code >> 8U);
    payload += static_cast<char>(code & 0xffU);
    payload.append(reason);
    return payload;
}

bool ws_is_close_code(std::uint16_t code)
{
    if (code >= 3000 && code <= 4999) return true;
    return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

std::string ws_accept_key(std::string_view key)
{
    const auto decoded = from_base64(key);
    if (!decoded || decoded->size() != 16) return {};
    const std::string text = std::string{key} + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    if (EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_sha1(), nullptr) != 1) return {};
    return to_base64({reinterpret_cast<const char*>(digest.data()), length});
}

} // namespace sluice::net
