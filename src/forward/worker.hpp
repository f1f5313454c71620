// One event loop: edge-triggered epoll on one thread. Everything registered here is used by this thread alone, so nothing here is
// locked; other threads hand in commands and may wait for them.
#pragma once

#include "base/time.hpp"
#include "forward/descriptor_budget.hpp"
#include "forward/pipe_pool.hpp"
#include "forward/sockets.hpp"
#include "plan/plan.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

namespace sluice::forward {

class Worker;

// Something with descriptors in the loop. `source` tells a handler with several descriptors which one it is.
class Handler {
public:
    struct Source {
        Handler* handler = nullptr;
        int which = 0;
    };
    virtual ~Handler() = default;
    virtual void on_event(int which, std::uint32_t events) = 0;
    virtual void on_turn() {}           // asked for by Worker::run_again or Worker::wake_at
    virtual void on_tick(SteadyTime) {} // about once a second, for those that asked with Worker::tick_me

protected:
    bool queued_ = false;                                       // in the run queue
    std::optional<std::pair<SteadyTime, std::uint64_t>> alarm_; // place among the alarms
    friend class Worker;
};

class Worker {
public:
    static constexpr std::size_t scratch_size = 128 * 1024;

    Worker(unsigned index, const Clock& clock, Milliseconds tick, DescriptorBudget& budget);
    ~Worker(); // joins; handlers must be gone

    // From any thread: runs `command` on the loop. call() waits until it has run.
    void post(std::function<void()> command);
    void call(std::function<void()> command);
    void stop(); // ends the loop and joins

    // The rest is for the loop's own thread.
    bool add(int descriptor, std::uint32_t events, Handler::Source& source); // EPOLLET is added
    void run_again(Handler& handler);                                        // another turn after everybody else had one
    void tick_me(Handler& handler, bool wanted);
    void wake_at(Handler& handler, SteadyTime time); // a turn then, to the millisecond; of several times the earliest counts
    void bury(std::unique_ptr<Handler> handler);     // deleted when no event of this round can mean it

    SteadyTime now() const { return now_; }
    unsigned index() const { return index_; }
    char* scratch() { return scratch_.get(); }
    PipePool& pipes() { return pipes_; }
    DescriptorBudget& budget() { return budget_; }
    // Room for `more` descriptors? Says in the log when the limit is near or reached, at most every ten seconds.
    bool may_open(std::uint64_t more);
    // Gives up a spare descriptor for a moment to accept and reset one client: without it a full process could not even refuse.
    void refuse_one(int listener);
    bool on_loop() const { return std::this_thread::get_id() == thread_.get_id(); }

private:
    void run();
    void run_commands();
    int patience(std::chrono::steady_clock::time_point next_tick) const; // milliseconds for epoll_wait
    void ring_alarms();
    void drop_alarm(Handler& handler);

    const unsigned index_;
    const Clock& clock_;
    const Milliseconds tick_;
    DescriptorBudget& budget_;
    Descriptor epoll_;
    Descriptor wake_;
    Descriptor spare_;
    SteadyTime said_shortage_{};
    Handler::Source wake_source_;
    std::unique_ptr<char[]> scratch_;
    PipePool pipes_;
    SteadyTime now_;
    std::vector<Handler*> run_queue_;
    std::vector<Handler*> this_round_;
    std::unordered_map<Handler*, bool> ticking_;
    // Equal times keep their order: who waited first is served first, so that many who share a speed limit take turns.
    std::map<std::pair<SteadyTime, std::uint64_t>, Handler*> alarms_;
    std::uint64_t next_alarm_ = 0;
    std::vector<std::unique_ptr<Handler>> graveyard_;
    bool stopping_ = false;

    std::mutex mutex_; // guards commands_
    std::vector<std::function<void()>> commands_;
    std::thread thread_;
};

} // namespace sluice::forward
