#include "domain/calendar.hpp"

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

std::string local_date(WallTime time)
{
    const auto parts = local(time);
    std::array<char, 48> text{};
    std::snprintf(text.data(), text.size(), "%04d-%02d-%02d", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
    return text.data();
}

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
