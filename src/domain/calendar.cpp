#include "domain/calendar.hpp"

#include "base/text.hpp"

#include <array>
#include <cstdio>
#include <ctime>

namespace sluice::domain {

namespace {

std::tm local(WallTime time)
{
    const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
    std::tm parts{};
    localtime_r(&seconds, &parts);
    return parts;
}

} // namespace

Day local_day(WallTime time)
{
    const auto parts = local(time);
    return Day{std::chrono::year{parts.tm_year + 1900}, std::chrono::month{static_cast<unsigned>(parts.tm_mon + 1)},
               std::chrono::day{static_cast<unsigned>(parts.tm_mday)}};
}

Day day_after(Day day) { return Day{std::chrono::sys_days{day} + std::chrono::days{1}}; }

std::string to_text(Day day)
{
    std::array<char, 48> text{};
    std::snprintf(text.data(), text.size(), "%04d-%02u-%02u", static_cast<int>(day.year()), static_cast<unsigned>(day.month()),
                  static_cast<unsigned>(day.day()));
    return text.data();
}

std::optional<Day> parse_day(std::string_view text)
{
    if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
    const auto year = parse_int(text.substr(0, 4));
    const auto month = parse_int(text.substr(5, 2));
    const auto number = parse_int(text.substr(8, 2));
    if (!year || !month || !number || *year < 0 || *month < 0 || *number < 0) return std::nullopt;
    const Day day{std::chrono::year{static_cast<int>(*year)}, std::chrono::month{static_cast<unsigned>(*month)},
                  std::chrono::day{static_cast<unsigned>(*number)}};
    if (!day.ok()) return std::nullopt;
    return day;
}

bool resets_on(int reset_day, Day day)
{
    if (reset_day <= 0) return false;
    const auto wanted = static_cast<unsigned>(reset_day);
    const auto last = static_cast<unsigned>(std::chrono::year_month_day_last{day.year(), std::chrono::month_day_last{day.month()}}.day());
    const auto today = static_cast<unsigned>(day.day());
    return wanted == today || (today == last && wanted > last);
}

std::string local_date(WallTime time) { return to_text(local_day(time)); }

std::string local_hour_text(WallTime time)
{
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%02d:00", local(time).tm_hour);
    return text.data();
}

WallTime start_of_hour(WallTime time)
{
    const auto parts = local(time);
    return std::chrono::floor<std::chrono::seconds>(time) - std::chrono::minutes(parts.tm_min) - std::chrono::seconds(parts.tm_sec);
}

} // namespace sluice::domain
