// A fixed number of threads with a bounded queue, for work that may block. When the queue is full the caller hears "no"
// at once: overload becomes a 503, never memory.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace sluice::http {

class WorkerPool {
public:
    // `name` is at most 15 characters (it names the threads).
    WorkerPool(std::string name, std::size_t threads, std::size_t queue_limit);
    ~WorkerPool(); // calls stop()
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;

    // False when the queue is full or the pool stopped. A task must not throw; one that does is logged and dropped.
    [[nodiscard]] bool submit(std::function<void()> task);
    // For work that must not be lost, such as a goodbye: accepted above the limit too. The caller bounds it otherwise.
    // False only when the pool stopped.
    bool submit_always(std::function<void()> task);
    void stop(); // runs what is queued, then joins; twice is harmless; not from a task

    std::size_t queued() const;
    std::size_t threads() const { return threads_.size(); }

private:
    void work();

    const std::string name_;
    const std::size_t queue_limit_;
    mutable std::mutex mutex_; // guards queue_ and stopping_
    std::condition_variable wake_;
    std::deque<std::function<void()>> queue_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

} // namespace sluice::http
