// Messages in a stream of bytes: four bytes of length, most significant first, then that many bytes of text. No empty frames.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::link {

inline std::string frame(std::string_view text)
{
    std::string out;
    out.reserve(text.size() + 4);
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(text.size() >> static_cast<unsigned>(shift) & 0xffU);
    out.append(text);
    return out;
}

class FrameReader {
public:
    explicit FrameReader(std::size_t limit) : limit_(limit) {}

    void set_limit(std::size_t limit) { limit_ = limit; }

    void feed(std::string_view bytes) { held_.append(bytes); }

    enum class Next { frame, incomplete, broken }; // broken: an empty frame or one above the limit; nothing more is read
    Next next(std::string& text)
    {
        constexpr std::size_t head = 4;
        if (held_.size() - at_ < head) return keep();
        std::size_t length = 0;
        for (std::size_t i = 0; i < head; ++i) length = length << 8U | static_cast<std::uint8_t>(held_[at_ + i]);
        if (length == 0 || length > limit_) return Next::broken;
        if (held_.size() - at_ - head < length) return keep();
        text.assign(held_, at_ + head, length);
        at_ += head + length;
        return Next::frame;
    }

    std::size_t held() const { return held_.size() - at_; }

private:
    Next keep()
    {
        held_.erase(0, at_);
        at_ = 0;
        if (held_.empty()) held_.shrink_to_fit(); // an idle session holds no buffer
        return Next::incomplete;
    }

    std::size_t limit_;
    std::string held_;
    std::size_t at_ = 0; // of the first unread byte; moved to the front once per feed, not once per frame
};

} // namespace sluice::link
