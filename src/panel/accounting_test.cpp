// From absolute readings to bills, exactly once; and what the calendar does to them.
#include "panel/accounting.hpp"

#include "domain/calendar.hpp"
#include "panel/testing.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::panel;
using namespace sluice::panel::testing;

namespace {

Traffic traffic(std::int64_t up, std::int64_t down) { return {{up}, {down}}; }

struct Meter : Bench {
    NodeId node = add_node("a");
    TunnelId tunnel = add_tunnel("t", {node});
    Actor alice = add_person("alice");
    AssignmentId assignment = assign(alice, tunnel);
    ForwardId id = make_forward(alice, tunnel, 2000);

    plan::ForwardCounters reading(std::int64_t up, std::int64_t down, std::uint64_t epoch = 1, ForwardId of = {})
    {
        plan::ForwardCounters counters;
        counters.id = of ? of : id;
        counters.epoch = epoch;
        counters.traffic = traffic(up, down);
        return counters;
    }
    std::vector<ForwardId> book(const std::vector<plan::ForwardCounters>& counters) { return value_of(panel.accounting().book(node, counters)); }
    Traffic of_user() { return user(alice.user).used; }
    Traffic of_forward() { return forward(id)->used; }
    Traffic of_assignment() { return value_of(panel.assignments().list(admin, alice.user)).front().assignment.used; }
    void set_billing(domain::Billing billing)
    {
        write([&](store::WriteTx& tx) {
            auto row = *store::TunnelTable(tx).find(tunnel);
            row.billing = billing;
            store::TunnelTable(tx).update(row);
        });
    }
    void set_user_allowance(const domain::Allowance& allowance)
    {
        write([&](store::WriteTx& tx) {
            auto row = *store::UserTable(tx).find(alice.user);
            row.allowance = allowance;
            store::UserTable(tx).update(row);
        });
    }
    void set_assignment_allowance(const domain::Allowance& allowance)
    {
        write([&](store::WriteTx& tx) {
            auto row = *store::AssignmentTable(tx).find(assignment);
            row.allowance = allowance;
            store::AssignmentTable(tx).update(row);
        });
    }
};

} // namespace

TEST_CASE_FIXTURE(Meter, "a reading is billed to the forward, its owner, his assignment and his day")
{
    set_billing({2, 1.5});
    book({reading(50, 100)});
    CHECK(of_forward() == traffic(150, 300));
    CHECK(of_user() == traffic(150, 300));
    CHECK(of_assignment() == traffic(150, 300));
    CHECK(value_of(panel.accounting().package(alice)).today == traffic(150, 300));
}

TEST_CASE_FIXTURE(Meter, "readings are absolute: a repeated one adds nothing, a lost one is made up for, an old one is not booked again")
{
    book({reading(100, 10)});
    book({reading(100, 10)});
    CHECK(of_user() == traffic(100, 10));
    book({reading(300, 30)}); // the one with 200, 20 was lost
    CHECK(of_user() == traffic(300, 30));
    book({reading(200, 20)}); // and comes late
    CHECK(of_user() == traffic(300, 30));
    book({reading(350, 35)});
    CHECK(of_user() == traffic(350, 35));
    CHECK(of_forward() == of_user());
}

TEST_CASE_FIXTURE(Meter, "a new epoch starts at zero, and what the old one counted stays booked")
{
    book({reading(100, 10, 1)});
    book({reading(5, 5, 2)});
    CHECK(of_user() == traffic(105, 15));
    book({reading(7, 5, 2)});
    CHECK(of_user() == traffic(107, 15));
}

TEST_CASE_FIXTURE(Meter, "a panel that was killed books the rest when it is back, and nothing twice")
{
    book({reading(100, 10)});
    store.reset();
    store = store::testing::value_of(store::Store::open({folder.file("sluice.db")}));
    Panel again(*store, clock, live, Secret{std::string(32, 'k')});
    again.connect(nodes);
    value_of(again.accounting().book(node, {reading(100, 10)}));
    value_of(again.accounting().book(node, {reading(150, 10)}));
    CHECK(of_user() == traffic(150, 10));
}

TEST_CASE_FIXTURE(Meter, "two nodes of one forward are counted apart")
{
    const auto other = add_node("b");
    book({reading(100, 0)});
    value_of(panel.accounting().book(other, {reading(40, 0)}));
    book({reading(110, 0)});
    CHECK(of_user() == traffic(150, 0));
}

TEST_CASE_FIXTURE(Meter, "a node that reports negative bytes adds nothing")
{
    book({reading(100, 10)});
    book({reading(-500, 20)});
    CHECK(of_user() == traffic(100, 10));
}

TEST_CASE_FIXTURE(Meter, "a forward that is deleted before its last bytes are booked still bills its owner, then the node may forget it")
{
    book({reading(100, 0)});
    value_of(panel.forwards().remove(alice, id));
    CHECK(book({reading(160, 0)}).empty());
    CHECK(of_user() == traffic(160, 0));
    CHECK(of_assignment() == traffic(160, 0));
    CHECK(book({reading(160, 0)}) == std::vector{id});
    CHECK(read([&](store::ReadTx& tx) { return store::BookedCounterTable(tx).of_node(node).empty(); }));
}

