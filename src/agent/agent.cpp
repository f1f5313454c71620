#include "agent/agent.hpp"

#include "agent/plan_file.hpp"
#include "base/log.hpp"
#include "probe/tcp_ping.hpp"

#include <algorithm>

namespace sluice::agent {

namespace {

bool all_well(const plan::Applied& applied)
{
    return std::all_of(applied.forwards.begin(), applied.forwards.end(),
                       [](const plan::ForwardResult& one) { return one.fault == plan::Fault::none; });
}

} // namespace

Agent::Agent(const AgentOptions& options, std::unique_ptr<forward::Engine> engine)
    : options_(options), engine_(std::move(engine)), sampler_(*options.clock), retry_([this] { retry_run(); })
{
}

Result<std::unique_ptr<Agent>> Agent::start(const AgentOptions& options)
{
    forward::EngineOptions engine_options;
    engine_options.counter_file = options.folder + "/counters.bin";
    engine_options.workers = options.workers;
    engine_options.clock = options.clock;
    auto engine = forward::Engine::start(engine_options);
    if (!engine) return engine.error();
    std::unique_ptr<Agent> agent(new Agent(options, std::move(*engine)));
    auto stored = load_plan(options.folder + "/plan.json");
    if (stored) {
        const std::lock_guard lock(agent->mutex_);
        agent->plan_ = std::move(*stored); // it is on the disk already: a full one must not keep a node from its plan
        const auto applied = agent->apply_kept();
        log::info("stored plan applied", {{"revision", applied.revision}, {"forwards", applied.forwards.size()}});
    } else if (stored.error().code != Errc::not_found) {
        log::error("stored plan not usable", {{"problem", describe(stored.error())}});
    }
    return agent;
}

Agent::~Agent() { stop(Milliseconds{0}); }

plan::Applied Agent::apply(const plan::Plan& plan)
{
    const std::lock_guard lock(mutex_);
    if (stopping_) return applied_;
    if (plan != plan_) {
        if (const auto stored = store_plan(options_.folder + "/plan.json", plan); stored)
            plan_ = plan;
        else
            log::error("plan not stored", {{"revision", plan.revision}, {"problem", describe(stored.error())}});
    }
    return apply_kept();
}

plan::Applied Agent::apply_kept()
{
    applied_ = engine_->apply(plan_);
    if (!all_well(applied_)) wake_.notify_all();
    return applied_;
}

plan::Applied Agent::applied() const
{
    const std::lock_guard lock(mutex_);
    return applied_;
}

void Agent::forget(const std::vector<ForwardId>& forwards)
{
    const std::lock_guard lock(mutex_);
    if (!stopping_) engine_->forget(forwards);
}

plan::HostSample Agent::sample()
{
    auto sample = sampler_.take();
    sample.open_connections = engine_->open_connections();
    return sample;
}

std::vector<plan::TcpPingResult> Agent::probe(const std::vector<plan::TcpPingRequest>& requests, Milliseconds deadline)
{
    return probe::tcp_ping_all(requests, deadline);
}

void Agent::retry_run()
{
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        if (all_well(applied_)) {
            wake_.wait(lock, [this] { return stopping_ || !all_well(applied_); });
            continue;
        }
        if (wake_.wait_for(lock, options_.retry_every, [this] { return stopping_; })) break;
        if (all_well(applied_)) continue;
        apply_kept();
        if (all_well(applied_)) log::info("all forwards work now", {{"revision", plan_.revision}});
    }
}

void Agent::stop(Milliseconds drain)
{
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        wake_.notify_all();
    }
    if (retry_.joinable()) retry_.join();
    engine_->stop(drain);
}

} // namespace sluice::agent
