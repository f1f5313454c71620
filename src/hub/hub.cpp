#include "hub/hub.hpp"

#include "hub/session.hpp"

#include <future>
#include <map>
#include <utility>

namespace sluice::hub {

Hub::Hub(panel::Panel& panel) : panel_(panel) {}

Hub::~Hub() { detach_all(); }

void Hub::attach(NodeId node, std::shared_ptr<NodeEndpoint> endpoint)
{
    detach(node);
    auto session = std::make_shared<Session>(panel_, node, std::move(endpoint));
    const std::lock_guard lock(mutex_);
    sessions_[node] = std::move(session);
}

void Hub::detach(NodeId node)
{
    std::shared_ptr<Session> session;
    {
        const std::lock_guard lock(mutex_);
        const auto found = sessions_.find(node);
        if (found == sessions_.end()) return;
        session = std::move(found->second);
        sessions_.erase(found);
    }
    session->stop();
}

void Hub::detach_all()
{
    std::unordered_map<NodeId, std::shared_ptr<Session>> sessions;
    {
        const std::lock_guard lock(mutex_);
        sessions.swap(sessions_);
    }
    for (auto& [node, session] : sessions) session->stop();
}

std::shared_ptr<Session> Hub::find(NodeId node) const
{
    const std::lock_guard lock(mutex_);
    const auto found = sessions_.find(node);
    return found == sessions_.end() ? nullptr : found->second;
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
    detach(node);
    return [this, session](NodeId now) { attach(now, session->shared_endpoint()); };
}

std::vector<Result<plan::TcpPingResult>> Hub::probe(const std::vector<ProbeJob>& jobs, Milliseconds deadline)
{
    std::vector<Result<plan::TcpPingResult>> answers(jobs.size(), make_error(Errc::node_offline, "node"));
    std::map<NodeId, std::vector<std::size_t>> by_node;
    for (std::size_t i = 0; i < jobs.size(); ++i) by_node[jobs[i].node].push_back(i);

    // One thread per node that is asked; each node runs its own probes in parallel and keeps the deadline.
    struct Asked {
        std::vector<std::size_t> jobs;
        std::shared_ptr<Session> session;
        std::future<std::vector<plan::TcpPingResult>> answer;
    };
    std::vector<Asked> asked;
    for (auto& [node, indexes] : by_node) {
        auto session = find(node);
        if (!session) continue;
        std::vector<plan::TcpPingRequest> requests;
        for (const auto index : indexes) requests.push_back(jobs[index].request);
        auto answer = std::async(std::launch::async,
                                 [session, requests = std::move(requests), deadline] { return session->endpoint().probe(requests, deadline); });
        asked.push_back({std::move(indexes), std::move(session), std::move(answer)});
    }
    for (auto& one : asked) {
        const auto results = one.answer.get();
        for (std::size_t i = 0; i < one.jobs.size(); ++i) {
            if (i < results.size())
                answers[one.jobs[i]] = results[i];
            else
                answers[one.jobs[i]] = make_error(Errc::timeout, "node");
        }
    }
    return answers;
}

} // namespace sluice::hub
