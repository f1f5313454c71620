// A few threads that run steps of sessions. The queue is bounded by the number of sessions: each has at most one step in it.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace sluice::hub {

class Pool {
public:
    explicit Pool(unsigned threads);
    ~Pool(); // calls stop()
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    void post(std::function<void()> step); // dropped after stop()
    void stop();                           // runs what is queued, then joins; twice is harmless

private:
    void run();

    std::mutex mutex_; // guards the two below
    std::condition_variable wake_;
    std::deque<std::function<void()>> steps_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

} // namespace sluice::hub
