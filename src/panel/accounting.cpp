#include "panel/accounting.hpp"

#include "domain/allowance.hpp"
#include "domain/billing.hpp"
#include "domain/calendar.hpp"
#include "panel/context.hpp"
#include "panel/forward_rows.hpp"
#include "store/event_table.hpp"
#include "store/flow_table.hpp"
#include "store/setting_table.hpp"
#include "store/tunnel_table.hpp"
#include "store/user_table.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <unordered_set>
#include <utility>

namespace sluice::panel {

namespace {

// What a counter grew since it was booked. A new epoch starts at zero; a value that shrank within its epoch is a node's mistake and adds nothing.
Traffic growth(const store::BookedCounter& booked, const plan::ForwardCounters& now)
{
    if (booked.epoch != now.epoch) return now.traffic;
    const auto grown = [](ByteCount before, ByteCount after) { return ByteCount{std::max<std::int64_t>(0, after.value - before.value)}; };
    return {grown(booked.traffic.up, now.traffic.up), grown(booked.traffic.down, now.traffic.down)};
}

// What one report adds to users and assignments, summed before it is written: a report may tell about thousands of forwards.
class Bills {
public:
    explicit Bills(store::WriteTx& tx) : tx_(tx) {}

    // What it costs. Without a payer, or without a tunnel that still exists, raw bytes (FLVX contract 4.1).
    Traffic add(UserId user, TunnelId tunnel, const Traffic& passed)
    {
        const auto& billing = billing_of(tunnel);
        const auto cost = billing ? domain::billed(*billing, passed) : passed;
        if (user && cost.total().value > 0) sums_[{user, tunnel}] += cost;
        return cost;
    }

    // Returns who pays.
    std::set<UserId> write(const std::string& today)
    {
        std::set<UserId> payers;
        for (const auto& [payer, cost] : sums_) {
            const auto& [user, tunnel] = payer;
            store::UserTable(tx_).add_traffic(user, cost);
            if (tunnel) store::AssignmentTable(tx_).add_traffic(user, tunnel, cost);
            store::FlowTable(tx_).add_day(user, today, cost);
            payers.insert(user);
        }
        return payers;
    }

private:
    const std::optional<domain::Billing>& billing_of(TunnelId id)
    {
        const auto [place, fresh] = billings_.try_emplace(id);
        if (fresh && id) {
            if (const auto tunnel = store::TunnelTable(tx_).find(id)) place->second = tunnel->billing;
        }
        return place->second;
    }

