#include "store/flow_table.hpp"

#include "store/statement.hpp"

#include <algorithm>
#include <charconv>

namespace sluice::store {

namespace {

std::uint64_t parse_epoch(const std::string& text)
{
    std::uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

constexpr const char* booked_columns =
    "SELECT forward_id, epoch, up, down, connections, user_id, tunnel_id, carried_up, carried_down, share_id, peer_forward FROM booked_counters ";

BookedCounter booked_row(Statement& from)
{
    BookedCounter counter;
    counter.forward = from.id<ForwardId>();
    counter.epoch = parse_epoch(from.text());
    counter.traffic.up = {from.integer()};
    counter.traffic.down = {from.integer()};
    counter.connections = static_cast<std::uint64_t>(from.integer());
    counter.user = UserId{from.optional_integer().value_or(0)};
    counter.tunnel = TunnelId{from.optional_integer().value_or(0)};
    counter.carried.up = {from.integer()};
    counter.carried.down = {from.integer()};
    counter.share = ShareId{from.optional_integer().value_or(0)};
    counter.peer_forward = ForwardId{from.optional_integer().value_or(0)};
    return counter;
}

domain::HourlyFlow hour_row(Statement& from)
{
    domain::HourlyFlow hour;
    hour.id = from.integer();
    hour.user = from.id<UserId>();
    hour.flow = {from.integer()};
    hour.total = {from.integer()};
    hour.hour = from.time();
    return hour;
}

} // namespace

std::unordered_map<ForwardId, BookedCounter> BookedCounterTable::of_node(NodeId node)
{
    std::unordered_map<ForwardId, BookedCounter> counters;
    Statement query(tx_, (std::string{booked_columns} + "WHERE node_id = ?").c_str(), node);
    while (query.next()) {
        auto counter = booked_row(query);
        counters.emplace(counter.forward, counter);
    }
    return counters;
}

std::optional<BookedCounter> BookedCounterTable::find(NodeId node, ForwardId forward)
{
    Statement query(tx_, (std::string{booked_columns} + "WHERE node_id = ? AND forward_id = ?").c_str(), node, forward);
    if (!query.next()) return std::nullopt;
    return booked_row(query);
}

void BookedCounterTable::put(NodeId node, const BookedCounter& counter)
{
    Statement(
        tx_,
        "INSERT INTO booked_counters (node_id, forward_id, epoch, up, down, connections, user_id, tunnel_id, carried_up, carried_down, share_id, "
        "peer_forward) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (node_id, forward_id) DO UPDATE SET epoch = excluded.epoch, up = excluded.up, down = excluded.down, "
        "connections = excluded.connections, user_id = excluded.user_id, tunnel_id = excluded.tunnel_id, carried_up = excluded.carried_up, "
        "carried_down = excluded.carried_down, share_id = excluded.share_id, peer_forward = excluded.peer_forward",
        node, counter.forward, std::to_string(counter.epoch), counter.traffic.up.value, counter.traffic.down.value,
        static_cast<std::int64_t>(counter.connections), counter.user ? std::optional{counter.user} : std::nullopt,
        counter.tunnel ? std::optional{counter.tunnel} : std::nullopt, counter.carried.up.value, counter.carried.down.value,
        counter.share ? std::optional{counter.share} : std::nullopt, counter.peer_forward ? std::optional{counter.peer_forward} : std::nullopt)
        .run();
}

void BookedCounterTable::remove(NodeId node, ForwardId forward)
{
    Statement(tx_, "DELETE FROM booked_counters WHERE node_id = ? AND forward_id = ?", node, forward).run();
}

void FlowTable::add_hour(UserId user, ByteCount flow, ByteCount total, WallTime hour)
{
    Statement(tx_, "INSERT OR IGNORE INTO hourly_flow (user_id, flow, total, hour) VALUES (?, ?, ?, ?)", user, flow.value, total.value, hour).run();
}

std::vector<FlowTable::Due> FlowTable::without_hour(WallTime hour)
{
    std::vector<Due> due;
    Statement query(tx_,
                    "SELECT u.id, u.used_up + u.used_down, (SELECT h.total FROM hourly_flow h WHERE h.user_id = u.id ORDER BY h.hour DESC LIMIT 1) "
                    "FROM users u WHERE NOT EXISTS (SELECT 1 FROM hourly_flow h WHERE h.user_id = u.id AND h.hour >= ?) ORDER BY u.id",
                    hour);
    while (query.next()) {
        Due one;
        one.user = query.id<UserId>();
        one.total = {query.integer()};
        if (const auto previous = query.optional_integer()) one.previous = ByteCount{*previous};
        due.push_back(one);
    }
    return due;
}

std::vector<domain::HourlyFlow> FlowTable::newest_hours(UserId user, std::size_t limit)
{
    std::vector<domain::HourlyFlow> hours;
    Statement query(tx_, "SELECT id, user_id, flow, total, hour FROM hourly_flow WHERE user_id = ? ORDER BY hour DESC LIMIT ?", user,
                    static_cast<std::int64_t>(limit));
    while (query.next()) hours.push_back(hour_row(query));
    std::reverse(hours.begin(), hours.end());
    return hours;
}

std::vector<std::pair<WallTime, ByteCount>> FlowTable::newest_hours(std::size_t limit)
{
    std::vector<std::pair<WallTime, ByteCount>> hours;
    Statement query(tx_, "SELECT hour, sum(flow) FROM hourly_flow GROUP BY hour ORDER BY hour DESC LIMIT ?", static_cast<std::int64_t>(limit));
    while (query.next()) {
        const auto hour = query.time();
        hours.emplace_back(hour, ByteCount{query.integer()});
    }
    std::reverse(hours.begin(), hours.end());
    return hours;
}

void FlowTable::remove_hours_before(WallTime time) { Statement(tx_, "DELETE FROM hourly_flow WHERE hour < ?", time).run(); }

void FlowTable::add_day(UserId user, const std::string& day, const Traffic& traffic)
{
    Statement(tx_,
              "INSERT INTO daily_flow (user_id, day, up, down) SELECT id, ?2, ?3, ?4 FROM users WHERE id = ?1 "
              "ON CONFLICT (user_id, day) DO UPDATE SET up = up + excluded.up, down = down + excluded.down",
              user, day, traffic.up.value, traffic.down.value)
        .run();
}

Traffic FlowTable::of_day(UserId user, const std::string& day)
{
    Statement query(tx_, "SELECT up, down FROM daily_flow WHERE user_id = ? AND day = ?", user, day);
    Traffic traffic;
    if (query.next()) {
        traffic.up = {query.integer()};
        traffic.down = {query.integer()};
    }
    return traffic;
}

Traffic FlowTable::of_day(const std::string& day)
{
    Statement query(tx_, "SELECT coalesce(sum(up), 0), coalesce(sum(down), 0) FROM daily_flow WHERE day = ?", day);
    Traffic traffic;
    if (query.next()) {
        traffic.up = {query.integer()};
        traffic.down = {query.integer()};
    }
    return traffic;
}

void FlowTable::remove_days_before(const std::string& day) { Statement(tx_, "DELETE FROM daily_flow WHERE day < ?", day).run(); }

void MetricTable::add(NodeId node, const plan::HostSample& sample)
{
    for (const std::int64_t resolution : {60, 3600}) {
        const std::int64_t taken = to_epoch_ms(sample.taken) / (resolution * 1000) * (resolution * 1000);
        Statement(tx_,
                  "INSERT INTO node_metrics (node_id, resolution, taken, samples, cpu_percent, memory_percent, received, transmitted, connections) "
                  "VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?) ON CONFLICT (node_id, resolution, taken) DO UPDATE SET "
                  "cpu_percent = (cpu_percent * samples + excluded.cpu_percent) / (samples + 1), "
                  "memory_percent = (memory_percent * samples + excluded.memory_percent) / (samples + 1), samples = samples + 1, "
                  "received = excluded.received, transmitted = excluded.transmitted, connections = max(connections, excluded.connections)",
                  node, resolution, taken, sample.cpu_percent, sample.memory_percent, static_cast<std::int64_t>(sample.received),
                  static_cast<std::int64_t>(sample.transmitted), static_cast<std::int64_t>(sample.open_connections))
            .run();
    }
}

void MetricTable::trim(WallTime now)
{
    Statement(tx_, "DELETE FROM node_metrics WHERE resolution = 60 AND taken < ?", now - std::chrono::hours(24)).run();
    Statement(tx_, "DELETE FROM node_metrics WHERE resolution = 3600 AND taken < ?", now - std::chrono::hours(24 * 31)).run();
}

} // namespace sluice::store
