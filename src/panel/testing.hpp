// For tests: a panel on a store of its own, a held clock, and nodes that are scripted.
#pragma once

#include "panel/node_gateway.hpp"
#include "panel/panel.hpp"
#include "store/event_table.hpp"
#include "store/flow_table.hpp"
#include "store/setting_table.hpp"
#include "store/testing.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace sluice::panel::testing {

using store::testing::value_of;

// Nodes that do at once what the committed plan says, except where a test says otherwise.
class ScriptedNodes final : public NodeGateway {
public:
    explicit ScriptedNodes(Panel& panel) : panel_(panel) {}

    std::set<NodeId> offline;
    std::set<NodeId> hung;                                                  // never answer in time
    std::map<std::pair<NodeId, std::uint16_t>, plan::ForwardResult> faults; // what happens to a forward on this port
    std::map<NodeId, plan::Fault> tunnel_faults;                            // what happens to the listeners of tunnels there
    std::vector<NodeId> told;                                               // plan_changed, in order
    std::vector<ProbeJob> probed;
    std::map<std::string, plan::TcpPingResult> answers; // by target; a missing one is a success in 7 ms

    void plan_changed(std::span<const NodeId> nodes) override { told.insert(told.end(), nodes.begin(), nodes.end()); }

    Result<plan::Applied> converge(NodeId node, std::uint64_t revision, Milliseconds) override
    {
        if (offline.contains(node)) return make_error(Errc::node_offline, "node");
        if (hung.contains(node)) return make_error(Errc::timeout, "node");
        const auto plan = value_of(panel_.plans().compile(node));
        if (plan.revision < revision) return make_error(Errc::internal, "test", "the plan is older than what was committed");
        plan::Applied applied{plan.revision, {}};
        for (const auto& forward : plan.forwards) {
            plan::ForwardResult result{forward.id, true, plan::Fault::none, {}};
            if (const auto fault = faults.find({node, forward.port}); fault != faults.end()) {
                result = fault->second;
                result.id = forward.id;
            }
            applied.forwards.push_back(result);
        }
        for (const auto& tunnel : plan.tunnels) {
            plan::TunnelResult result{tunnel.id, true, plan::Fault::none, {}};
            if (const auto fault = tunnel_faults.find(node); fault != tunnel_faults.end()) {
                result.listening = false;
                result.fault = fault->second;
            }
            applied.tunnels.push_back(result);
        }
        panel_.live().applied(node, applied);
        return applied;
    }

    bool online(NodeId node) const override { return !offline.contains(node); }

    std::vector<Result<plan::TcpPingResult>> probe(const std::vector<ProbeJob>& jobs, Milliseconds) override
    {
        std::vector<Result<plan::TcpPingResult>> results;
        for (const auto& job : jobs) {
            probed.push_back(job);
            if (offline.contains(job.node)) {
                results.emplace_back(make_error(Errc::node_offline, "node"));
            } else if (hung.contains(job.node)) {
                results.emplace_back(make_error(Errc::timeout, "node"));
            } else if (const auto scripted = answers.find(job.request.target.to_text()); scripted != answers.end()) {
                results.emplace_back(scripted->second);
            } else {
                plan::TcpPingResult fine;
                fine.target = job.request.target;
                fine.success = true;
                fine.average_ms = 7;
                fine.loss_percent = 0;
                results.emplace_back(fine);
            }
        }
        return results;
    }

private:
    Panel& panel_;
};

inline plan::ForwardResult port_taken() { return {{}, false, plan::Fault::address_in_use, "tcp [::]:2000: Address already in use"}; }

struct Bench : store::testing::TempStore {
    HeldClock clock;
    Live live;
    Panel panel{*store, clock, live, Secret{std::string(32, 'k')}};
    ScriptedNodes nodes{panel};
    Actor admin{add_user("root", domain::Role::admin), "root", domain::Role::admin, *IpAddress::parse("192.0.2.99")};

    Bench() { panel.connect(nodes); }

    Actor add_person(const std::string& name) { return {add_user(name), name, domain::Role::regular, *IpAddress::parse("192.0.2.50")}; }
    AssignmentId assign(const Actor& user, TunnelId tunnel, const domain::AssignmentPatch& patch = {})
    {
        return value_of(panel.assignments().assign(admin, user.user, tunnel, patch));
    }
    domain::ForwardDraft draft(TunnelId tunnel, std::optional<std::uint16_t> port = {}, const std::string& name = "web") const
    {
        domain::ForwardDraft made;
        made.name = name;
        made.tunnel = tunnel;
        made.targets = {{"127.0.0.1", 80}};
        made.port = port;
        return made;
    }
    ForwardId make_forward(const Actor& owner, TunnelId tunnel, std::uint16_t port)
    {
        return value_of(panel.forwards().create(owner, draft(tunnel, port))).id;
    }
    std::optional<domain::Forward> forward(ForwardId id)
    {
        return read([&](store::ReadTx& tx) { return store::ForwardTable(tx).find(id); });
    }
    domain::User user(UserId id)
    {
        return read([&](store::ReadTx& tx) { return *store::UserTable(tx).find(id); });
    }
    // The newest first.
    std::vector<store::AuditRow> audits()
    {
        return read([](store::ReadTx& tx) { return store::AuditTable(tx).newest(1000); });
    }
    std::vector<std::string> event_kinds()
    {
        std::vector<std::string> kinds;
        for (const auto& event : read([](store::ReadTx& tx) { return store::EventTable(tx).newest(1000); })) kinds.push_back(event.kind);
        return kinds;
    }
};

// "conflict forward.port", or "ok".
template <class T>
std::string verdict(const Result<T>& result)
{
    if (result) return "ok";
    return std::string{to_text(result.error().code)} + " " + result.error().field;
}

} // namespace sluice::panel::testing