    store::WriteTx& tx_;
    std::map<std::pair<UserId, TunnelId>, Traffic> sums_;
    std::map<TunnelId, std::optional<domain::Billing>> billings_;
};

} // namespace

Result<std::vector<ForwardId>> Accounting::book(NodeId node, const std::vector<plan::ForwardCounters>& counters, bool may_forget)
{
    struct Booked {
        std::vector<ForwardId> forgettable;
        Revisions revisions;
    };
    auto booked = context_.store->write([&](store::WriteTx& tx) -> Result<Booked> {
        store::BookedCounterTable table(tx);
        store::ForwardTable forwards(tx);
        const auto known = table.of_node(node);
        const auto owners = forwards.payers();
        Bills bills(tx);
        Booked outcome;
        std::unordered_set<ForwardId> reported;
        for (const auto& counter : counters) {
            reported.insert(counter.id);
            if (counter.traffic.up.value < 0 || counter.traffic.down.value < 0) continue;
            store::BookedCounter row;
            if (const auto found = known.find(counter.id); found != known.end()) row = found->second;
            row.forward = counter.id;
            const auto passed = growth(row, counter);
            const auto owner = owners.find(counter.id);
            if (owner != owners.end()) {
                row.user = owner->second.owner;
                row.tunnel = owner->second.tunnel;
            } else if (passed == Traffic{} && may_forget) {
                table.remove(node, counter.id);
                outcome.forgettable.push_back(counter.id);
                continue;
            }
            if (row.epoch == counter.epoch && passed == Traffic{} && row.connections == counter.connections) continue;
            const auto billed = bills.add(row.user, row.tunnel, passed);
            if (owner != owners.end() && billed.total().value > 0) forwards.add_traffic(counter.id, billed);
            const bool same_epoch = row.epoch == counter.epoch;
            row.epoch = counter.epoch;
            // Never backwards within an epoch: what was booked once must not be booked again.
            row.traffic = same_epoch ? Traffic{std::max(row.traffic.up, counter.traffic.up), std::max(row.traffic.down, counter.traffic.down)}
                                     : counter.traffic;
            row.connections = counter.connections;
            table.put(node, row);
        }
        for (const auto& [id, row] : known) {
            if (may_forget && !reported.contains(id) && !owners.contains(id)) table.remove(node, id);
        }
        const auto payers = bills.write(domain::local_date(context_.clock->wall()));
        for (const auto payer : payers) {
            const auto stopped = stop_what_may_not_run(tx, context_, payer);
            outcome.revisions.insert(outcome.revisions.end(), stopped.begin(), stopped.end());
        }
        return outcome;
    });
    if (!booked) return booked.error();
    announce_plans(context_, booked->revisions);
    return std::move(booked->forgettable);
}

namespace {

constexpr const char* last_day_setting = "internal.last_day";
constexpr int most_days = 62; // after a longer sleep every reset day has come anyway

void say(store::WriteTx& tx, const Context& context, const char* kind, const std::string& user, const std::string& tunnel = {})
{
    store::EventRow event;
    event.kind = kind;
    event.details = {{"user", user}};
    if (!tunnel.empty()) event.details.emplace_back("tunnel", tunnel);
    record(tx, context, std::move(event));
}

void reset_counters(store::WriteTx& tx, const Context& context, const std::vector<domain::Day>& days)
{
    const auto due = [&](int reset_day) {
        return std::any_of(days.begin(), days.end(), [&](domain::Day day) { return domain::resets_on(reset_day, day); });
    };
    store::UserTable users(tx);
    store::AssignmentTable assignments(tx);
    for (const auto& user : users.all()) {
        if (!due(user.allowance.reset_day)) continue;
        users.reset_traffic(user.id);
        if (user.used.total().value > 0) say(tx, context, "user.traffic_reset", user.name);
    }
    for (const auto& assignment : assignments.all()) {
        if (due(assignment.allowance.reset_day)) assignments.reset_traffic(assignment.id);
    }
}

// Switches off what has expired and pauses its forwards. Counters and rows stay.
Revisions end_expired(store::WriteTx& tx, const Context& context)
{
    const auto now = context.clock->wall();
    std::set<UserId> affected;
    store::UserTable users(tx);
    for (auto& user : users.all()) {
        if (user.role == domain::Role::admin || !user.enabled || !domain::expired(user.allowance, now)) continue;
        user.enabled = false;
        users.update(user);
        store::SessionTable(tx).remove_all_of(user.id, {});
        say(tx, context, "user.expired", user.name);
        affected.insert(user.id);
    }
    store::AssignmentTable assignments(tx);
    for (auto& assignment : assignments.all()) {
        if (!assignment.enabled || !domain::expired(assignment.allowance, now)) continue;
        assignment.enabled = false;
        assignments.update(assignment);
        const auto user = users.find(assignment.user);
        const auto tunnel = store::TunnelTable(tx).find(assignment.tunnel);
        say(tx, context, "assignment.expired", user ? user->name : "", tunnel ? tunnel->name : "");
        affected.insert(assignment.user);
    }
    Revisions revisions;
    for (const auto user : affected) {
        const auto stopped = stop_what_may_not_run(tx, context, user);
        revisions.insert(revisions.end(), stopped.begin(), stopped.end());
    }
    return revisions;
}

} // namespace

Result<void> Accounting::keep_up()
{
    if (auto rolled = roll_up_hour(); !rolled) return rolled;
    return begin_day();
}

Result<void> Accounting::begin_day()
{
    const auto today = domain::local_day(context_.clock->wall());
    const auto seen = context_.store->read([](store::ReadTx& tx) -> Result<std::optional<std::string>> {
        const auto row = store::SettingTable(tx).find(last_day_setting);
        return row ? std::optional{row->value} : std::nullopt;
    });
    if (!seen) return seen.error();
    const auto last = *seen ? domain::parse_day(**seen) : std::nullopt;
    // A wall clock that went back waits until the day that it already had.
    if (last && *last >= today) return {};
    std::vector<domain::Day> days;
    if (last) {
        for (auto day = domain::day_after(*last); day <= today && days.size() < most_days; day = domain::day_after(day)) days.push_back(day);
    }
    auto revisions = context_.store->write([&](store::WriteTx& tx) -> Result<Revisions> {
        store::SettingTable(tx).put(last_day_setting, domain::to_text(today), context_.clock->wall());
        reset_counters(tx, context_, days);
        return end_expired(tx, context_);
    });
    if (!revisions) return revisions.error();
    announce_plans(context_, *revisions);
    return {};
}

Result<void> Accounting::roll_up_hour()
{
    return context_.store->write([&](store::WriteTx& tx) -> Result<void> {
        const auto now = context_.clock->wall();
        const auto hour = domain::start_of_hour(now);
        store::FlowTable flows(tx);
        for (const auto& user : store::UserTable(tx).all()) {
            const auto previous = flows.newest_hour(user.id);
            if (previous && previous->hour >= hour) continue;
            const auto total = user.used.total();
            // After a reset the counter is smaller than before; then all of it belongs to this hour (FLVX contract 4.4).
            const bool grew = previous && total >= previous->total;
            flows.add_hour(user.id, grew ? total - previous->total : total, total, hour);
        }
        flows.remove_hours_before(now - std::chrono::hours(48));
        flows.remove_days_before(domain::local_date(now - std::chrono::hours(24 * 400)));
        store::MetricTable(tx).trim(now);
        return {};
    });
}

Result<void> Accounting::store_sample(NodeId node, const plan::HostSample& sample)
{
    return context_.store->write([&](store::WriteTx& tx) -> Result<void> {
        store::MetricTable(tx).add(node, sample);
        return {};
    });
}

Result<Package> Accounting::package(const Actor& actor)
{
    return context_.store->read([&](store::ReadTx& tx) -> Result<Package> {
        auto user = store::UserTable(tx).find(actor.user);
        if (!user) return make_error(Errc::not_found, "user");
        store::FlowTable flows(tx);
        const auto today = domain::local_date(context_.clock->wall());
        Package package{std::move(*user), flows.of_day(actor.user, today), flows.newest_hours(actor.user, 24), {}};
        if (actor.is_admin()) package.everyone = Package::Everyone{flows.of_day(today), flows.newest_hours(24)};
        return package;
    });
}

} // namespace sluice::panel
