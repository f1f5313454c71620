// The plan on a node's disk, in the link's own text form, replaced atomically.
#pragma once

#include "base/result.hpp"
#include "plan/plan.hpp"

#include <string>

namespace sluice::agent {

Result<void> store_plan(const std::string& path, const plan::Plan& plan);
// Errors: not_found "file", unavailable "file"; invalid "plan" and the field that is wrong.
Result<plan::Plan> load_plan(const std::string& path);

} // namespace sluice::agent
