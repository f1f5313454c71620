// Hours, days and months as people on this host see them.
#pragma once

#include "base/time.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::domain {

using Day = std::chrono::year_month_day;

Day local_day(WallTime time);
Day day_after(Day day);
std::string to_text(Day day);                        // "2026-03-01"
std::optional<Day> parse_day(std::string_view text); // exactly that form, and a day that exists

// Whether counters with this reset day return to zero on `day`. A day that a month does not have is its last one (31 in April is
// the 30th); 0 is never (FLVX contract 4.3).
bool resets_on(int reset_day, Day day);

std::string local_date(WallTime time);      // to_text(local_day(time))
std::string local_hour_text(WallTime time); // "13:00"
WallTime start_of_hour(WallTime time);      // whole local hour, also where the offset is not whole hours

} // namespace sluice::domain
