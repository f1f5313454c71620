#include "cli/local_node.hpp"

#include "hub/session.hpp"

#include <algorithm>
#include <utility>

namespace sluice::cli {

LocalNode::LocalNode(agent::Agent& agent, const Clock& clock) : agent_(agent), clock_(clock) {}

LocalNode::~LocalNode() { dismiss(link::Farewell::stopping); }

void LocalNode::start(hub::Hub& hub, NodeId node)
{
    hub_ = &hub;
    {
        const std::lock_guard lock(mutex_);
        stopping_ = false;
        tasks_.clear();
    }
    reporter_.emplace(agent_, clock_.steady());
    session_ = hub.attach(node, shared_from_this());
    thread_ = std::thread([this] { run(); });
}

void LocalNode::post(Task task)
{
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) return;
        tasks_.push_back(std::move(task));
    }
    wake_.notify_one();
}

void LocalNode::run()
{
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        const auto wait = std::clamp<SteadyTime::duration>(reporter_->wake_at() - clock_.steady(), Milliseconds{0}, Milliseconds{1000});
        wake_.wait_for(lock, wait, [this] { return stopping_ || !tasks_.empty(); });
        auto tasks = std::exchange(tasks_, {});
        lock.unlock();
        for (const auto& task : tasks) task();
        if (auto report = reporter_->due(clock_.steady())) session_->reported(std::move(*report));
        if (auto news = reporter_->news()) session_->applied(std::move(*news));
        lock.lock();
    }
}

void LocalNode::apply(plan::Plan plan)
{
    post([this, plan = std::move(plan)] {
        auto applied = agent_.apply(plan);
        reporter_->told(applied);
        session_->applied(std::move(applied));
    });
}

void LocalNode::booked(std::uint64_t sequence, std::vector<ForwardId> forgotten)
{
    post([this, sequence, forgotten = std::move(forgotten)] { reporter_->booked(sequence, forgotten); });
}

void LocalNode::watch(Milliseconds sample_every)
{
    post([this, sample_every] { reporter_->watch(clock_.steady(), sample_every); });
}

void LocalNode::probe(std::vector<plan::TcpPingRequest> requests, Milliseconds deadline, Probed done)
{
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) return;
        ++probing_;
    }
    // A thread of its own, with a deadline of its own; dismiss() waits for it.
    std::thread([self = shared_from_this(), requests = std::move(requests), deadline, done = std::move(done)] {
        done(self->agent_.probe(requests, deadline));
        const std::lock_guard lock(self->mutex_);
        --self->probing_;
        self->wake_.notify_all();
    }).detach();
}

std::function<void(NodeId)> LocalNode::way_back()
{
    return [self = shared_from_this()](NodeId node) { self->start(*self->hub_, node); };
}

void LocalNode::dismiss(link::Farewell)
{
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    if (!thread_.joinable()) return;
    thread_.join();
    {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return probing_ == 0; });
    }
    if (auto report = reporter_->last()) session_->reported(std::move(*report));
    session_ = nullptr; // they hold each other
}

} // namespace sluice::cli
