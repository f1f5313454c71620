// The node inside the panel's process: the same conversation as with a remote one, without a wire.
#pragma once

#include "agent/agent.hpp"
#include "hub/hub.hpp"

#include <memory>

namespace sluice::cli {

class LocalNode final : public hub::NodeEndpoint {
public:
    explicit LocalNode(agent::Agent& agent) : agent_(agent) {} // outlives this

    plan::Applied apply(const plan::Plan& plan) override { return agent_.apply(plan); }
    std::vector<plan::ForwardCounters> counters() override { return agent_.counters(); }
    plan::HostSample sample() override { return agent_.sample(); }
    void forget(const std::vector<ForwardId>& forwards) override { agent_.forget(forwards); }
    std::vector<plan::TcpPingResult> probe(const std::vector<plan::TcpPingRequest>& requests, Milliseconds deadline) override
    {
        return agent_.probe(requests, deadline);
    }

private:
    agent::Agent& agent_;
};

} // namespace sluice::cli
