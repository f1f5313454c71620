#include "agent/agent.hpp"

#include "agent/plan_file.hpp"
#include "base/log.hpp"
#include "probe/tcp_ping.hpp"

#include <algorithm>

namespace sluice::agent {

namespace {

constexpr auto retry_every = std::chrono::seconds(5);

bool all_listen(const plan::Applied& applied)
{
    return std::all_of(applied.forwards.begin(), applied.forwards.end(), [](const plan::ForwardResult& one) { return one.listening; });
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
        const auto applied = agent->apply(*stored);
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
    if (plan != plan_) {
        if (const auto stored = store_plan(options_.folder + "/plan.json", plan); !stored) {
            log::error("plan not stored", {{"revision", plan.revision}, {"problem", describe(stored.error())}});
            auto applied = engine_->apply(plan_);
            applied.revision = plan_.revision;
            return applied;
        }
        plan_ = plan;
    }
    auto applied = engine_->apply(plan);
    unhappy_ = !all_listen(applied);
    if (unhappy_) wake_.notify_all();
    return applied;
}

void Agent::forget(const std::vector<ForwardId>& forwards)
{
    const std::lock_guard lock(mutex_);
    engine_->forget(forwards);
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
        if (!unhappy_) {
            wake_.wait(lock, [this] { return stopping_ || unhappy_; });
            continue;
        }
        if (wake_.wait_for(lock, retry_every, [this] { return stopping_; })) break;
        if (!unhappy_) continue;
        const auto applied = engine_->apply(plan_);
        unhappy_ = !all_listen(applied);
        if (!unhappy_) log::info("all forwards listen now", {{"revision", plan_.revision}});
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
