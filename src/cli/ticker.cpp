#include "cli/ticker.hpp"

#include "base/log.hpp"

#include <exception>

namespace sluice::cli {

Ticker::Ticker(const Clock& clock) : clock_(clock), thread_([this] { run(); }) {}

Ticker::~Ticker()
{
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        wake_.notify_all();
    }
    thread_.join();
}

void Ticker::every(Milliseconds interval, std::function<void()> chore)
{
    const std::lock_guard lock(mutex_);
    chores_.push_back({interval, clock_.steady(), std::move(chore)});
    wake_.notify_all();
}

void Ticker::run()
{
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        for (std::size_t i = 0; i < chores_.size() && !stopping_; ++i) {
            if (chores_[i].due > clock_.steady()) continue;
            chores_[i].due = clock_.steady() + chores_[i].interval;
            const auto work = chores_[i].work;
            lock.unlock();
            try {
                work();
            } catch (const std::exception& problem) {
                log::error("chore failed", {{"problem", problem.what()}});
            }
            lock.lock();
        }
        if (!stopping_) wake_.wait_for(lock, std::chrono::seconds(1));
    }
}

} // namespace sluice::cli
