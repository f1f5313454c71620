// Steps of a diagnosis, and running them on the nodes in parallel.
#pragma once

#include "domain/node.hpp"
#include "domain/tunnel.hpp"
#include "panel/context.hpp"
#include "panel/diagnosis.hpp"
#include "store/store.hpp"

#include <vector>

namespace sluice::panel {

DiagnosisStep step_to_internet(const domain::Node& node);
DiagnosisStep step_to_target(const domain::Node& node, const HostPort& target);
// Through the forward's own listener on that node, as a client would come.
DiagnosisStep step_to_listener(const domain::Node& node, const IpAddress& listen, std::uint16_t port);

// Each place of a chain to the next one, in order. A node that cannot be reached from outside is asked to reach the one before it, as its carriers do.
void add_chain_steps(store::ReadTx& tx, const domain::Tunnel& tunnel, std::vector<DiagnosisStep>& steps);
DiagnosisStep from_exit(DiagnosisStep step);                                           // the same, from an exit
std::vector<domain::Node> exit_nodes(store::ReadTx& tx, const domain::Tunnel& tunnel); // those that exist, in order

// Fills every step's result or failure. One deadline for all, shorter than a client's patience; the order stays.
void run_steps(const Context& context, std::vector<DiagnosisStep>& steps);

} // namespace sluice::panel