TEST_CASE_FIXTURE(Meter, "a forward that is deleted before anything was booked bills its owner, too")
{
    value_of(panel.forwards().remove(alice, id));
    book({reading(60, 6)});
    CHECK(of_user() == traffic(60, 6));
}

TEST_CASE_FIXTURE(Meter, "a forward nobody knows is billed to nobody and forgotten when it rests")
{
    book({reading(60, 6, 1, ForwardId{777})});
    CHECK(of_user() == Traffic{});
    CHECK(book({reading(60, 6, 1, ForwardId{777})}) == std::vector{ForwardId{777}});
}

TEST_CASE_FIXTURE(Meter, "when the tunnel is gone, raw bytes are billed")
{
    set_billing({2, 10.0});
    value_of(panel.tunnels().remove(admin, tunnel));
    book({reading(60, 6)});
    CHECK(of_user() == traffic(60, 6));
}

TEST_CASE_FIXTURE(Meter, "a user may use exactly his quota; one byte more pauses all his forwards in the same moment")
{
    const auto other_tunnel = add_tunnel("u", {node});
    assign(alice, other_tunnel);
    const auto other = make_forward(alice, other_tunnel, 2001);
    set_user_allowance({gibibytes(1), 0, {}, 0});
    book({reading(bytes_per_gib, 0)});
    CHECK(forward(id)->enabled);
    nodes.told.clear();
    book({reading(bytes_per_gib, 1)});
    CHECK_FALSE(forward(id)->enabled);
    CHECK_FALSE(forward(other)->enabled);
    CHECK(nodes.told == std::vector{node});
    CHECK(value_of(panel.plans().compile(node)).forwards.empty());
}

TEST_CASE_FIXTURE(Meter, "an assignment stops when it has used all of its quota, and only its own tunnel does")
{
    const auto other_tunnel = add_tunnel("u", {node});
    assign(alice, other_tunnel);
    const auto other = make_forward(alice, other_tunnel, 2001);
    set_assignment_allowance({gibibytes(1), 0, {}, 0});
    book({reading(bytes_per_gib - 1, 0)});
    CHECK(forward(id)->enabled);
    book({reading(bytes_per_gib, 0)});
    CHECK_FALSE(forward(id)->enabled);
    CHECK(forward(other)->enabled);
}

TEST_CASE_FIXTURE(Meter, "an account that expired stops at its next byte; one without an expiry never does")
{
    clock.advance(std::chrono::hours(24 * 365 * 50));
    book({reading(1, 0)});
    CHECK(forward(id)->enabled);
    set_user_allowance({gibibytes(1), 0, clock.wall(), 0});
    book({reading(2, 0)});
    CHECK_FALSE(forward(id)->enabled);
}

TEST_CASE_FIXTURE(Meter, "an administrator's forwards are counted and never stopped")
{
    write([&](store::WriteTx& tx) {
        auto row = *store::UserTable(tx).find(admin.user);
        row.allowance.quota = {};
        store::UserTable(tx).update(row);
    });
    const auto own = make_forward(admin, tunnel, 2002);
    book({reading(500, 0, 1, own)});
    CHECK(user(admin.user).used == traffic(500, 0));
    CHECK(forward(own)->enabled);
}

TEST_CASE_FIXTURE(Meter, "there is one row an hour: what was used since the row before, and everything after a reset")
{
    const auto hours = [&] { return value_of(panel.accounting().package(alice)).hours; };
    book({reading(250, 0)});
    value_of(panel.accounting().roll_up_hour());
    value_of(panel.accounting().roll_up_hour());
    REQUIRE(hours().size() == 1);
    CHECK(hours().back().flow == ByteCount{250});
    clock.advance(std::chrono::hours(1));
    book({reading(300, 0)});
    value_of(panel.accounting().roll_up_hour());
    CHECK(hours().back().flow == ByteCount{50}); // the contract's example
    CHECK(hours().back().total == ByteCount{300});
    value_of(panel.users().reset_traffic(admin, alice.user));
    clock.advance(std::chrono::hours(1));
    book({reading(320, 0)});
    value_of(panel.accounting().roll_up_hour());
    CHECK(hours().back().flow == ByteCount{20});
    CHECK(hours().back().total == ByteCount{20});
}

TEST_CASE_FIXTURE(Meter, "an administrator's package also says what everybody used")
{
    book({reading(100, 10)});
    const auto own = value_of(panel.accounting().package(alice));
    CHECK_FALSE(own.everyone);
    const auto all = value_of(panel.accounting().package(admin));
    REQUIRE(all.everyone);
    CHECK(all.today == Traffic{});
    CHECK(all.everyone->today == own.today);
    CHECK(own.today != Traffic{});
}

