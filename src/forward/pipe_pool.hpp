// Pipes for splice(2). Big ones make splicing cheap (a slot holds one segment), but a user may own only so many, so they are borrowed while
// bytes are in flight and come back empty.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace sluice::forward {

struct Pipe {
    int read_end = -1;
    int write_end = -1;
    std::size_t capacity = 0;
    explicit operator bool() const { return read_end >= 0; }
};

// Used by one thread.
class PipePool {
public:
    PipePool() = default;
    ~PipePool();
    PipePool(const PipePool&) = delete;
    PipePool& operator=(const PipePool&) = delete;

    Pipe take();             // an empty pipe; none when the system gives none or this pool lent its maximum
    void give(Pipe pipe);    // must be empty
    void discard(Pipe pipe); // bytes may be left in it

private:
    static constexpr std::size_t lent_at_most = 512;
    static constexpr std::size_t kept_at_most = 32;
    std::vector<Pipe> idle_;
    std::size_t lent_ = 0;
};

} // namespace sluice::forward
