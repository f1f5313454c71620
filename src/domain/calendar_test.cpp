#include "domain/calendar.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <ctime>
#include <string>

using namespace sluice;
using namespace sluice::domain;

namespace {

// The process's time zone for one test.
class InZone {
public:
    explicit InZone(const char* zone)
    {
        if (const char* before = std::getenv("TZ")) before_ = before;
        ::setenv("TZ", zone, 1);
        ::tzset();
    }
    ~InZone()
    {
        if (before_.empty())
            ::unsetenv("TZ");
        else
            ::setenv("TZ", before_.c_str(), 1);
        ::tzset();
    }

private:
    std::string before_;
};

Day day(const char* text) { return parse_day(text).value(); }

} // namespace

TEST_CASE("a reset day that the month does not have is the month's last day")
{
    CHECK(resets_on(15, day("2026-03-15")));
    CHECK_FALSE(resets_on(15, day("2026-03-14")));
    CHECK(resets_on(31, day("2026-03-31")));
    CHECK_FALSE(resets_on(31, day("2026-03-30")));
    CHECK(resets_on(31, day("2026-04-30")));
    CHECK(resets_on(30, day("2026-02-28")));
    CHECK(resets_on(29, day("2026-02-28")));
    CHECK(resets_on(28, day("2026-02-28")));
}

TEST_CASE("in a leap year the 29th of February is the last day and the 28th is not")
{
    CHECK(resets_on(29, day("2028-02-29")));
    CHECK(resets_on(31, day("2028-02-29")));
    CHECK(resets_on(28, day("2028-02-28")));
    CHECK_FALSE(resets_on(29, day("2028-02-28")));
    CHECK_FALSE(resets_on(28, day("2028-02-29")));
}

TEST_CASE("day 0 never resets, also not on the last day")
{
    CHECK_FALSE(resets_on(0, day("2026-02-28")));
    CHECK_FALSE(resets_on(0, day("2026-01-01")));
}

TEST_CASE("days are read back as they were written, and what is no day is refused")
{
    CHECK(to_text(day("2026-03-01")) == "2026-03-01");
    CHECK(to_text(day_after(day("2028-02-28"))) == "2028-02-29");
    CHECK(to_text(day_after(day("2026-12-31"))) == "2027-01-01");
    for (const char* bad : {"", "2026-3-01", "2026-02-29", "2026-13-01", "2026-00-10", "2026/03/01", "2026-03-001", "-026-03-01", "2026-+1-01"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_day(bad));
    }
}

TEST_CASE("the local day begins at the local midnight")
{
    const auto time = from_epoch_ms(1'767'225'600'000); // 2026-01-01 00:00 UTC
    {
        const InZone zone("UTC0");
        CHECK(local_date(time) == "2026-01-01");
        CHECK(local_date(time - Milliseconds{1}) == "2025-12-31");
        CHECK(local_hour_text(time) == "00:00");
    }
    {
        const InZone zone("CST-8"); // China, without the zone database
        CHECK(local_date(time) == "2026-01-01");
        CHECK(local_hour_text(time) == "08:00");
        CHECK(local_date(time + std::chrono::hours(16)) == "2026-01-02");
    }
}

TEST_CASE("an hour starts on the local clock's full hour, also half an hour off Greenwich")
{
    const InZone zone("IST-5:30");
    const auto half_past = from_epoch_ms(1'767'225'600'000 + 30 * 60 * 1000); // 06:00 in India
    CHECK(start_of_hour(half_past) == half_past);
    CHECK(start_of_hour(half_past + Milliseconds{59 * 60 * 1000 + 59'999}) == half_past);
    CHECK(local_hour_text(half_past) == "06:00");
}
