// Steps of a diagnosis, and running them on the nodes in parallel.
#pragma once

#include "domain/node.hpp"
#include "panel/context.hpp"
#include "panel/diagnosis.hpp"

#include <vector>

namespace sluice::panel {

DiagnosisStep step_to_internet(const domain::Node& node);
DiagnosisStep step_to_target(const domain::Node& node, const HostPort& target);
// Through the forward's own listener on that node, as a client would come.
DiagnosisStep step_to_listener(const domain::Node& node, const IpAddress& listen, std::uint16_t port);

// Fills every step's result or failure. One deadline for all, shorter than a client's patience; the order stays.
void run_steps(const Context& context, std::vector<DiagnosisStep>& steps);

} // namespace sluice::panel
