#include "hub/session.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace sluice::hub {

Session::Session(panel::Panel& panel, NodeId node, std::shared_ptr<NodeEndpoint> endpoint)
    : panel_(panel), node_(node), endpoint_(std::move(endpoint)), thread_([this] { run(); })
{
}

Session::~Session() { stop(); }

void Session::plan_changed()
{
    const std::lock_guard lock(mutex_);
    plan_pending_ = true;
    wake_.notify_one();
}

Result<plan::Applied> Session::converge(std::uint64_t revision, Milliseconds deadline)
{
    std::unique_lock lock(mutex_);
    if (applied_.revision < revision) {
        plan_pending_ = true;
        wake_.notify_one();
    }
    const bool done = applied_changed_.wait_for(lock, deadline, [&] { return stopping_ || applied_.revision >= revision; });
    if (applied_.revision >= revision) return applied_;
    if (done) return make_error(Errc::node_offline, "node", "the session ended");
    return make_error(Errc::timeout, "node", "revision " + std::to_string(revision) + " is not applied yet");
}

void Session::stop()
{
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        wake_.notify_one();
        applied_changed_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
}

void Session::run()
{
    // The session's door for exceptions: a broken disk or a bug ends neither the panel nor the node, it is said and tried again.
    const auto guarded = [this](const char* step, auto&& work) {
        try {
            work();
        } catch (const std::exception& problem) {
            log::error("node session step failed", {{"node", node_.value}, {"step", step}, {"problem", problem.what()}});
        }
    };
    for (;;) {
        bool apply = false;
        {
            std::unique_lock lock(mutex_);
            const auto due = std::min({next_book_, next_sample_, retry_apply_.value_or(next_book_)});
            const auto now = panel_.clock().steady();
            if (!plan_pending_ && !stopping_ && due > now) {
                // Looks again after at most a second, so that a new watcher or a held clock is noticed.
                const auto wait = std::min<SteadyTime::duration>(due - now, Milliseconds{1000});
                wake_.wait_for(lock, wait, [this] { return plan_pending_ || stopping_; });
            }
            if (stopping_) break;
            apply = std::exchange(plan_pending_, false);
        }
        const auto now = panel_.clock().steady();
        if (apply || (retry_apply_ && *retry_apply_ <= now)) {
            retry_apply_ = now + retry_every; // unless it works
            guarded("apply", [this] { apply_newest(); });
        }
        if (now >= next_book_) {
            next_book_ = now + book_every;
            guarded("book", [this] { book(); });
        }
        const auto every = panel_.live().watched() ? sample_every_watched : sample_every_unwatched;
        if (now >= next_sample_ || next_sample_ > now + every) {
            next_sample_ = now + every;
            guarded("sample", [this] { sample(); });
        }
    }
    guarded("book", [this] { book(); });
    if (!online_.exchange(false)) return;
    panel_.live().node_offline(node_);
    guarded("offline", [this] { keep(panel_.nodes().note_connection(node_, false)); });
}

void Session::apply_newest()
{
    const auto plan = panel_.plans().compile(node_);
    if (!plan) {
        log::error("plan not compiled", {{"node", node_.value}, {"problem", describe(plan.error())}});
        return;
    }
    auto applied = endpoint_->apply(*plan);
    // A node goes on trying what does not work; asked again, it says what became of it.
    const bool well = std::all_of(applied.forwards.begin(), applied.forwards.end(), [](const auto& one) { return one.fault == plan::Fault::none; });
    if (well) retry_apply_.reset();
    panel_.live().applied(node_, applied);
    const bool came_online = !online_.exchange(true);
    if (came_online) panel_.live().node_online(node_);
    {
        const std::lock_guard lock(mutex_);
        applied_ = applied;
        applied_changed_.notify_all();
    }
    // After those who wait were told: they need not wait for the database, too.
    if (came_online) keep(panel_.nodes().note_connection(node_, true));
    note_faults(applied);
}

// Says what began or ceased to be wrong, not what is still wrong: a plan comes with every change of any forward.
void Session::note_faults(const plan::Applied& applied)
{
    std::unordered_map<ForwardId, plan::Fault> faults;
    for (const auto& result : applied.forwards) {
        const auto before = faults_.find(result.id);
        const auto known = before == faults_.end() ? plan::Fault::none : before->second;
        if (result.fault != plan::Fault::none) faults.emplace(result.id, result.fault);
        if (result.fault == known) continue;
        log::write(result.fault == plan::Fault::none ? log::Level::info : log::Level::warning, "forward changed state",
                   {{"node", node_.value}, {"forward", result.id.value}, {"fault", plan::to_text(result.fault)}, {"detail", result.detail}});
        keep(panel_.nodes().note_result(node_, result));
    }
    faults_ = std::move(faults);
}

// An event that cannot be stored must not stop a node.
void Session::keep(const Result<void>& stored)
{
    if (!stored) log::warning("event not stored", {{"node", node_.value}, {"problem", describe(stored.error())}});
}

void Session::book()
{
    auto counters = endpoint_->counters();
    panel_.live().counters(node_, counters, panel_.clock().steady());
    // Open connections come and go without a byte; only what is booked decides whether the database is written.
    const auto same = [](const plan::ForwardCounters& a, const plan::ForwardCounters& b) {
        return a.id == b.id && a.epoch == b.epoch && a.traffic == b.traffic && a.connections == b.connections;
    };
    const bool moved = !std::equal(counters.begin(), counters.end(), last_booked_.begin(), last_booked_.end(), same);
    // Once more after the last movement: only then it shows that a deleted forward rests and may be forgotten.
    if (!moved && !std::exchange(settling_, false)) return;
    const auto booked = panel_.accounting().book(node_, counters);
    if (!booked) {
        log::error("traffic not booked; it is kept and booked later", {{"node", node_.value}, {"problem", describe(booked.error())}});
        return;
    }
    last_booked_ = std::move(counters);
    settling_ = moved;
    if (!booked->empty()) endpoint_->forget(*booked);
}

void Session::sample()
{
    const auto host = endpoint_->sample();
    panel_.live().sample(node_, host);
    if (const auto stored = panel_.accounting().store_sample(node_, host); !stored)
        log::warning("host sample not stored", {{"node", node_.value}, {"problem", describe(stored.error())}});
}

} // namespace sluice::hub
