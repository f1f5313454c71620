#include "hub/hub.hpp"

#include "base/log.hpp"
#include "hub/session.hpp"

#include <condition_variable>
#include <map>
#include <utility>

namespace sluice::hub {

namespace {

constexpr Milliseconds finish_deadline{10'000};
constexpr Milliseconds answer_slack{500}; // a node keeps the deadline itself; the answer has a way to go

} // namespace

Hub::Hub(panel::Panel& panel, unsigned threads)
    : panel_(panel), upgrades_([&panel](NodeId node, const plan::UpgradeState& state) { panel.live().upgrade(node, state); }), pool_(threads)
{
}

Hub::~Hub()
{
    detach_all();
    pool_.stop();
}

std::shared_ptr<Session> Hub::attach(NodeId node, std::shared_ptr<NodeEndpoint> endpoint, link::Farewell farewell)
{
    auto session = std::make_shared<Session>(panel_, pool_, node, endpoint);
    for (;;) {
        {
            const std::lock_guard lock(mutex_);
            if (stopping_) break;
            auto& place = sessions_[node];
            if (!place) {
                place = session;
                break;
            }
        }
        // Its last words are booked, and it is offline, before the new one begins: "offline" must not come after "online".
        detach(node, farewell);
    }
    if (find(node) != session) { // the hub stops, or somebody was quicker
        endpoint->dismiss(link::Farewell::stopping);
        session->finish();
        return session;
    }
    endpoint->watch(watched_ ? sample_watched : sample_unwatched);
    session->plan_changed();
    return session;
}

void Hub::detach(NodeId node, link::Farewell farewell)
{
    const auto session = find(node);
    if (!session) return;
    session->endpoint().dismiss(farewell);
    session->finish();
    if (!session->wait_finished(finish_deadline)) log::error("node session does not end", {{"node", node.value}});
    const std::lock_guard lock(mutex_);
    if (const auto found = sessions_.find(node); found != sessions_.end() && found->second == session) sessions_.erase(found);
}

void Hub::detach_all()
{
    std::unordered_map<NodeId, std::shared_ptr<Session>> sessions;
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        sessions.swap(sessions_);
    }
    upgrades_.stop();
    for (auto& [node, session] : sessions) {
        session->endpoint().dismiss(link::Farewell::stopping);
        session->finish();
    }
    for (auto& [node, session] : sessions) {
        if (!session->wait_finished(finish_deadline)) log::error("node session does not end", {{"node", node.value}});
    }
}

void Hub::tick()
{
    const bool watched = panel_.live().watched();
    const bool changed = watched_.exchange(watched) != watched;
    for (const auto& session : all()) {
        if (changed) session->endpoint().watch(watched ? sample_watched : sample_unwatched);
        session->tick();
    }
    const std::lock_guard lock(mutex_);
    std::erase_if(sessions_, [](const auto& entry) { return entry.second->finished(); });
}

std::shared_ptr<Session> Hub::find(NodeId node) const
{
    const std::lock_guard lock(mutex_);
    const auto found = sessions_.find(node);
    return found == sessions_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<Session>> Hub::all() const
{
    const std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<Session>> sessions;
    sessions.reserve(sessions_.size());
    for (const auto& [node, session] : sessions_) sessions.push_back(session);
    return sessions;
}

void Hub::plan_changed(std::span<const NodeId> nodes)
{
    for (const auto node : nodes) {
        if (const auto session = find(node)) session->plan_changed();
    }
}

Result<plan::Applied> Hub::converge(NodeId node, std::uint64_t revision, Milliseconds deadline)
{
    const auto session = find(node);
    if (!session) return make_error(Errc::node_offline, "node");
    return session->converge(revision, deadline);
}

bool Hub::online(NodeId node) const
{
    const auto session = find(node);
    return session && session->online();
}

std::function<void(NodeId)> Hub::let_go(NodeId node)
{
    const auto session = find(node);
    if (!session) return {};
    auto back = session->endpoint().way_back();
    detach(node);
    return back;
}

void Hub::removed(NodeId node)
{
    const auto session = find(node);
    if (!session) return;
    session->endpoint().dismiss(link::Farewell::removed);
    session->abandon();
}

std::vector<Result<plan::TcpPingResult>> Hub::probe(const std::vector<ProbeJob>& jobs, Milliseconds deadline)
{
    std::vector<Result<plan::TcpPingResult>> answers(jobs.size(), make_error(Errc::node_offline, "node"));
    std::map<NodeId, std::vector<std::size_t>> by_node;
    for (std::size_t i = 0; i < jobs.size(); ++i) by_node[jobs[i].node].push_back(i);

    // Shared with answers that come after everybody stopped waiting.
    struct Board {
        std::mutex mutex;
        std::condition_variable changed;
        std::map<NodeId, std::vector<plan::TcpPingResult>> results;
    };
    const auto board = std::make_shared<Board>();
    std::size_t asked = 0;
    for (const auto& [node, indexes] : by_node) {
        const auto session = find(node);
        if (!session || session->finished()) continue;
        std::vector<plan::TcpPingRequest> requests;
        for (const auto index : indexes) {
            requests.push_back(jobs[index].request);
            answers[index] = make_error(Errc::timeout, "node");
        }
        ++asked;
        session->endpoint().probe(std::move(requests), deadline, [board, id = node](std::vector<plan::TcpPingResult> results) {
            const std::lock_guard lock(board->mutex);
            board->results.emplace(id, std::move(results));
            board->changed.notify_all();
        });
    }
    std::unique_lock lock(board->mutex);
    board->changed.wait_for(lock, deadline + answer_slack, [&] { return board->results.size() == asked; });
    for (auto& [node, results] : board->results) {
        const auto& indexes = by_node.at(node);
        for (std::size_t i = 0; i < std::min(indexes.size(), results.size()); ++i) answers[indexes[i]] = std::move(results[i]);
    }
    return answers;
}

std::vector<Result<std::string>> Hub::upgrade(const std::vector<NodeId>& nodes, const OfferFor& offer_for, Milliseconds deadline)
{
    std::vector<Result<std::uint64_t>> orders;
    for (const auto node : nodes) {
        const auto session = find(node);
        if (!session || session->finished()) {
            orders.emplace_back(make_error(Errc::node_offline, "node"));
            continue;
        }
        const auto architecture = session->endpoint().upgradable_architecture();
        if (!architecture) {
            orders.emplace_back(make_error(Errc::conflict, "upgrade.unsupported"));
            continue;
        }
        std::optional<Offer> offer;
        if (offer_for) {
            auto made = offer_for(*architecture);
            if (!made) {
                orders.emplace_back(made.error());
                continue;
            }
            offer = std::move(*made);
        }
        auto message = upgrades_.begin(node, offer ? &*offer : nullptr);
        if (!message) {
            orders.emplace_back(message.error());
            continue;
        }
        const auto* upgrade = std::get_if<link::Upgrade>(&*message);
        orders.emplace_back(upgrade != nullptr ? upgrade->id : std::get<link::Rollback>(*message).id);
        session->endpoint().tell(*message);
    }
    const auto until = std::chrono::steady_clock::now() + deadline;
    std::vector<Result<std::string>> outcomes;
    for (const auto& order : orders) outcomes.push_back(order ? upgrades_.wait(*order, until) : Result<std::string>{order.error()});
    return outcomes;
}

} // namespace sluice::hub
