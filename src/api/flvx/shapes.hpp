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
#include "panel/speed_limits.hpp"
#include "panel/tunnels.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::flvx {

std::int64_t gigabytes(ByteCount bytes);
std::optional<ByteCount> from_gigabytes(std::int64_t count); // absent when negative or too large to count in bytes
std::int64_t expiry(const std::optional<WallTime>& time);    // 0 is never
std::optional<WallTime> from_expiry(std::int64_t ms);        // 0 and below: never

std::string_view strategy_name(domain::Pick pick);
std::optional<domain::Pick> strategy_of(std::string_view name); // "" is fifo

// Of a node's place in a tunnel; what is unknown is round and tls (contract 4.7).
std::string_view strategy_name(domain::HopStrategy strategy);
domain::HopStrategy hop_strategy_of(std::string_view name);
std::string_view carrier_name(domain::Carrier carrier);
domain::Carrier carrier_of(std::string_view name);

std::string_view preference_name(domain::AddressFamily family);            // "", "v4", "v6"
std::optional<domain::AddressFamily> preference_of(std::string_view name); // also "auto", "ipv4", "ipv6" (contract 8, row 26)

std::string_view policy_name(bool replace);                     // "refuse", "replace"
std::string targets_text(const std::vector<HostPort>& targets); // "a:1,[::1]:2"

Json user_json(const domain::User& user);
Json hour_json(const domain::HourlyFlow& hour);
Json assignment_json(const panel::AssignmentView& view, bool in_package);
Json speed_limit_json(const panel::SpeedLimitView& view);
Json node_json(const panel::NodeView& view);
Json tunnel_json(const panel::TunnelView& view);
Json forward_json(const panel::ForwardView& view);
Json package_forward_json(const panel::ForwardView& view);
Json step_json(const panel::DiagnosisStep& step); // contract 4.10, plus minTime, maxTime, jitter, resolved

} // namespace sluice::flvx
