// Tables that grow with time or hold one of a kind: counters, hours, host samples, settings, events.
#include "store/event_table.hpp"
#include "store/flow_table.hpp"
#include "store/setting_table.hpp"
#include "store/testing.hpp"

#include <SQLiteCpp/Database.h>
#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::store;
using testing::TempStore;

namespace {

const WallTime now = from_epoch_ms(1'700'000'000'000);
Traffic traffic(std::int64_t up, std::int64_t down) { return {{up}, {down}}; }

} // namespace

TEST_CASE("a booked counter keeps all 64 bits of its epoch, and outlives its forward but not its node")
{
    TempStore temp;
    const auto node = temp.add_node("a");
    BookedCounter counter;
    counter.forward = ForwardId{12};
    counter.epoch = UINT64_MAX;
    counter.traffic = traffic(1, 2);
    counter.connections = 3;
    counter.user = UserId{4};
    temp.write([&](WriteTx& tx) {
        BookedCounterTable(tx).put(node, counter);
        counter.traffic = traffic(5, 6);
        BookedCounterTable(tx).put(node, counter);
    });
    const auto known = temp.read([&](ReadTx& tx) { return BookedCounterTable(tx).of_node(node); });
    REQUIRE(known.size() == 1);
    const auto& found = known.at(ForwardId{12});
    CHECK(found.epoch == UINT64_MAX);
    CHECK(found.traffic == traffic(5, 6));
    CHECK(found.user == UserId{4});
    CHECK_FALSE(found.tunnel);
    temp.write([&](WriteTx& tx) { NodeTable(tx).remove(node); });
    CHECK(temp.read([&](ReadTx& tx) { return BookedCounterTable(tx).of_node(node).empty(); }));
}

TEST_CASE("hours are one per user and full hour, newest last, and old ones go")
{
    TempStore temp;
    const auto user = temp.add_user("alice");
    const auto hour = std::chrono::hours(1);
    temp.write([&](WriteTx& tx) {
        FlowTable flows(tx);
        for (int i = 0; i < 5; ++i) flows.add_hour(user, {i}, {10 * i}, now + i * hour);
        flows.add_hour(user, {99}, {99}, now); // the same hour again
    });
    const auto newest = temp.read([&](ReadTx& tx) { return FlowTable(tx).newest_hours(user, 3); });
    REQUIRE(newest.size() == 3);
    CHECK(newest.front().flow == ByteCount{2});
    CHECK(newest.back().total == ByteCount{40});
    CHECK(newest.back().hour == now + 4 * hour);
    temp.write([&](WriteTx& tx) { FlowTable(tx).remove_hours_before(now + 4 * hour); });
    CHECK(temp.read([&](ReadTx& tx) { return FlowTable(tx).newest_hours(user, 100).size(); }) == 1);
}

TEST_CASE("hours and days of all users add up")
{
    TempStore temp;
    const auto alice = temp.add_user("alice");
    const auto bob = temp.add_user("bob");
    const auto hour = std::chrono::hours(1);
    temp.write([&](WriteTx& tx) {
        FlowTable flows(tx);
        for (int i = 0; i < 3; ++i) {
            flows.add_hour(alice, {i}, {i}, now + i * hour);
            flows.add_hour(bob, {100}, {100}, now + i * hour);
        }
        flows.add_day(alice, "2026-03-01", traffic(1, 2));
        flows.add_day(bob, "2026-03-01", traffic(10, 20));
    });
    using Hours = std::vector<std::pair<WallTime, ByteCount>>;
    CHECK(temp.read([&](ReadTx& tx) { return FlowTable(tx).newest_hours(2); }) == Hours{{now + hour, {101}}, {now + 2 * hour, {102}}});
    CHECK(temp.read([&](ReadTx& tx) { return FlowTable(tx).of_day("2026-03-01"); }) == traffic(11, 22));
    CHECK(temp.read([&](ReadTx& tx) { return FlowTable(tx).of_day("2026-03-02"); }) == Traffic{});
}

TEST_CASE("a day sums up, and a user who is gone has none")
{
    TempStore temp;
    const auto user = temp.add_user("alice");
    temp.write([&](WriteTx& tx) {
        FlowTable flows(tx);
        flows.add_day(user, "2026-03-01", traffic(1, 2));
        flows.add_day(user, "2026-03-01", traffic(10, 20));
        flows.add_day(UserId{77}, "2026-03-01", traffic(1, 2));
    });
    CHECK(temp.read([&](ReadTx& tx) { return FlowTable(tx).of_day(user, "2026-03-01"); }) == traffic(11, 22));
    CHECK(temp.read([&](ReadTx& tx) { return FlowTable(tx).of_day(UserId{77}, "2026-03-01"); }) == Traffic{});
    temp.write([&](WriteTx& tx) { FlowTable(tx).remove_days_before("2026-03-02"); });
    CHECK(temp.read([&](ReadTx& tx) { return FlowTable(tx).of_day(user, "2026-03-01"); }) == Traffic{});
}

