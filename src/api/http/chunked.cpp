#include "api/http/chunked.hpp"

#include <algorithm>

namespace sluice::http {

namespace {

int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool is_control(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; }

} // namespace

int ChunkedDecoder::size_byte(char c)
{
    if (++line_length_ > line_limit) return 400;
    if (c == '\r') {
        if (digits_ == 0) return 400;
        state_ = State::size_lf;
        return 0;
    }
    if (is_control(c)) return 400;
    if (in_extension_) return ++extension_total_ > extension_limit ? 400 : 0;
    if (c == ';') {
        if (digits_ == 0) return 400;
        in_extension_ = true;
        return 0;
    }
    const int digit = hex_digit(c);
    if (digit < 0 || ++digits_ > 8) return 400;
    left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
    return 0;
}

ChunkedDecoder::Progress ChunkedDecoder::feed(std::string_view bytes, std::string& body)
{
    Progress progress;
    const auto refuse = [&](int status) {
        progress.refuse = status;
        return progress;
    };
    while (progress.consumed < bytes.size() && state_ != State::done) {
        if (state_ == State::data) {
            const auto piece = bytes.substr(progress.consumed, static_cast<std::size_t>(left_));
            body.append(piece);
            progress.consumed += piece.size();
            left_ -= piece.size();
            if (left_ == 0) state_ = State::data_cr;
            continue;
        }
        const char c = bytes[progress.consumed++];
        switch (state_) {
        case State::size:
            if (const int status = size_byte(c); status != 0) return refuse(status);
            break;
        case State::size_lf:
            if (c != '\n') return refuse(400);
            if (left_ > body_limit_ - std::min(body_limit_, body.size())) return refuse(413);
            state_ = left_ == 0 ? State::trailer : State::data;
            line_length_ = digits_ = 0;
            in_extension_ = false;
            break;
        case State::data_cr:
            if (c != '\r') return refuse(400);
            state_ = State::data_lf;
            break;
        case State::data_lf:
            if (c != '\n') return refuse(400);
            state_ = State::size;
            break;
        case State::trailer:
            if (c == '\r') {
                state_ = State::trailer_lf;
                break;
            }
            if (is_control(c)) return refuse(400);
            ++line_length_;
            if (++trailer_total_ > trailer_limit) return refuse(400);
            break;
        case State::trailer_lf:
            if (c != '\n') return refuse(400);
            state_ = line_length_ == 0 ? State::done : State::trailer;
            line_length_ = 0;
            break;
        case State::data:
        case State::done: break;
        }
    }
    progress.done = state_ == State::done;
    return progress;
}

} // namespace sluice::http
