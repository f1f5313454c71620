#include "panel/diagnose_jobs.hpp"

#include "panel/chains.hpp"
#include "panel/node_gateway.hpp"
#include "store/node_table.hpp"

namespace sluice::panel {

namespace {

constexpr Milliseconds diagnosis_deadline{12'000};
constexpr Milliseconds connect_timeout{2'500}; // four of them fit into the deadline

DiagnosisStep step(const domain::Node& node, DiagnosisStep::To to, HostPort target)
{
    DiagnosisStep made;
    made.from = node.id;
    made.from_name = node.name;
    made.to = to;
    made.to_name = target.to_text();
    made.target = std::move(target);
    return made;
}

} // namespace

DiagnosisStep step_to_internet(const domain::Node& node) { return step(node, DiagnosisStep::To::internet, {"www.bing.com", 443}); }

DiagnosisStep step_to_target(const domain::Node& node, const HostPort& target) { return step(node, DiagnosisStep::To::target, target); }

DiagnosisStep step_to_listener(const domain::Node& node, const IpAddress& listen, std::uint16_t port)
{
    // A wildcard listener is reached over loopback; "::" listens on both families, and every host has 127.0.0.1.
    return step(node, DiagnosisStep::To::own_listener, {listen.is_unspecified() ? "127.0.0.1" : listen.to_text(), port});
}

void add_chain_steps(store::ReadTx& tx, const domain::Tunnel& tunnel, std::vector<DiagnosisStep>& steps)
{
    store::NodeTable nodes(tx);
    const auto places = places_of(tunnel.hops);
    for (std::size_t i = 0; i + 1 < places.size(); ++i) {
        for (const auto& before : places[i]) {
            for (const auto& after : places[i + 1]) {
                const auto earlier = nodes.find(before.node);
                const auto later = nodes.find(after.node);
                if (!earlier || !later) continue;
                const bool backwards = !later->reachable;
                const auto& from = backwards ? *later : *earlier;
                const auto& to = backwards ? *earlier : *later;
                const auto& from_hop = backwards ? after : before;
                const auto& to_hop = backwards ? before : after;
                const auto host = to_hop.public_host.empty() ? address_between(from, to, tunnel.preference) : to_hop.public_host;
                auto made = step(from, DiagnosisStep::To::node, {host, outside_port(to, to_hop)});
                made.from_role = from_hop.role;
                made.from_place = from_hop.place;
                made.to_role = to_hop.role;
                made.to_place = to_hop.place;
                made.to_name = to.name;
                steps.push_back(std::move(made));
            }
        }
    }
}

DiagnosisStep from_exit(DiagnosisStep step)
{
    step.from_role = domain::HopRole::exit;
    return step;
}

std::vector<domain::Node> exit_nodes(store::ReadTx& tx, const domain::Tunnel& tunnel)
{
    std::vector<domain::Node> exits;
    for (const auto& hop : tunnel.hops) {
        if (hop.role != domain::HopRole::exit) continue;
        if (auto node = store::NodeTable(tx).find(hop.node)) exits.push_back(std::move(*node));
    }
    return exits;
}

void run_steps(const Context& context, std::vector<DiagnosisStep>& steps)
{
    std::vector<NodeGateway::ProbeJob> jobs;
    for (const auto& one : steps) {
        plan::TcpPingRequest request;
        request.target = one.target;
        request.connect_timeout = connect_timeout;
        request.through_listener = one.to == DiagnosisStep::To::own_listener;
        jobs.push_back({one.from, std::move(request)});
    }
    const auto answers = context.gateway->probe(jobs, diagnosis_deadline);
    for (std::size_t i = 0; i < steps.size(); ++i) {
        if (i < answers.size() && answers[i])
            steps[i].result = *answers[i];
        else
            steps[i].failure = i < answers.size() ? answers[i].error() : make_error(Errc::timeout, "node");
    }
}

} // namespace sluice::panel
