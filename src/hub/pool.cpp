#include "hub/pool.hpp"

#include <utility>

namespace sluice::hub {

Pool::Pool(unsigned threads)
{
    for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

Pool::~Pool() { stop(); }

void Pool::post(std::function<void()> step)
{
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) return;
        steps_.push_back(std::move(step));
    }
    wake_.notify_one();
}

void Pool::stop()
{
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    for (auto& thread : threads_) {
        if (thread.joinable()) thread.join();
    }
}

void Pool::run()
{
    std::unique_lock lock(mutex_);
    for (;;) {
        wake_.wait(lock, [this] { return stopping_ || !steps_.empty(); });
        if (steps_.empty()) return;
        auto step = std::move(steps_.front());
        steps_.pop_front();
        lock.unlock();
        step();
        step = nullptr; // what it held goes without the lock
        lock.lock();
    }
}

} // namespace sluice::hub
