// The steps of "does it work, and where not" (FLVX contract 4.10), as values; a dialect finds the words.
#pragma once

#include "base/error.hpp"
#include "base/id.hpp"
#include "domain/tunnel.hpp"
#include "plan/probe.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::panel {

struct DiagnosisStep {
    enum class To { target, node, internet, own_listener };
    NodeId from;
    std::string from_name;
    domain::HopRole from_role = domain::HopRole::entry;
    int from_place = 0;
    To to = To::target;
    std::optional<domain::HopRole> to_role; // for To::node
    int to_place = 0;
    std::string to_name; // node name, or the target as typed
    HostPort target;
    plan::TcpPingResult result;   // meaningless when `failure` is set
    std::optional<Error> failure; // the node could not be asked: node_offline, timeout
};

struct TunnelDiagnosis {
    std::string name;
    domain::TunnelType type = domain::TunnelType::direct;
    std::vector<DiagnosisStep> steps;
};

struct ForwardDiagnosis {
    std::string name;
    std::vector<DiagnosisStep> steps;
};

} // namespace sluice::panel
