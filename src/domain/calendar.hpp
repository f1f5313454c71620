// Hours and days as people on this host see them.
#pragma once

#include "base/time.hpp"

#include <string>

namespace sluice::domain {

std::string local_date(WallTime time);      // "2026-03-01"
std::string local_hour_text(WallTime time); // "13:00"
WallTime start_of_hour(WallTime time);      // whole local hour, also where the offset is not whole hours

} // namespace sluice::domain