TEST_CASE_FIXTURE(Meter, "the package shows the newest 24 hours, and 48 are kept")
{
    for (int i = 0; i < 60; ++i) {
        clock.advance(std::chrono::hours(1));
        value_of(panel.accounting().roll_up_hour());
    }
    CHECK(value_of(panel.accounting().package(alice)).hours.size() == 24);
    CHECK(read([&](store::ReadTx& tx) { return store::FlowTable(tx).newest_hours(alice.user, 1000).size(); }) <= 49);
}

namespace {

// Noon of a day, so that a time zone does not move it.
WallTime noon(const char* day) { return WallTime{std::chrono::sys_days{*domain::parse_day(day)}} + std::chrono::hours(12); }

struct Month : Meter {
    Month()
    {
        clock.set_wall(noon("2026-01-10"));
        value_of(panel.accounting().begin_day()); // the first day that this database sees
        set_user_allowance({gibibytes(100), 0, {}, 31});
        set_assignment_allowance({gibibytes(100), 0, {}, 15});
        book({reading(100, 10)});
    }
    void begin(const char* day)
    {
        clock.set_wall(noon(day));
        value_of(panel.accounting().begin_day());
    }
};

} // namespace

TEST_CASE_FIXTURE(Month, "counters return to zero on their own day of the month, and forwards keep theirs")
{
    begin("2026-01-14");
    CHECK(of_assignment() == traffic(100, 10));
    begin("2026-01-15");
    CHECK(of_assignment() == Traffic{});
    CHECK(of_user() == traffic(100, 10));
    begin("2026-01-31");
    CHECK(of_user() == Traffic{});
    CHECK(of_forward() == traffic(100, 10));
    CHECK(event_kinds().front() == "user.traffic_reset");
}

TEST_CASE_FIXTURE(Month, "a day happens once, also when the clock goes back and comes again")
{
    begin("2026-01-31");
    book({reading(150, 10)});
    begin("2026-01-31");
    CHECK(of_user() == traffic(50, 0));
    begin("2026-01-30");
    begin("2026-01-31");
    CHECK(of_user() == traffic(50, 0));
}

TEST_CASE_FIXTURE(Month, "the day that a month does not have is its last")
{
    begin("2026-02-27");
    book({reading(150, 10)});
    begin("2026-02-28");
    CHECK(of_user() == Traffic{});
}

TEST_CASE_FIXTURE(Month, "days that passed while nothing ran are made up for")
{
    begin("2026-02-05"); // over the 15th and the 31st
    CHECK(of_user() == Traffic{});
    CHECK(of_assignment() == Traffic{});
    book({reading(150, 10)});
    begin("2026-09-01"); // far longer than a month
    CHECK(of_user() == Traffic{});
}

TEST_CASE_FIXTURE(Meter, "the first day of a database resets nothing")
{
    clock.set_wall(noon("2026-01-31"));
    set_user_allowance({gibibytes(100), 0, {}, 31});
    book({reading(100, 10)});
    value_of(panel.accounting().begin_day());
    CHECK(of_user() == traffic(100, 10));
}

TEST_CASE_FIXTURE(Month, "a reset does not resume what was paused")
{
    set_user_allowance({{0}, 0, {}, 31});
    book({reading(200, 10)});
    CHECK_FALSE(forward(id)->enabled);
    begin("2026-01-31");
    CHECK(of_user() == Traffic{});
    CHECK_FALSE(forward(id)->enabled);
}

TEST_CASE_FIXTURE(Month, "who expired is switched off at the next day: signed out, and his forwards paused without a byte")
{
    set_user_allowance({gibibytes(100), 0, noon("2026-01-11"), 0});
    const std::string hash(32, 's');
    value_of(panel.accounts().open_session(alice.user, hash, noon("2026-12-31"), alice.address, "test"));
    begin("2026-01-11");
    CHECK_FALSE(user(alice.user).enabled);
    CHECK_FALSE(forward(id)->enabled);
    CHECK(verdict(panel.accounts().resolve_session(hash, alice.address)) == "unauthenticated session");
    const auto kinds = event_kinds();
    CHECK(std::count(kinds.begin(), kinds.end(), "user.expired") == 1);
    begin("2026-01-12");
    CHECK(event_kinds().size() == kinds.size());
}

TEST_CASE_FIXTURE(Month, "an expired assignment is switched off; an expiry of never is not an expiry")
{
    begin("2026-01-11");
    CHECK(user(alice.user).enabled);
    set_assignment_allowance({gibibytes(100), 0, noon("2026-01-12"), 0});
    begin("2026-01-12");
    CHECK_FALSE(value_of(panel.assignments().list(admin, alice.user)).front().assignment.enabled);
    CHECK_FALSE(forward(id)->enabled);
    CHECK(user(alice.user).enabled);
}

TEST_CASE_FIXTURE(Month, "an administrator does not expire")
{
    write([&](store::WriteTx& tx) {
        auto row = *store::UserTable(tx).find(admin.user);
        row.allowance.expires = noon("2026-01-11");
        store::UserTable(tx).update(row);
    });
    begin("2026-01-12");
    CHECK(user(admin.user).enabled);
}