TEST_CASE("host samples fold into minutes and hours, which are trimmed apart")
{
    TempStore temp;
    const auto node = temp.add_node("a");
    const auto rows = [&](int resolution) {
        return temp.read([&](ReadTx& tx) {
            return tx.database().execAndGet("SELECT count(*) FROM node_metrics WHERE resolution = " + std::to_string(resolution)).getInt64();
        });
    };
    const auto minute = from_epoch_ms(1'700'000'040'000);
    temp.write([&](WriteTx& tx) {
        plan::HostSample sample;
        sample.taken = minute;
        sample.cpu_percent = 10;
        sample.open_connections = 5;
        MetricTable(tx).add(node, sample);
        sample.taken += Seconds{30};
        sample.cpu_percent = 30;
        sample.open_connections = 3;
        MetricTable(tx).add(node, sample);
        sample.taken += Seconds{30};
        MetricTable(tx).add(node, sample);
    });
    CHECK(rows(60) == 2);
    CHECK(rows(3600) == 1);
    const auto first = temp.read([](ReadTx& tx) {
        return tx.database()
            .execAndGet("SELECT cpu_percent || ' ' || connections FROM node_metrics WHERE resolution = 60 ORDER BY taken LIMIT 1")
            .getString();
    });
    CHECK(first == "20.0 5");
    temp.write([&](WriteTx& tx) { MetricTable(tx).trim(minute + std::chrono::hours(25)); });
    CHECK(rows(60) == 0);
    CHECK(rows(3600) == 1);
    temp.write([&](WriteTx& tx) { MetricTable(tx).trim(minute + std::chrono::hours(24 * 32)); });
    CHECK(rows(3600) == 0);
}

TEST_CASE("settings keep their id when they change")
{
    TempStore temp;
    temp.write([](WriteTx& tx) { SettingTable(tx).put("app_name", "one", now); });
    const auto before = temp.read([](ReadTx& tx) { return *SettingTable(tx).find("app_name"); });
    temp.write([](WriteTx& tx) { SettingTable(tx).put("app_name", "two", now + Seconds{1}); });
    const auto after = temp.read([](ReadTx& tx) { return *SettingTable(tx).find("app_name"); });
    CHECK(after.id == before.id);
    CHECK(after.value == "two");
    CHECK(after.changed == now + Seconds{1});
    CHECK(temp.read([](ReadTx& tx) { return SettingTable(tx).all(); }) == std::map<std::string, std::string>{{"app_name", "two"}});
}

TEST_CASE("there is one announcement")
{
    TempStore temp;
    CHECK_FALSE(temp.read([](ReadTx& tx) { return AnnouncementTable(tx).get().has_value(); }));
    temp.write([](WriteTx& tx) {
        AnnouncementTable(tx).put({"hello", true}, now);
        AnnouncementTable(tx).put({"bye", false}, now);
    });
    const auto row = temp.read([](ReadTx& tx) { return *AnnouncementTable(tx).get(); });
    CHECK(row.content == "bye");
    CHECK_FALSE(row.enabled);
}

TEST_CASE("the history of changes is read newest first and is bounded")
{
    TempStore temp;
    temp.write([](WriteTx& tx) {
        AuditTable audit(tx);
        audit.add({now, UserId{1}, "root", "192.0.2.1", "node.create", "1", "", "a"});
        audit.add({now, UserId{}, "console", "console", "node.delete", "1", "a", ""});
    });
    const auto rows = temp.read([](ReadTx& tx) { return AuditTable(tx).newest(10); });
    REQUIRE(rows.size() == 2);
    CHECK(rows.front().action == "node.delete");
    CHECK_FALSE(rows.front().user);
    CHECK(rows.back().after == "a");
    temp.write([](WriteTx& tx) {
        tx.database().exec("UPDATE audit SET id = id + 100001 WHERE action = 'node.delete'");
        AuditTable(tx).trim();
    });
    CHECK(temp.read([](ReadTx& tx) { return AuditTable(tx).newest(10).size(); }) == 1);
}

TEST_CASE("an event's details are valid JSON whatever they hold, and a node that is gone leaves its event")
{
    TempStore temp;
    const auto node = temp.add_node("a");
    temp.write([&](WriteTx& tx) {
        EventRow event;
        event.happened = now;
        event.severity = Severity::error;
        event.kind = "forward.failed";
        event.node = node;
        event.forward = ForwardId{3};
        event.details = {{"detail", "say \"no\"\\\n\x01 ü"}};
        EventTable(tx).add(event);
        event.node = NodeId{77};
        EventTable(tx).add(event);
    });
    temp.write([&](WriteTx& tx) { NodeTable(tx).remove(node); });
    const auto rows = temp.read([](ReadTx& tx) { return EventTable(tx).newest(10); });
    REQUIRE(rows.size() == 2);
    CHECK(rows.front().severity == Severity::error);
    CHECK(rows.front().forward == ForwardId{3});
    CHECK_FALSE(rows.front().node);
    CHECK_FALSE(rows.back().node);
    const auto detail =
        temp.read([](ReadTx& tx) { return tx.database().execAndGet("SELECT json_extract(details, '$.detail') FROM events LIMIT 1").getString(); });
    CHECK(detail == "say \"no\"\\\n\x01 ü");
}
