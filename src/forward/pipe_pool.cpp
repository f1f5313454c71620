#include "forward/pipe_pool.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace sluice::forward {

namespace {

// Measured: 64 KB pipes cost 0.21 s/GB, 256 KB 0.16, 1 MB 0.12.
constexpr int wanted_sizes[] = {1024 * 1024, 256 * 1024};

void close_both(const Pipe& pipe)
{
    ::close(pipe.read_end);
    ::close(pipe.write_end);
}

} // namespace

PipePool::~PipePool()
{
    for (const auto& pipe : idle_) close_both(pipe);
}

Pipe PipePool::take()
{
    if (lent_ >= lent_at_most) return {};
    if (!idle_.empty()) {
        const Pipe pipe = idle_.back();
        idle_.pop_back();
        ++lent_;
        return pipe;
    }
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return {};
    Pipe pipe{ends[0], ends[1], 64 * 1024};
    for (const int size : wanted_sizes) {
        const int got = ::fcntl(pipe.write_end, F_SETPIPE_SZ, size);
        if (got <= 0) continue;
        pipe.capacity = static_cast<std::size_t>(got);
        break;
    }
    ++lent_;
    return pipe;
}

void PipePool::give(Pipe pipe)
{
    --lent_;
    if (idle_.size() < kept_at_most)
        idle_.push_back(pipe);
    else
        close_both(pipe);
}

void PipePool::discard(Pipe pipe)
{
    --lent_;
    close_both(pipe);
}

} // namespace sluice::forward
