// "--forward LISTEN=TARGET": a forward without a panel.
#pragma once

#include "base/result.hpp"
#include "plan/plan.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::agent {

// "tcp://:8080=10.0.0.2:80", "udp://[::]:53=1.1.1.1:53,9.9.9.9:53", "127.0.0.1:80=host:80" (no scheme: both). Errors: invalid "forward"
// with what is wrong in args[0].
Result<plan::Forward> parse_forward_option(std::string_view text);

// Ids by position; two forwards on one port are an error (conflict "forward").
Result<plan::Plan> plan_of_options(const std::vector<std::string>& texts);

} // namespace sluice::agent
