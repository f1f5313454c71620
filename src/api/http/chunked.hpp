// Decodes a chunked request body (RFC 9112 section 7.1) as it arrives. Strict: CRLF only, plain hexadecimal sizes, bounded
// extensions and trailers, which are read and dropped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::http {

class ChunkedDecoder {
public:
    explicit ChunkedDecoder(std::size_t body_limit) : body_limit_(body_limit) {}

    struct Progress {
        std::size_t consumed = 0; // of `bytes`; what is left belongs to the next request once done
        bool done = false;
        int refuse = 0; // 400 malformed, 413 above the limit
    };
    Progress feed(std::string_view bytes, std::string& body);

private:
    enum class State { size, size_lf, data, data_cr, data_lf, trailer, trailer_lf, done };
    int size_byte(char c);

    static constexpr std::size_t line_limit = 512;
    static constexpr std::size_t trailer_limit = 8 * 1024;
    static constexpr std::size_t extension_limit = 16 * 1024; // of all chunks together: nobody uses them but to waste our time

    std::size_t body_limit_;
    State state_ = State::size;
    std::uint64_t left_ = 0; // of the chunk
    std::size_t digits_ = 0; // of the size
    bool in_extension_ = false;
    std::size_t line_length_ = 0; // of the size line or the trailer line
    std::size_t trailer_total_ = 0;
    std::size_t extension_total_ = 0;
};

} // namespace sluice::http
