// Bytes that wait for a slow reader. Bounded by whoever fills it: what it holds was paid with credit.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>

namespace sluice::tunnel {

class ByteQueue {
public:
    bool empty() const { return size() == 0; }
    std::size_t size() const { return bytes_.size() - at_; }
    std::span<const char> front() const { return {bytes_.data() + at_, size()}; }

    void push(std::span<const char> more)
    {
        if (at_ > 0 && at_ >= size()) {
            bytes_.erase(0, at_);
            at_ = 0;
        }
        bytes_.append(more.data(), more.size());
    }
    void pop(std::size_t count)
    {
        at_ += count;
        if (at_ < bytes_.size()) return;
        bytes_.clear();
        at_ = 0;
        if (bytes_.capacity() > 64 * 1024) bytes_.shrink_to_fit();
    }
    std::size_t pop_into(std::span<char> into)
    {
        const auto count = std::min(into.size(), size());
        std::memcpy(into.data(), bytes_.data() + at_, count);
        pop(count);
        return count;
    }
    void clear() { pop(size()); }

private:
    std::string bytes_;
    std::size_t at_ = 0;
};

} // namespace sluice::tunnel
