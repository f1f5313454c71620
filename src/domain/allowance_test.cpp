#include "domain/allowance.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace sluice;
using namespace sluice::domain;

namespace {

const WallTime now = from_epoch_ms(1'700'000'000'000);

User user_with(std::int64_t quota_gib, std::int64_t used_bytes)
{
    User user;
    user.allowance.quota = gibibytes(quota_gib);
    user.used.up = {used_bytes};
    return user;
}

Assignment assignment_with(std::int64_t quota_gib, std::int64_t used_bytes)
{
    Assignment assignment;
    assignment.allowance.quota = gibibytes(quota_gib);
    assignment.used.down = {used_bytes};
    return assignment;
}

std::string why(const Result<void>& result) { return result ? "" : result.error().field; }

} // namespace

TEST_CASE("a user may use exactly his quota, an assignment must stay below it")
{
    const auto full = bytes_per_gib;
    CHECK(why(may_run(user_with(1, full), assignment_with(2, 0), now)).empty());
    CHECK(why(may_run(user_with(1, full + 1), assignment_with(2, 0), now)) == "user.flow");
    CHECK(why(may_run(user_with(2, 0), assignment_with(1, full - 1), now)).empty());
    CHECK(why(may_run(user_with(2, 0), assignment_with(1, full), now)) == "assignment.flow");
}

TEST_CASE("a quota of zero is nothing, not unlimited")
{
    CHECK(why(may_run(user_with(0, 1), std::nullopt, now)) == "user.flow");
    CHECK(why(may_run(user_with(1, 0), assignment_with(0, 0), now)) == "assignment.flow");
}

TEST_CASE("both directions count towards a quota")
{
    auto user = user_with(1, bytes_per_gib / 2);
    user.used.down = {bytes_per_gib / 2 + 1};
    CHECK(why(may_run(user, std::nullopt, now)) == "user.flow");
}

TEST_CASE("an expiry is reached in its own millisecond, and an absent one never")
{
    auto user = user_with(1, 0);
    user.allowance.expires = now + Milliseconds{1};
    CHECK(why(may_run(user, std::nullopt, now)).empty());
    user.allowance.expires = now;
    CHECK(why(may_run(user, std::nullopt, now)) == "user.expired");
    user.allowance.expires.reset();
    CHECK(why(may_run(user, std::nullopt, now + std::chrono::hours(24 * 36'500))).empty());
}

TEST_CASE("reasons come in the order of the contract: the user's before the assignment's, off before expired before used up")
{
    auto user = user_with(0, 1);
    auto assignment = assignment_with(0, 1);
    user.enabled = assignment.enabled = false;
    user.allowance.expires = assignment.allowance.expires = now;
    CHECK(why(may_run(user, assignment, now)) == "user.disabled");
    user.enabled = true;
    CHECK(why(may_run(user, assignment, now)) == "user.expired");
    user.allowance.expires.reset();
    CHECK(why(may_run(user, assignment, now)) == "user.flow");
    user.used = {};
    CHECK(why(may_run(user, assignment, now)) == "assignment.disabled");
    assignment.enabled = true;
    CHECK(why(may_run(user, assignment, now)) == "assignment.expired");
    assignment.allowance.expires.reset();
    CHECK(why(may_run(user, assignment, now)) == "assignment.flow");
}

TEST_CASE("an administrator is never stopped")
{
    auto admin = user_with(0, 5);
    admin.role = Role::admin;
    admin.enabled = false;
    admin.allowance.expires = now;
    CHECK(may_run(admin, std::nullopt, now));
    CHECK(may_add_forward(admin, std::nullopt, 1'000'000, 1'000'000));
}

TEST_CASE("the number of forwards is limited in total and on the tunnel; 0 and 99999 are no limit")
{
    auto user = user_with(1, 0);
    auto assignment = assignment_with(1, 0);
    user.allowance.max_forwards = 3;
    assignment.allowance.max_forwards = 2;
    CHECK(why(may_add_forward(user, assignment, 2, 1)).empty());
    CHECK(why(may_add_forward(user, assignment, 3, 0)) == "user.forwards");
    CHECK(why(may_add_forward(user, assignment, 2, 2)) == "assignment.forwards");
    for (const std::int64_t unlimited : {0, 99'999}) {
        CAPTURE(unlimited);
        user.allowance.max_forwards = assignment.allowance.max_forwards = unlimited;
        CHECK(why(may_add_forward(user, assignment, 500'000, 500'000)).empty());
    }
}
