// Quotas: what is used, when a window ends, what happens at the amount, and what is said.
#include "panel/quotas.hpp"

#include "panel/testing.hpp"

#include <cstdlib>
#include <ctime>
#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::panel;
using namespace sluice::panel::testing;

namespace {

struct Zone {
    explicit Zone(const char* name)
    {
        ::setenv("TZ", name, 1);
        ::tzset();
    }
    ~Zone()
    {
        ::setenv("TZ", "UTC", 1);
        ::tzset();
    }
};

WallTime utc(int year, unsigned month, unsigned day, int hour = 12, int minute = 0)
{
    return WallTime{std::chrono::sys_days{std::chrono::year{year} / static_cast<int>(month) / static_cast<int>(day)} + std::chrono::hours(hour) +
                    std::chrono::minutes(minute)};
}

struct Quoted : Bench {
    Zone zone{"UTC"};
    NodeId node = add_node("a");
    TunnelId tunnel = add_tunnel("t", {node});
    Actor alice = add_person("alice");
    AssignmentId assignment = assign(alice, tunnel);
    ForwardId id = make_forward(alice, tunnel, 2000);
    std::int64_t passed = 0;

    Quoted() { clock.set_wall(utc(2026, 3, 10)); }

    static domain::QuotaRule rule(domain::QuotaSpan span, std::int64_t amount, domain::QuotaAction action = domain::QuotaAction::stop)
    {
        domain::QuotaRule made;
        made.span = span;
        made.amount = {amount};
        made.action = action;
        made.rate = 64'000;
        return made;
    }
    QuotaId set(domain::QuotaSubject subject, const domain::QuotaRule& rule) { return value_of(panel.quotas().set(admin, subject, rule)); }
    QuotaId by_day(std::int64_t amount) { return set(domain::subject(alice.user), rule(domain::QuotaSpan::day, amount)); }
    // So many bytes more pass the forward, and are booked.
    void pass(std::int64_t bytes)
    {
        passed += bytes;
        plan::ForwardCounters counters;
        counters.id = id;
        counters.epoch = 1;
        counters.traffic.down = {passed};
        value_of(panel.accounting().book(node, {counters}));
    }
    std::int64_t used(QuotaId quota)
    {
        for (const auto& view : value_of(panel.quotas().list(admin, {}))) {
            if (view.quota.id == quota) return view.used.value;
        }
        return -1;
    }
    bool runs() { return !value_of(panel.plans().compile(node)).forwards.empty(); }
    std::uint64_t revision() { return value_of(panel.plans().compile(node)).revision; }
    // What was said about quotas and expiry, the oldest first: "80 day", "renewed day", "expires 7".
    std::vector<std::string> said()
    {
        std::vector<std::string> texts;
        const auto part = [](const std::string& details, const std::string& name) {
            const auto at = details.find("\"" + name + "\":\"");
            if (at == std::string::npos) return std::string{};
            const auto from = at + name.size() + 4;
            return details.substr(from, details.find('"', from) - from);
        };
        for (const auto& event : value_of(panel.events().list(alice, 0, 100)).events) {
            if (event.kind == "quota.used") texts.push_back(part(event.details, "percent") + " " + part(event.details, "window"));
            if (event.kind == "quota.renewed") texts.push_back("renewed " + part(event.details, "window"));
            if (event.kind == "expiry.near") texts.push_back("expires " + part(event.details, "days"));
        }
        std::reverse(texts.begin(), texts.end());
        return texts;
    }
};

} // namespace

