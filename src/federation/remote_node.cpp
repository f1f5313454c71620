#include "federation/remote_node.hpp"

#include "base/log.hpp"
#include "federation/peer_client.hpp"

#include <algorithm>
#include <utility>

namespace sluice::federation {

namespace {

constexpr Milliseconds soon{1'000};
constexpr Milliseconds usual{3'000};
constexpr Milliseconds rarely{10'000}; // a panel that has nothing to say but its share's state
constexpr Milliseconds poll_deadline{5'000};
constexpr Milliseconds goodbye_deadline{3'000};
constexpr Milliseconds patience{15'000};    // without an answer until the node counts as away
constexpr Milliseconds try_refused{30'000}; // what the other panel refused may be possible later: a port became free

bool all_well(const plan::Applied& applied)
{
    const auto well = [](const auto& one) { return one.fault == plan::Fault::none; };
    return std::all_of(applied.forwards.begin(), applied.forwards.end(), well) && std::all_of(applied.tunnels.begin(), applied.tunnels.end(), well);
}

} // namespace

RemoteNode::RemoteNode(panel::Panel& panel, hub::Hub& hub, NodeId node) : panel_(panel), hub_(hub), node_(node) {}

RemoteNode::~RemoteNode() = default;

void RemoteNode::join()
{
    if (thread_.joinable()) thread_.join();
}

void RemoteNode::start()
{
    thread_ = std::thread([this] { run(); });
}

void RemoteNode::stop()
{
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
}

bool RemoteNode::ended() const
{
    const std::lock_guard lock(mutex_);
    return ended_;
}

void RemoteNode::apply(plan::Plan plan)
{
    const std::lock_guard lock(mutex_);
    plan_ = std::move(plan);
    plan_told_ = false;
    news_ = true;
    wake_.notify_all();
}

void RemoteNode::booked(std::uint64_t sequence, std::vector<ForwardId> forgotten)
{
    const std::lock_guard lock(mutex_);
    booked_ = std::max(booked_, sequence);
    forgotten_.insert(forgotten.begin(), forgotten.end());
}

void RemoteNode::probe(std::vector<plan::TcpPingRequest> requests, Milliseconds deadline, Probed done)
{
    const std::lock_guard lock(mutex_);
    if (stopping_ || removed_) return;
    std::erase_if(probes_, [](const auto& one) { return one.wait_for(Seconds{0}) == std::future_status::ready; });
    probes_.push_back(std::async(std::launch::async, [this, requests = std::move(requests), deadline, done = std::move(done)] {
        const auto peer = panel_.remote_nodes().address(node_);
        std::vector<std::future<plan::TcpPingResult>> asked;
        for (const auto& request : requests) {
            asked.push_back(std::async(std::launch::async, [&peer, request, deadline] {
                auto answer = peer ? PeerClient::diagnose(*peer, request, std::min(deadline, PeerClient::usual_deadline)) : peer.error();
                if (answer) return std::move(*answer);
                plan::TcpPingResult failed;
                failed.target = request.target;
                failed.fault = plan::ProbeFault::other;
                failed.detail = answer.error().args.empty() ? describe(answer.error()) : answer.error().args.front();
                return failed;
            }));
        }
        std::vector<plan::TcpPingResult> results;
        for (auto& one : asked) results.push_back(one.get());
        done(std::move(results));
    }));
}

void RemoteNode::dismiss(link::Farewell reason)
{
    const std::lock_guard lock(mutex_);
    session_.reset();
    plan_.reset();
    if (reason == link::Farewell::removed) removed_ = true;
    wake_.notify_all();
}

void RemoteNode::run()
{
    std::unique_lock lock(mutex_);
    while (!stopping_ && !removed_) {
        news_ = false;
        lock.unlock();
        auto pause = usual;
        try {
            pause = step();
        } catch (const std::exception& problem) {
            log::error("remote node step failed", {{"node", node_.value}, {"problem", problem.what()}});
        }
        lock.lock();
        wake_.wait_for(lock, pause, [this] { return stopping_ || removed_ || news_; });
    }
    const bool removed = removed_;
    lock.unlock();
    if (removed) say_goodbye();
    lock.lock();
    ended_ = true;
}

Milliseconds RemoteNode::step()
{
    const auto remote = panel_.remote_nodes().get(node_);
    if (!remote) {
        if (remote.error().code != Errc::not_found) return usual;
        const std::lock_guard lock(mutex_);
        removed_ = true; // deleted before the hub had it
        return Milliseconds{0};
    }
    auto peer = panel_.remote_nodes().address(node_);
    if (!peer) {
        lost(peer.error());
        return rarely;
    }
    last_peer_ = *peer;
    if (!remote->key) return look();
    if (own_id_.empty()) {
        const auto id = panel_.remote_nodes().own_id();
        if (!id) return usual;
        own_id_ = *id;
    }
    panel::PeerWish wish;
    wish.consumer = own_id_;
    bool says_plan = false;
    {
        const std::lock_guard lock(mutex_);
        const auto now = panel_.clock().steady();
        // What was refused is wished once more from time to time.
        if (plan_ && plan_told_ && !all_well(told_) && now >= refused_again_) plan_told_ = false;
        if (plan_ && !plan_told_) {
            wish.plan = plan_;
            says_plan = true;
            refused_again_ = now + try_refused;
        }
        if (plan_) wish.revision = plan_->revision;
        wish.forgotten.assign(forgotten_.begin(), forgotten_.end());
    }
    const auto state = PeerClient::sync(*peer, wish, says_plan ? PeerClient::usual_deadline : poll_deadline);
    if (!state) {
        lost(state.error());
        return state.error().code == Errc::unavailable || state.error().code == Errc::timeout ? soon : usual;
    }
    {
        const std::lock_guard lock(mutex_);
        for (const auto id : wish.forgotten) forgotten_.erase(id);
        // A stopped share takes nothing; when it runs again it has another revision than ours.
        const bool behind = state->stop == domain::ShareStop::none && state->revision != wish.revision;
        if (plan_ && plan_->revision == wish.revision) plan_told_ = says_plan || (plan_told_ && !behind);
    }
    if (says_plan) said_ = std::move(wish.plan);
    if (const auto noted = panel_.remote_nodes().note_offer(node_, state->offer, state->stop); !noted)
        log::warning("remote node not noted", {{"node", node_.value}, {"problem", describe(noted.error())}});
    heard_ = panel_.clock().steady();
    const auto before = sequence_;
    take(*state, says_plan);
    return sequence_ != before ? soon : usual;
}

Milliseconds RemoteNode::look()
{
    const auto offer = PeerClient::connect(last_peer_, poll_deadline);
    const auto noted =
        offer ? panel_.remote_nodes().note_offer(node_, *offer, domain::ShareStop::none) : panel_.remote_nodes().note_problem(node_, offer.error());
    if (!noted) log::warning("remote node not noted", {{"node", node_.value}, {"problem", describe(noted.error())}});
    return rarely;
}

void RemoteNode::take(const panel::PeerState& state, bool said_plan)
{
    // Its counters are worth booking also when it carries nothing any longer.
    const bool there = state.offer.online || !state.counters.empty();
    std::shared_ptr<hub::Session> session;
    {
        const std::lock_guard lock(mutex_);
        session = session_;
    }
    if (!session) {
        if (!there) return;
        told_ = {};
        said_.reset();
        reported_.clear();
        sequence_ = 0;
        {
            const std::lock_guard lock(mutex_);
            booked_ = 0;
        }
        auto attached = hub_.attach(node_, shared_from_this());
        const std::lock_guard lock(mutex_);
        if (!stopping_ && !removed_) session_ = std::move(attached);
        return; // the plan comes now
    }
    if (said_plan || state.applied.forwards != told_.forwards || state.applied.tunnels != told_.tunnels) answer(state, said_plan);
    bool again = false;
    {
        const std::lock_guard lock(mutex_);
        again = booked_ < sequence_;
    }
    if (state.counters != reported_ || again) {
        reported_ = state.counters;
        session->reported({++sequence_, state.counters, {}});
    }
    if (!state.offer.online && state.stop == domain::ShareStop::none) hub_.detach(node_);
}

// One result for each object of the plan, whatever was said: what nobody answered for is not there.
void RemoteNode::answer(const panel::PeerState& state, bool said_plan)
{
    std::shared_ptr<hub::Session> session;
    {
        const std::lock_guard lock(mutex_);
        session = session_;
    }
    if (!session || !said_) return;
    const auto* plan = &*said_;
    const auto stopped = state.stop != domain::ShareStop::none;
    const std::string why = stopped ? "the share carries nothing now" : "the other panel gave no answer for it";
    plan::Applied answer;
    answer.revision = plan->revision;
    for (const auto& forward : plan->forwards) {
        const auto& said = state.applied.forwards;
        const auto found = std::find_if(said.begin(), said.end(), [&](const auto& one) { return one.id == forward.id; });
        const auto& known = told_.forwards;
        const auto before = std::find_if(known.begin(), known.end(), [&](const auto& one) { return one.id == forward.id; });
        if (!stopped && found != said.end())
            answer.forwards.push_back(*found);
        else if (!stopped && before != known.end() && !before->listening)
            answer.forwards.push_back(*before); // refused when it was wished
        else
            answer.forwards.push_back({forward.id, false, plan::Fault::other, why});
    }
    for (const auto& tunnel : plan->tunnels) {
        const auto& said = state.applied.tunnels;
        const auto found = std::find_if(said.begin(), said.end(), [&](const auto& one) { return one.id == tunnel.id; });
        const auto& known = told_.tunnels;
        const auto before = std::find_if(known.begin(), known.end(), [&](const auto& one) { return one.id == tunnel.id; });
        if (!stopped && found != said.end())
            answer.tunnels.push_back(*found);
        else if (!stopped && before != known.end() && !before->listening)
            answer.tunnels.push_back(*before);
        else
            answer.tunnels.push_back({tunnel.id, false, plan::Fault::other, why});
    }
    if (answer == told_ && !said_plan) return; // each plan is answered, also one that says nothing new
    told_ = answer;
    session->applied(std::move(answer));
}

void RemoteNode::lost(const Error& problem)
{
    if (const auto noted = panel_.remote_nodes().note_problem(node_, problem); !noted)
        log::warning("remote node not noted", {{"node", node_.value}, {"problem", describe(noted.error())}});
    const bool refused = problem.code != Errc::unavailable && problem.code != Errc::timeout;
    if (!refused && panel_.clock().steady() - heard_ < patience) return;
    bool attached = false;
    {
        const std::lock_guard lock(mutex_);
        attached = session_ != nullptr;
    }
    if (!attached) return;
    log::info("remote node away", {{"node", node_.value}, {"problem", describe(problem)}});
    hub_.detach(node_);
}

// The other panel's node lets go of everything that was wished. When it does not answer it finds out from its share's owner.
void RemoteNode::say_goodbye()
{
    if (last_peer_.url.empty() || own_id_.empty()) return;
    panel::PeerWish wish;
    wish.consumer = own_id_;
    wish.plan = plan::Plan{};
    if (const auto said = PeerClient::sync(last_peer_, wish, goodbye_deadline); !said)
        log::warning("remote node not told that it is not used any longer", {{"node", node_.value}, {"problem", describe(said.error())}});
}

} // namespace sluice::federation
