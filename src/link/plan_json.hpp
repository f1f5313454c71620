// A plan as JSON with a version: the one text form of it, on the wire and on a node's disk. What is read is checked like any other input.
#pragma once

#include "base/result.hpp"
#include "plan/plan.hpp"

#include <string>
#include <string_view>

namespace sluice::link {

std::string encode_plan(const plan::Plan& plan);
// Errors: invalid "plan" and the field that is wrong.
Result<plan::Plan> decode_plan(std::string_view text);

} // namespace sluice::link
