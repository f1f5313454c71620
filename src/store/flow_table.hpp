// What was counted and booked, per hour and day, and what nodes measured about themselves.
#pragma once

#include "base/bytes.hpp"
#include "domain/share.hpp"
#include "domain/user.hpp"
#include "plan/report.hpp"
#include "store/store.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace sluice::store {

// The last reading of a counter that reached the books, and who pays for it even when the forward is gone.
struct BookedCounter {
    ForwardId forward;
    std::uint64_t epoch = 0;
    Traffic traffic;
    Traffic carried;
    std::uint64_t connections = 0;
    UserId user;            // none: unknown
    TunnelId tunnel;        // none: unknown
    ShareId share;          // another panel's, through this share: then nobody here pays
    ForwardId peer_forward; // that panel's number of it; none: a middle or an exit
};

class BookedCounterTable {
public:
    explicit BookedCounterTable(ReadTx& tx) : tx_(tx) {}
    std::unordered_map<ForwardId, BookedCounter> of_node(NodeId node);
    std::optional<BookedCounter> find(NodeId node, ForwardId forward);
    void put(NodeId node, const BookedCounter& counter);
    void remove(NodeId node, ForwardId forward);

private:
    ReadTx& tx_;
};

class FlowTable {
public:
    explicit FlowTable(ReadTx& tx) : tx_(tx) {}

    // One row per user and hour; the same hour twice is ignored.
    void add_hour(UserId user, ByteCount flow, ByteCount total, WallTime hour);
    // Users who have no row of this hour or a later one: what they have used, and what the newest row says they had.
    struct Due {
        UserId user;
        ByteCount total;
        std::optional<ByteCount> previous;
    };
    std::vector<Due> without_hour(WallTime hour);
    std::vector<domain::HourlyFlow> newest_hours(UserId user, std::size_t limit); // ascending
    std::vector<std::pair<WallTime, ByteCount>> newest_hours(std::size_t limit);  // all users together, ascending
    void remove_hours_before(WallTime time);

    void add_day(UserId user, const std::string& day, const Traffic& traffic); // day: YYYY-MM-DD, local
    Traffic of_day(UserId user, const std::string& day);
    Traffic of_day(const std::string& day); // all users together
    void remove_days_before(const std::string& day);

private:
    ReadTx& tx_;
};

class MetricTable {
public:
    explicit MetricTable(ReadTx& tx) : tx_(tx) {}
    // Folds a sample into its minute and its hour.
    void add(NodeId node, const plan::HostSample& sample);
    // Minutes older than a day and hours older than 31 days go.
    void trim(WallTime now);

private:
    ReadTx& tx_;
};

} // namespace sluice::store
