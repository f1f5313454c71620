// Chores by the clock, on one thread: each runs once at the start and then at its interval. A chore that throws is said and tried again.
#pragma once

#include "base/time.hpp"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace sluice::cli {

class Ticker {
public:
    explicit Ticker(const Clock& clock);
    ~Ticker(); // waits for the chore that runs

    void every(Milliseconds interval, std::function<void()> chore);

private:
    struct Chore {
        Milliseconds interval;
        SteadyTime due;
        std::function<void()> work;
    };
    void run();

    const Clock& clock_;
    std::mutex mutex_; // guards chores_ and stopping_
    std::condition_variable wake_;
    std::vector<Chore> chores_;
    bool stopping_ = false;
    std::thread thread_;
};

} // namespace sluice::cli
