#include "forward/worker.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <fcntl.h>
#include <pthread.h>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sluice::forward {

Worker::Worker(unsigned index, const Clock& clock, Milliseconds tick, DescriptorBudget& budget)
    : index_(index),
      clock_(clock),
      tick_(tick),
      budget_(budget),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      spare_(::open("/dev/null", O_RDONLY | O_CLOEXEC)),
      scratch_(std::make_unique<char[]>(scratch_size)),
      pipes_(budget),
      now_(clock.steady())
{
    if (!epoll_ || !wake_) throw std::runtime_error(std::string{"event loop: "} + std::strerror(errno));
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    event.data.ptr = &wake_source_;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event);
    thread_ = std::thread([this] { run(); });
}

Worker::~Worker() { stop(); }

void Worker::post(std::function<void()> command)
{
    {
        const std::lock_guard lock(mutex_);
        commands_.push_back(std::move(command));
    }
    const std::uint64_t one = 1;
    // The eventfd is never near its maximum, so the write cannot fail in a way that loses the wake-up.
    if (::write(wake_.get(), &one, sizeof one) < 0) log::debug("event loop not woken", {{"problem", std::strerror(errno)}});
}

void Worker::call(std::function<void()> command)
{
    struct Done {
        std::mutex mutex;
        std::condition_variable changed;
        bool value = false;
    };
    const auto done = std::make_shared<Done>();
    post([command = std::move(command), done] {
        command();
        const std::lock_guard lock(done->mutex);
        done->value = true;
        done->changed.notify_all();
    });
    std::unique_lock lock(done->mutex);
    done->changed.wait(lock, [&] { return done->value; });
}

void Worker::stop()
{
    if (!thread_.joinable()) return;
    post([this] { stopping_ = true; });
    thread_.join();
}

bool Worker::add(int descriptor, std::uint32_t events, Handler::Source& source)
{
    epoll_event event{};
    event.events = events | EPOLLET;
    event.data.ptr = &source;
    return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event) == 0;
}

void Worker::run_again(Handler& handler)
{
    if (handler.queued_) return;
    handler.queued_ = true;
    run_queue_.push_back(&handler);
}

void Worker::tick_me(Handler& handler, bool wanted)
{
    if (wanted)
        ticking_.emplace(&handler, true);
    else
        ticking_.erase(&handler);
}

void Worker::wake_at(Handler& handler, SteadyTime time)
{
    if (handler.alarm_ && handler.alarm_->first <= time) return;
    drop_alarm(handler);
    handler.alarm_ = {time, next_alarm_++};
    alarms_.emplace(*handler.alarm_, &handler);
}

void Worker::drop_alarm(Handler& handler)
{
    if (!handler.alarm_) return;
    alarms_.erase(*handler.alarm_);
    handler.alarm_.reset();
}

void Worker::ring_alarms()
{
    while (!alarms_.empty() && alarms_.begin()->first.first <= now_) {
        auto& handler = *alarms_.begin()->second;
        drop_alarm(handler);
        run_again(handler);
    }
}

int Worker::patience(std::chrono::steady_clock::time_point next_tick) const
{
    if (!run_queue_.empty()) return 0;
    // The wait is real time; deadlines are the clock's. A held clock is looked at once per tick, or as often as an alarm is away.
    auto left = next_tick - std::chrono::steady_clock::now();
    if (!alarms_.empty()) left = std::min(left, alarms_.begin()->first.first - clock_.steady());
    return static_cast<int>(std::clamp<std::int64_t>(std::chrono::ceil<Milliseconds>(left).count(), 0, tick_.count()));
}

void Worker::bury(std::unique_ptr<Handler> handler)
{
    drop_alarm(*handler);
    ticking_.erase(handler.get());
    // Emptied in place: the round that is running may hold an index into either queue.
    std::replace(run_queue_.begin(), run_queue_.end(), handler.get(), static_cast<Handler*>(nullptr));
    std::replace(this_round_.begin(), this_round_.end(), handler.get(), static_cast<Handler*>(nullptr));
    graveyard_.push_back(std::move(handler));
}

bool Worker::may_open(std::uint64_t more)
{
    const bool full = budget_.exhausted(more);
    if ((full || budget_.near()) && (said_shortage_ == SteadyTime{} || now_ - said_shortage_ >= Seconds{10})) {
        said_shortage_ = now_;
        log::warning(full ? "no descriptor left: connections are refused" : "descriptors run short",
                     {{"used", budget_.used.load(std::memory_order_relaxed)}, {"limit", budget_.limit}});
    }
    return !full;
}

void Worker::refuse_one(int listener)
{
    spare_.reset();
    Descriptor refused(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    close_with_reset(refused);
    spare_ = Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

void Worker::run_commands()
{
    std::uint64_t count = 0;
    while (::read(wake_.get(), &count, sizeof count) > 0) {}
    std::vector<std::function<void()>> commands;
    {
        const std::lock_guard lock(mutex_);
        commands.swap(commands_);
    }
    for (auto& command : commands) command();
}

void Worker::run()
{
    ::pthread_setname_np(::pthread_self(), ("forward-" + std::to_string(index_)).substr(0, 15).c_str());
    std::array<epoll_event, 512> events{};
    auto real_tick = std::chrono::steady_clock::now();
    while (!stopping_) {
        const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), patience(real_tick + tick_));
        now_ = clock_.steady();
        ring_alarms();
        bool commanded = false;
        for (int i = 0; i < count; ++i) {
            auto* source = static_cast<Handler::Source*>(events[static_cast<std::size_t>(i)].data.ptr);
            if (source == &wake_source_)
                commanded = true;
            else if (source->handler != nullptr) // dead ones are kept until the round is over
                source->handler->on_event(source->which, events[static_cast<std::size_t>(i)].events);
        }
        if (!run_queue_.empty()) {
            this_round_.swap(run_queue_);
            for (std::size_t i = 0; i < this_round_.size(); ++i) {
                auto* handler = this_round_[i];
                if (handler == nullptr) continue;
                handler->queued_ = false;
                handler->on_turn();
            }
            this_round_.clear();
        }
        if (commanded) run_commands();
        const auto real_now = std::chrono::steady_clock::now();
        if (real_now >= real_tick + tick_) {
            real_tick = real_now;
            std::vector<Handler*> due;
            due.reserve(ticking_.size());
            for (const auto& [handler, wanted] : ticking_) due.push_back(handler);
            for (auto* handler : due) {
                if (ticking_.contains(handler)) handler->on_tick(now_);
            }
        }
        graveyard_.clear();
    }
    run_commands();
    graveyard_.clear();
}

} // namespace sluice::forward
