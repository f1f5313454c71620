#include "api/http/worker_pool.hpp"

#include "base/log.hpp"

#include <exception>
#include <pthread.h>

namespace sluice::http {

WorkerPool::WorkerPool(std::string name, std::size_t threads, std::size_t queue_limit) : name_(std::move(name)), queue_limit_(queue_limit)
{
    threads_.reserve(threads);
    for (std::size_t i = 0; i < threads; ++i) {
        threads_.emplace_back([this] { work(); });
        ::pthread_setname_np(threads_.back().native_handle(), name_.substr(0, 15).c_str());
    }
}

WorkerPool::~WorkerPool() { stop(); }

bool WorkerPool::submit(std::function<void()> task)
{
    {
        const std::lock_guard lock(mutex_);
        if (stopping_ || queue_.size() >= queue_limit_) return false;
        queue_.push_back(std::move(task));
    }
    wake_.notify_one();
    return true;
}

bool WorkerPool::submit_always(std::function<void()> task)
{
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) return false;
        queue_.push_back(std::move(task));
    }
    wake_.notify_one();
    return true;
}

void WorkerPool::stop()
{
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    for (auto& thread : threads_)
        if (thread.joinable()) thread.join();
}

std::size_t WorkerPool::queued() const
{
    const std::lock_guard lock(mutex_);
    return queue_.size();
}

void WorkerPool::work()
{
    std::unique_lock lock(mutex_);
    for (;;) {
        wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        if (queue_.empty()) return; // stopping, and everything that was queued has run
        auto task = std::move(queue_.front());
        queue_.pop_front();
        lock.unlock();
        try {
            task();
        } catch (const std::exception& problem) {
            log::error("worker task failed", {{"pool", name_}, {"problem", problem.what()}});
        } catch (...) {
            log::error("worker task failed", {{"pool", name_}});
        }
        task = nullptr; // what it captured dies outside the lock
        lock.lock();
    }
}

} // namespace sluice::http
