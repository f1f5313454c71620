// Pipes for splice(2). Big ones make splicing cheap (a slot holds one segment), but a user may own only so many, so they are borrowed while
// bytes are in flight and come back empty.
#pragma once

#include "forward/descriptor_budget.hpp"

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
    explicit PipePool(DescriptorBudget& budget) : budget_(budget) {}
    ~PipePool();
    PipePool(const PipePool&) = delete;
    PipePool& operator=(const PipePool&) = delete;

    Pipe take();             // an empty pipe; none when the system gives none worth having or this pool lent its maximum
    void give(Pipe pipe);    // must be empty
    void discard(Pipe pipe); // bytes may be left in it

private:
    static constexpr std::size_t lent_at_most = 512;
    static constexpr std::size_t kept_at_most = 32;
    static constexpr unsigned pause_after_refusal = 256; // takes that are answered without asking the system again

    Pipe open();
    void close(const Pipe& pipe);

    DescriptorBudget& budget_;
    std::vector<Pipe> idle_;
    std::size_t lent_ = 0;
    unsigned pause_ = 0;
};

} // namespace sluice::forward
