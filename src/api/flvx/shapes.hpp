// How this dialect shows nouns: its names and units, once (FLVX contract 1.11 and 3). No logic.
#pragma once

#include "api/flvx/json_body.hpp"
#include "domain/forward.hpp"
#include "domain/tunnel.hpp"
#include "domain/user.hpp"
#include "panel/assignments.hpp"
#include "panel/diagnosis.hpp"
#include "panel/forwards.hpp"
#include "panel/nodes.hpp"
#include "panel/tunnels.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace sluice::flvx {

std::int64_t gigabytes(ByteCount bytes);
std::optional<ByteCount> from_gigabytes(std::int64_t count); // absent when negative or too large to count in bytes
std::int64_t expiry(const std::optional<WallTime>& time);    // 0 is never
std::optional<WallTime> from_expiry(std::int64_t ms);        // 0 and below: never

std::string_view strategy_name(domain::Pick pick);
std::optional<domain::Pick> strategy_of(std::string_view name); // "" is fifo

Json user_json(const domain::User& user);
Json hour_json(const domain::HourlyFlow& hour);
Json assignment_json(const panel::AssignmentView& view, bool in_package);
Json node_json(const panel::NodeView& view);
Json tunnel_json(const panel::TunnelView& view);
Json forward_json(const panel::ForwardView& view);
Json package_forward_json(const panel::ForwardView& view);
Json step_json(const panel::DiagnosisStep& step); // contract 4.10, plus minTime, maxTime, jitter, resolved

} // namespace sluice::flvx
