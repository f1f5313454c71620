// What an FLVX panel commands on a node that is shared with it, read into our types (FLVX contract 5.10 and 6): forwards and limits, and nothing that gost could
// do besides.
#pragma once

#include "api/flvx/json_body.hpp"
#include "panel/share_peers.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::flvx {

// Services as an array, or an object with one; TCP and UDP of one name become one forward. Errors: forbidden "command.services", "command.service", "command.address",
// "command.port" (args address); invalid "command.chain", "command.handler", "command.targets" (args name).
Result<std::vector<panel::SharePeers::Service>> services_of(const Json& data);

// {"services":[name]}, or an array. Errors: forbidden "command.services".
Result<std::vector<panel::SharePeers::ServiceName>> service_names_of(const Json& data);

struct Limiter {
    std::string name;
    std::uint64_t up = 0; // bytes per second
    std::uint64_t down = 0;
};
// {"name":"7","limits":["$ 12.5MB 12.5MB"]}. Errors: invalid "command.limiter".
Result<Limiter> limiter_of(const Json& data);

} // namespace sluice::flvx
