#include "hub/session.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace sluice::hub {

namespace {

// The session's door for exceptions: a broken disk or a bug ends neither the panel nor the node, it is said and tried again.
template <class Work>
void guarded(NodeId node, const char* step, Work&& work)
{
    try {
        work();
    } catch (const std::exception& problem) {
        log::error("node session step failed", {{"node", node.value}, {"step", step}, {"problem", problem.what()}});
    }
}

} // namespace

Session::Session(panel::Panel& panel, Pool& pool, NodeId node, std::shared_ptr<NodeEndpoint> endpoint)
    : panel_(panel), pool_(pool), node_(node), endpoint_(std::move(endpoint))
{
}

void Session::schedule()
{
    if (scheduled_ || finished_) return;
    scheduled_ = true;
    pool_.post([self = shared_from_this()] { self->step(); });
}

void Session::applied(plan::Applied applied)
{
    const std::lock_guard lock(mutex_);
    if (finishing_) return;
    noted_.applied = std::move(applied);
    schedule();
}

void Session::reported(plan::Report report)
{
    const std::lock_guard lock(mutex_);
    if (finishing_) return;
    for (auto& counter : report.counters) noted_.counters[counter.id] = counter;
    noted_.sequence = std::max(noted_.sequence, report.sequence);
    if (report.host) noted_.host = report.host;
    schedule();
}

void Session::finish()
{
    const std::lock_guard lock(mutex_);
    finishing_ = true;
    applied_changed_.notify_all();
    schedule();
}

void Session::abandon()
{
    const std::lock_guard lock(mutex_);
    finishing_ = true;
    abandoned_ = true;
    applied_changed_.notify_all();
    schedule();
}

void Session::plan_changed()
{
    const std::lock_guard lock(mutex_);
    noted_.plan = true;
    schedule();
}

void Session::tick()
{
    if (failed_.exchange(false)) plan_changed();
}

Result<plan::Applied> Session::converge(std::uint64_t revision, Milliseconds deadline)
{
    std::unique_lock lock(mutex_);
    if (finishing_) return make_error(Errc::node_offline, "node", "the session ends");
    if (applied_.revision < revision) {
        noted_.plan = true;
        schedule();
    }
    const bool done = applied_changed_.wait_for(lock, deadline, [&] { return finishing_ || applied_.revision >= revision; });
    if (applied_.revision >= revision) return applied_;
    if (done) return make_error(Errc::node_offline, "node", "the session ended");
    return make_error(Errc::timeout, "node", "revision " + std::to_string(revision) + " is not applied yet");
}

bool Session::finished() const
{
    const std::lock_guard lock(mutex_);
    return finished_;
}

bool Session::wait_finished(Milliseconds deadline)
{
    std::unique_lock lock(mutex_);
    return finished_changed_.wait_for(lock, deadline, [this] { return finished_; });
}

void Session::step()
{
    for (;;) {
        Noted noted;
        bool ends = false;
        bool abandoned = false;
        {
            const std::lock_guard lock(mutex_);
            if (noted_.empty() && !finishing_) {
                scheduled_ = false;
                return;
            }
            noted = std::exchange(noted_, {});
            ends = finishing_;
            abandoned = abandoned_;
        }
        if (ends) noted.plan = false;
        if (!abandoned) work_off(std::move(noted));
        if (!ends) continue;
        go_offline();
        const std::lock_guard lock(mutex_);
        finished_ = true;
        finished_changed_.notify_all();
        return;
    }
}

void Session::work_off(Noted noted)
{
    if (noted.applied) guarded(node_, "applied", [&] { take_answer(*noted.applied); });
    wants_plan_ = wants_plan_ || noted.plan;
    // One plan at a time: while the node works on one, newer wishes become one plan more.
    if (wants_plan_ && !in_flight_) guarded(node_, "plan", [&] { send_newest(); });
    // A forward that was deleted counts until its node has closed it. So a report that may be older than the node's answer is no reason to forget a
    // counter: it can still move.
    const bool settled = !noted.applied && !wants_plan_ && !in_flight_;
    if (noted.sequence != 0) guarded(node_, "book", [&] { book(noted.sequence, noted.counters, settled); });
    if (noted.host) guarded(node_, "sample", [&] { sample(*noted.host); });
}

void Session::send_newest()
{
    auto plan = panel_.plans().compile(node_);
    if (!plan) {
        failed_ = true;
        log::error("plan not compiled", {{"node", node_.value}, {"problem", describe(plan.error())}});
        return;
    }
    wants_plan_ = false;
    in_flight_ = true;
    endpoint_->apply(std::move(*plan));
}

void Session::take_answer(const plan::Applied& applied)
{
    in_flight_ = false;
    book_again_ = true;
    panel_.live().applied(node_, applied);
    const bool came_online = !online_.exchange(true);
    if (came_online) panel_.live().node_online(node_);
    {
        const std::lock_guard lock(mutex_);
        applied_ = applied;
        applied_changed_.notify_all();
    }
    // After those who wait were told: they need not wait for the database, too.
    if (came_online) {
        log::info("node online", {{"node", node_.value}, {"revision", applied.revision}});
        keep(panel_.nodes().note_connection(node_, true));
    }
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

void Session::book(std::uint64_t sequence, const std::map<ForwardId, plan::ForwardCounters>& changed, bool settled)
{
    // Open connections come and go without a byte; only what is booked decides whether the database is written.
    bool moved = false;
    for (const auto& [id, counter] : changed) {
        auto& known = known_[id];
        moved = moved || known.id != id || known.epoch != counter.epoch || !(known.traffic == counter.traffic) ||
                !(known.carried == counter.carried) || known.connections != counter.connections;
        known = counter;
    }
    std::vector<plan::ForwardCounters> all;
    all.reserve(known_.size());
    for (const auto& [id, counter] : known_) all.push_back(counter);
    panel_.live().counters(node_, all, panel_.clock().steady());
    if (!moved && !book_again_) {
        endpoint_->booked(sequence, {});
        return;
    }
    book_again_ = true; // whatever happens now is looked at once more
    auto booked = panel_.accounting().book(node_, all, settled);
    if (!booked) {
        // Without an answer the node says it again.
        log::error("traffic not booked; it is kept and booked later", {{"node", node_.value}, {"problem", describe(booked.error())}});
        return;
    }
    book_again_ = moved || !settled; // what was deleted and still moved can be forgotten at the next look
    for (const auto id : *booked) known_.erase(id);
    endpoint_->booked(sequence, std::move(*booked));
}

void Session::sample(const plan::HostSample& host)
{
    panel_.live().sample(node_, host);
    if (const auto stored = panel_.accounting().store_sample(node_, host); !stored)
        log::warning("host sample not stored", {{"node", node_.value}, {"problem", describe(stored.error())}});
}

void Session::go_offline()
{
    if (!online_.exchange(false)) return;
    log::info("node offline", {{"node", node_.value}});
    panel_.live().node_offline(node_);
    guarded(node_, "offline", [this] { keep(panel_.nodes().note_connection(node_, false)); });
}

} // namespace sluice::hub
