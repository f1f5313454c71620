// The backup object of this dialect (FLVX contract 5.11): its keys, units and types, both ways. Also what a foreign database becomes before it is read.
#pragma once

#include "api/flvx/json_body.hpp"
#include "domain/snapshot.hpp"

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::flvx {

std::string_view section_name(domain::Section section); // "userTunnels"
// The sections of one name; the published skill's aliases included (contract 8, row 47). Empty for a name that says nothing.
domain::Sections sections_named(std::string_view name);

// Keys of sections that were not taken or are empty are absent.
Json backup_json(const domain::Snapshot& snapshot, WallTime now, const std::function<bool(NodeId)>& online);

struct ReadBackup {
    domain::Snapshot snapshot;
    std::vector<domain::Remarked> remarks; // rows and values that have no meaning here
};

// Strict about JSON types, tolerant of keys it does not know; null is absent. Errors: invalid "body".
Result<ReadBackup> read_backup(const Json& object);

Json remark_json(const domain::Remarked& remarked);

} // namespace sluice::flvx