TEST_CASE_FIXTURE(Quoted, "every kind of subject counts the same booked bytes from when its quota was set")
{
    pass(1000);
    const auto month = domain::QuotaSpan::month;
    const auto user = set(domain::subject(alice.user), rule(month, 10'000));
    const auto assigned = set(domain::subject(assignment), rule(month, 10'000));
    const auto forward = set(domain::subject(id), rule(month, 10'000));
    const auto machine = set(domain::subject(node), rule(month, 10'000));
    pass(700);
    for (const auto quota : {user, assigned, forward, machine}) CHECK(used(quota) == 700);
}

TEST_CASE_FIXTURE(Quoted, "a resetting of the FLVX counters leaves windows alone")
{
    const auto quota = by_day(10'000);
    pass(700);
    REQUIRE(panel.users().reset_traffic(admin, alice.user));
    CHECK(used(quota) == 700);
    pass(5);
    CHECK(used(quota) == 705);
}

TEST_CASE_FIXTURE(Quoted, "a quota that is reached takes what it is on out of the plan, and lets it back when its window ends")
{
    for (const auto subject : {domain::subject(alice.user), domain::subject(assignment), domain::subject(id), domain::subject(node)}) {
        CAPTURE(to_text(subject.kind));
        const auto quota = set(subject, rule(domain::QuotaSpan::day, 1000));
        pass(999);
        CHECK(runs());
        const auto before = revision();
        pass(1);
        CHECK_FALSE(runs());
        CHECK(revision() > before);
        CHECK(forward(id)->enabled); // its owner did not pause it
        const auto view = value_of(panel.forwards().get(alice, id));
        CHECK(view.state == ForwardState::stopped);
        REQUIRE(view.held_by);
        CHECK(view.held_by->subject == subject);
        clock.advance(std::chrono::hours(24));
        REQUIRE(panel.quotas().keep_up());
        CHECK(runs());
        CHECK(used(quota) == 0);
        REQUIRE(panel.quotas().remove(admin, quota));
    }
}

TEST_CASE_FIXTURE(Quoted, "neither a new forward nor resuming, moving, pausing or assigning again is a way around a quota")
{
    const auto other = add_tunnel("u", {node});
    assign(alice, other);
    by_day(1000);
    pass(1000);
    REQUIRE_FALSE(runs());
    CHECK(verdict(panel.forwards().create(alice, draft(tunnel, 2001))) == "quota_exceeded quota.user");
    CHECK(verdict(panel.forwards().resume(alice, id)) == "quota_exceeded quota.user");
    domain::ForwardPatch move;
    move.tunnel = other;
    CHECK(verdict(panel.forwards().update(alice, id, move)) == "quota_exceeded quota.user");
    domain::ForwardPatch rename;
    rename.name = "other";
    CHECK(verdict(panel.forwards().update(alice, id, rename)) == "ok");
    REQUIRE(panel.forwards().pause(alice, id));
    CHECK(verdict(panel.forwards().resume(alice, id)) == "quota_exceeded quota.user");
    assign(alice, tunnel);
    CHECK_FALSE(runs());
}

TEST_CASE_FIXTURE(Quoted, "a throttled subject gets a speed limit, which goes when the quota does")
{
    const auto quota = set(domain::subject(alice.user), rule(domain::QuotaSpan::month, 1000, domain::QuotaAction::throttle));
    CHECK(value_of(panel.plans().compile(node)).speed_limits.empty());
    pass(1500);
    auto plan = value_of(panel.plans().compile(node));
    REQUIRE(plan.forwards.size() == 1);
    REQUIRE(plan.speed_limits.size() == 1);
    CHECK(plan.speed_limits.front().up == 64'000);
    CHECK(plan.forwards.front().speed_limits == std::vector{plan.speed_limits.front().id});
    CHECK(value_of(panel.forwards().get(alice, id)).held_by->rule.action == domain::QuotaAction::throttle);
    auto faster = rule(domain::QuotaSpan::month, 1000, domain::QuotaAction::throttle);
    faster.rate = 128'000;
    CHECK(set(domain::subject(alice.user), faster) == quota);
    CHECK(value_of(panel.plans().compile(node)).speed_limits.front().up == 128'000);
    REQUIRE(panel.quotas().remove(admin, quota));
    CHECK(value_of(panel.plans().compile(node)).speed_limits.empty());
}

TEST_CASE_FIXTURE(Quoted, "a larger amount lets go at once, a smaller one stops at once, and what was used stays")
{
    const auto quota = by_day(1000);
    pass(1000);
    CHECK_FALSE(runs());
    by_day(2000);
    CHECK(used(quota) == 1000);
    CHECK(runs());
    by_day(500);
    CHECK_FALSE(runs());
}

TEST_CASE_FIXTURE(Quoted, "somebody says how much is used, and traffic adds to it")
{
    const auto quota = by_day(1000);
    pass(400);
    REQUIRE(panel.quotas().set_used(admin, quota, {990}));
    CHECK(used(quota) == 990);
    CHECK(runs());
    pass(10);
    CHECK(used(quota) == 1000);
    CHECK_FALSE(runs());
    REQUIRE(panel.quotas().set_used(admin, quota, {0}));
    CHECK(runs());
    CHECK(verdict(panel.quotas().set_used(admin, quota, {-1})) == "invalid quota.used");
    CHECK(verdict(panel.quotas().set_used(admin, QuotaId{99}, {1})) == "not_found quota");
}

TEST_CASE_FIXTURE(Quoted, "what is booked after midnight belongs to the new day, whoever looks first")
{
    const auto quota = by_day(1000);
    pass(600);
    clock.set_wall(utc(2026, 3, 11, 0, 1));
    pass(300); // nobody looked at the calendar in between
    CHECK(used(quota) == 300);
    clock.set_wall(utc(2026, 3, 15)); // the program did not run for some days
    CHECK(used(quota) == 0);
    pass(7);
    CHECK(used(quota) == 7);
}

TEST_CASE_FIXTURE(Quoted, "days are those of the appliance's time zone, also where clocks change")
{
    const Zone berlin("CET-1CEST,M3.5.0,M10.5.0/3");
    clock.set_wall(utc(2026, 3, 28, 22, 30)); // 23:30 there
    const auto quota = by_day(10'000);
    pass(100);
    clock.set_wall(utc(2026, 3, 28, 23, 30)); // 00:30 on the day that has 23 hours
    pass(20);
    CHECK(used(quota) == 20);
    clock.set_wall(utc(2026, 3, 29, 21, 59)); // 23:59
    pass(3);
    CHECK(used(quota) == 23);
    clock.set_wall(utc(2026, 3, 29, 22, 0)); // midnight
    pass(4);
    CHECK(used(quota) == 4);
}

TEST_CASE_FIXTURE(Quoted, "a month begins on its own reset day, or the last day of a shorter month")
{
    clock.set_wall(utc(2028, 2, 10));
    auto monthly = rule(domain::QuotaSpan::month, 10'000);
    monthly.reset_day = 31;
    const auto quota = set(domain::subject(node), monthly);
    pass(100);
    clock.set_wall(utc(2028, 2, 28));
    pass(10);
    CHECK(used(quota) == 110);
    clock.set_wall(utc(2028, 2, 29)); // leap day
    pass(1);
    CHECK(used(quota) == 1);
}

TEST_CASE_FIXTURE(Quoted, "a clock that goes back gives nobody a new window; one that was ahead is put right by saying what is used")
{
    const auto quota = by_day(1000);
    clock.set_wall(utc(2026, 3, 11));
    pass(1000);
    CHECK_FALSE(runs());
    clock.set_wall(utc(2020, 1, 1));
    REQUIRE(panel.quotas().keep_up());
    CHECK_FALSE(runs());
    CHECK(used(quota) == 1000);
    REQUIRE(panel.quotas().set_used(admin, quota, {0}));
    CHECK(runs());
    clock.set_wall(utc(2020, 1, 2));
    pass(5);
    CHECK(used(quota) == 5);
}

TEST_CASE_FIXTURE(Quoted, "80, 90 and 100 percent are said once per window, also across a restart")
{
    by_day(1000);
    pass(790);
    CHECK(said().empty());
    pass(10);
    pass(50);
    CHECK(said() == std::vector<std::string>{"80 day"});
    Panel again(*store, clock, live, Secret{std::string(32, 'k')});
    ScriptedNodes its_nodes{again};
    again.connect(its_nodes);
    plan::ForwardCounters counters;
    counters.id = id;
    counters.epoch = 1;
    counters.traffic.down = {passed += 60};
    value_of(again.accounting().book(node, {counters}));
    pass(0);
    CHECK(said() == std::vector<std::string>{"80 day", "90 day"});
    pass(100);
    pass(100);
    CHECK(said() == std::vector<std::string>{"80 day", "90 day", "100 day"});
    clock.advance(std::chrono::hours(24));
    REQUIRE(panel.quotas().keep_up());
    pass(850);
    CHECK(said() == std::vector<std::string>{"80 day", "90 day", "100 day", "renewed day", "80 day"});
}

TEST_CASE_FIXTURE(Quoted, "the allowance of the contract is spoken of like a quota, and anew after its reset")
{
    write([&](store::WriteTx& tx) {
        auto row = *store::UserTable(tx).find(alice.user);
        row.allowance.quota = {1000};
        store::UserTable(tx).update(row);
    });
    pass(950);
    pass(10);
    CHECK(said() == std::vector<std::string>{"90 allowance"});
    REQUIRE(panel.users().reset_traffic(admin, alice.user));
    pass(950);
    CHECK(said() == std::vector<std::string>{"90 allowance", "90 allowance"});
}

TEST_CASE_FIXTURE(Quoted, "expiry is said a week and a day before it, once for each date")
{
    const auto expire_at = [&](WallTime time) {
        write([&](store::WriteTx& tx) {
            auto row = *store::UserTable(tx).find(alice.user);
            row.allowance.expires = time;
            store::UserTable(tx).update(row);
        });
    };
    expire_at(utc(2026, 3, 20));
    REQUIRE(panel.quotas().keep_up());
    CHECK(said().empty());
    clock.set_wall(utc(2026, 3, 13, 13));
    REQUIRE(panel.quotas().keep_up());
    REQUIRE(panel.quotas().keep_up());
    CHECK(said() == std::vector<std::string>{"expires 7"});
    clock.set_wall(utc(2026, 3, 19, 13));
    REQUIRE(panel.quotas().keep_up());
    REQUIRE(panel.quotas().keep_up());
    CHECK(said() == std::vector<std::string>{"expires 7", "expires 1"});
    expire_at(utc(2026, 3, 25)); // somebody paid
    REQUIRE(panel.quotas().keep_up());
    CHECK(said() == std::vector<std::string>{"expires 7", "expires 1", "expires 7"});
}

TEST_CASE_FIXTURE(Quoted, "what a later place of a tunnel carries is used of its node and billed to nobody")
{
    const auto quota = set(domain::subject(node), rule(domain::QuotaSpan::month, 10'000));
    const auto before = user(alice.user).used;
    plan::ForwardCounters counters;
    counters.id = id;
    counters.epoch = 1;
    counters.carried = {{300}, {500}};
    value_of(panel.accounting().book(node, {counters}));
    value_of(panel.accounting().book(node, {counters})); // a repeated report
    CHECK(used(quota) == 800);
    CHECK(user(alice.user).used == before);
}

TEST_CASE_FIXTURE(Quoted, "users see their own quotas and events, and set none")
{
    const auto bob = add_person("bob");
    const auto mine = by_day(1000);
    set(domain::subject(node), rule(domain::QuotaSpan::day, 1000));
    pass(900);
    CHECK(value_of(panel.quotas().list(admin, {})).size() == 2);
    const auto own = value_of(panel.quotas().list(alice, {}));
    REQUIRE(own.size() == 1);
    CHECK(own.front().quota.id == mine);
    CHECK(value_of(panel.quotas().list(bob, {})).empty());
    CHECK(value_of(panel.quotas().list(bob, domain::subject(alice.user))).empty());
    CHECK(value_of(panel.quotas().list(alice, domain::subject(node))).empty());
    CHECK(value_of(panel.events().list(bob, 0, 10)).total == 0);
    CHECK(verdict(panel.quotas().set(alice, domain::subject(alice.user), rule(domain::QuotaSpan::day, 1))) == "forbidden role");
    CHECK(verdict(panel.quotas().set_used(alice, mine, {0})) == "forbidden role");
    CHECK(verdict(panel.quotas().remove(alice, mine)) == "forbidden role");
}

TEST_CASE_FIXTURE(Quoted, "a quota that says nothing sensible is refused by the name of its field")
{
    const auto refused = [&](auto change) {
        auto wrong = rule(domain::QuotaSpan::month, 1000, domain::QuotaAction::throttle);
        change(wrong);
        return verdict(panel.quotas().set(admin, domain::subject(alice.user), wrong));
    };
    CHECK(refused([](auto& one) { one.amount = {0}; }) == "invalid quota.amount");
    CHECK(refused([](auto& one) { one.reset_day = 32; }) == "invalid quota.reset_day");
    CHECK(refused([](auto& one) { one.ratio = 0; }) == "invalid quota.ratio");
    CHECK(refused([](auto& one) { one.rate = 0; }) == "invalid quota.rate");
    CHECK(verdict(panel.quotas().set(admin, domain::subject(UserId{99}), rule(domain::QuotaSpan::day, 1))) == "not_found user");
    CHECK(verdict(panel.quotas().set(admin, domain::subject(NodeId{99}), rule(domain::QuotaSpan::day, 1))) == "not_found node");
    CHECK(value_of(panel.quotas().list(admin, {})).empty());
}

TEST_CASE_FIXTURE(Quoted, "what is deleted takes its quotas along")
{
    set(domain::subject(id), rule(domain::QuotaSpan::day, 1000));
    by_day(1000);
    REQUIRE(panel.users().remove(admin, alice.user));
    CHECK(value_of(panel.quotas().list(admin, {})).empty());
}

TEST_CASE_FIXTURE(Quoted, "a user's caps are in the plan of his forwards; the smaller of two caps on clients holds")
{
    UserDraft caps;
    caps.name = "alice";
    caps.allowance = user(alice.user).allowance;
    caps.max_connections = 50;
    caps.max_clients = 3;
    caps.replace_clients = true;
    REQUIRE(panel.users().update(admin, alice.user, caps));
    auto plan = value_of(panel.plans().compile(node));
    REQUIRE(plan.connection_caps.size() == 1);
    CHECK(plan.connection_caps.front().most == 50);
    CHECK(plan.forwards.front().connection_cap == plan.connection_caps.front().id);
    CHECK(plan.forwards.front().max_clients == 3);
    CHECK(plan.forwards.front().replace_clients);
    domain::ForwardPatch own;
    own.max_clients = 2;
    own.replace_clients = false;
    REQUIRE(panel.forwards().update(alice, id, own));
    plan = value_of(panel.plans().compile(node));
    CHECK(plan.forwards.front().max_clients == 2);
    CHECK_FALSE(plan.forwards.front().replace_clients);
    own.max_clients = 9; // more than the administrator allows
    REQUIRE(panel.forwards().update(alice, id, own));
    CHECK(value_of(panel.plans().compile(node)).forwards.front().max_clients == 3);
    caps.max_connections.reset(); // a client of the contract that knows no caps
    caps.max_clients.reset();
    caps.replace_clients.reset();
    REQUIRE(panel.users().update(admin, alice.user, caps));
    CHECK(value_of(panel.plans().compile(node)).forwards.front().max_clients == 3);
}
