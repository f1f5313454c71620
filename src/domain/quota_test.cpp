// Windows across month ends and leap days, and what is used in them.
#include "domain/quota.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::domain;

namespace {

Day day(const char* text) { return *parse_day(text); }

QuotaRule monthly(int reset_day)
{
    QuotaRule rule;
    rule.reset_day = reset_day;
    rule.amount = {1000};
    return rule;
}

std::string window(const QuotaRule& rule, const char* today)
{
    const auto start = window_start(rule, day(today));
    const auto end = window_end(rule, start);
    return to_text(start) + " " + (end ? to_text(*end) : "never");
}

Quota quota(QuotaCount count, double ratio = 1.0)
{
    Quota made;
    made.rule = monthly(1);
    made.rule.count = count;
    made.rule.ratio = ratio;
    made.window.base = {{100}, {200}};
    return made;
}

} // namespace

TEST_CASE("a month's window begins on its reset day, or on the last day of a month that is too short")
{
    CHECK(window(monthly(1), "2026-11-27") == "2026-11-01 2026-12-01");
    CHECK(window(monthly(27), "2026-11-27") == "2026-11-27 2026-12-27");
    CHECK(window(monthly(28), "2026-11-27") == "2026-10-28 2026-11-28");
    CHECK(window(monthly(31), "2026-03-30") == "2026-02-28 2026-03-31");
    CHECK(window(monthly(31), "2028-03-01") == "2028-02-29 2028-03-31");
    CHECK(window(monthly(30), "2028-02-29") == "2028-02-29 2028-03-30");
    CHECK(window(monthly(31), "2026-01-01") == "2025-12-31 2026-01-31");
    CHECK(window(monthly(31), "2026-04-30") == "2026-04-30 2026-05-31");
}

TEST_CASE("a day's window is the day, and a total never ends")
{
    auto rule = monthly(5);
    rule.span = QuotaSpan::day;
    CHECK(window(rule, "2026-12-31") == "2026-12-31 2027-01-01");
    rule.span = QuotaSpan::total;
    CHECK(window(rule, "2026-12-31") == "2026-12-31 never");
}

TEST_CASE("what is used is what the sums grew since the window began, by the directions that count, and what somebody corrected")
{
    const Traffic sums{{150}, {500}};
    CHECK(used(quota(QuotaCount::both), sums).value == 350);
    CHECK(used(quota(QuotaCount::up), sums).value == 50);
    CHECK(used(quota(QuotaCount::down), sums).value == 300);
    CHECK(used(quota(QuotaCount::larger), sums).value == 300);
    CHECK(used(quota(QuotaCount::both, 2.0), sums).value == 700);
    CHECK(used(quota(QuotaCount::up, 0.33), sums).value == 16);
    auto corrected = quota(QuotaCount::both);
    corrected.window.correction = {1000};
    CHECK(used(corrected, sums).value == 1350);
}

TEST_CASE("notices are due at 80, 90 and 100 percent")
{
    CHECK(notice_level({799}, {1000}) == 0);
    CHECK(notice_level({800}, {1000}) == 80);
    CHECK(notice_level({899}, {1000}) == 80);
    CHECK(notice_level({900}, {1000}) == 90);
    CHECK(notice_level({999}, {1000}) == 90);
    CHECK(notice_level({1000}, {1000}) == 100);
    CHECK(notice_level({5}, {0}) == 0);
}
