// The subscription line of a user or of one of his assignments (FLVX contract 5.14): not enveloped when it works.
#pragma once

#include "api/flvx/route.hpp"

#include <string>
#include <variant>

namespace sluice::flvx {

// "upload=1; download=2; total=3; expire=4", or why not.
std::variant<Reply, std::string> subscription(panel::Panel& panel, const http::Request& request);

} // namespace sluice::flvx
