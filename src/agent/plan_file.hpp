// The plan on a node's disk: JSON with a version, replaced atomically. What is read is checked like any other input.
#pragma once

#include "base/result.hpp"
#include "plan/plan.hpp"

#include <string>
#include <string_view>

namespace sluice::agent {

std::string encode_plan(const plan::Plan& plan);
// Errors: invalid "plan" and the field that is wrong.
Result<plan::Plan> decode_plan(std::string_view text);

Result<void> store_plan(const std::string& path, const plan::Plan& plan);
Result<plan::Plan> load_plan(const std::string& path); // also not_found "file"

} // namespace sluice::agent
