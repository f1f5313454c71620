#include "agent/agent.hpp"

#include "agent/plan_file.hpp"
#include "base/log.hpp"
#include "probe/tcp_ping.hpp"

#include <algorithm>
#include <utility>

namespace sluice::agent {

namespace {

bool all_well(const plan::Applied& applied)
{
    const auto well = [](const auto& one) { return one.fault == plan::Fault::none; };
    return std::all_of(applied.forwards.begin(), applied.forwards.end(), well) && std::all_of(applied.tunnels.begin(), applied.tunnels.end(), well);
}

tunnel::EngineOptions tunnel_options(const AgentOptions& options, forward::Engine& engine)
{
    tunnel::EngineOptions made;
    made.workers = options.workers;
    made.clock = options.clock;
    made.counters = &engine.counter_file();
    made.budget = &engine.budget();
    made.limits = &engine.limits();
    return made;
}

} // namespace

Agent::Agent(const AgentOptions& options, std::unique_ptr<forward::Engine> engine, const net::Identity& identity)
    : options_(options),
      fingerprint_(identity.fingerprint()),
      engine_(std::move(engine)),
      tunnels_(std::make_unique<tunnel::Engine>(tunnel_options(options, *engine_), identity)),
      sampler_(*options.clock),
      successor_(options.successor),
      retry_([this] { retry_run(); })
{
}

Result<std::unique_ptr<Agent>> Agent::start(const AgentOptions& options)
{
    forward::EngineOptions engine_options;
    engine_options.counter_file = options.folder + "/counters.bin";
    engine_options.workers = options.workers;
    engine_options.clock = options.clock;
    engine_options.paused = options.successor;
    const auto identity = net::Identity::load_or_create(options.folder + "/node.key");
    if (!identity) return identity.error();
    auto engine = forward::Engine::start(engine_options);
    if (!engine) return engine.error();
    (*engine)->inherit(options.listeners);
    std::unique_ptr<Agent> agent(new Agent(options, std::move(*engine), *identity));
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
    if (still_) {
        missed_ = plan;
        return applied_;
    }
    if (successor_) {
        unsaved_ = unsaved_ || plan != plan_;
        plan_ = plan;
        return apply_kept();
    }
    if (plan != plan_ || unsaved_) {
        if (const auto stored = store_plan(options_.folder + "/plan.json", plan); stored) {
            plan_ = plan;
            unsaved_ = false;
        } else
            log::error("plan not stored", {{"revision", plan.revision}, {"problem", describe(stored.error())}});
    }
    return apply_kept();
}

plan::Applied Agent::apply_kept()
{
    // What goes through a tunnel is another engine's; a port may move from one to the other, so what closes does so first.
    auto direct = plan_;
    std::erase_if(direct.forwards, [](const plan::Forward& one) { return one.tunnel.has_value(); });
    auto kept_tunnels = plan_;
    std::erase_if(kept_tunnels.forwards, [this](const plan::Forward& one) { return !one.tunnel || !tunnels_->has(one.id); });
    engine_->learn_limits(plan_);
    if (!successor_) tunnels_->apply(kept_tunnels); // their ports are the other process's
    applied_ = engine_->apply(direct);
    if (successor_) return applied_;
    auto through = tunnels_->apply(plan_);
    applied_.tunnels = std::move(through.tunnels);
    applied_.forwards.insert(applied_.forwards.end(), through.forwards.begin(), through.forwards.end());
    std::sort(applied_.forwards.begin(), applied_.forwards.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
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
    if (stopping_ || still_) return;
    auto gone = forwards;
    std::erase_if(gone, [this](ForwardId id) { return tunnels_->counts(id); });
    engine_->forget(gone);
}

std::vector<plan::ForwardCounters> Agent::counters() const
{
    auto counters = engine_->counters();
    const auto open = tunnels_->open_by_forward();
    for (auto& one : counters) {
        if (const auto found = open.find(one.id); found != open.end()) one.open_connections = found->second;
    }
    return counters;
}

plan::HostSample Agent::sample()
{
    auto sample = sampler_.take();
    sample.open_connections = engine_->open_connections() + tunnels_->open_connections();
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
        if (all_well(applied_) || still_) continue;
        apply_kept();
        if (all_well(applied_)) log::info("all forwards work now", {{"revision", plan_.revision}});
    }
}

void Agent::hold_still(bool still)
{
    std::optional<plan::Plan> missed;
    {
        const std::lock_guard lock(mutex_);
        still_ = still;
        if (!still) missed = std::exchange(missed_, std::nullopt);
    }
    if (missed) (void)apply(*missed);
}

std::vector<forward::HeldListener> Agent::listeners() const
{
    const std::lock_guard lock(mutex_);
    return engine_->listeners();
}

void Agent::resume(forward::HeldTraffic traffic)
{
    const std::lock_guard lock(mutex_);
    engine_->resume(std::move(traffic));
    successor_ = false;
}

void Agent::stop(Milliseconds drain)
{
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        wake_.notify_all();
    }
    if (retry_.joinable()) retry_.join();
    // Both drain in the same time: connections through tunnels go on while the direct ones end.
    tunnels_->stop_listening();
    const auto end = std::chrono::steady_clock::now() + drain;
    engine_->stop(drain);
    while (tunnels_->open_connections() > 0 && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(Milliseconds{20});
    tunnels_->stop();
}

} // namespace sluice::agent
