#include "panel/accounting.hpp"

#include "domain/allowance.hpp"
#include "domain/billing.hpp"
#include "domain/calendar.hpp"
#include "panel/context.hpp"
#include "panel/forward_rows.hpp"
#include "panel/quota_rows.hpp"
#include "panel/share_rows.hpp"
#include "store/event_table.hpp"
#include "store/flow_table.hpp"
#include "store/node_table.hpp"
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

// What a counter grew since it was booked; `before` is zero in a new epoch. A value that shrank within its epoch is a node's mistake and adds nothing.
Traffic growth(const Traffic& before, const Traffic& now)
{
    const auto grown = [](ByteCount from, ByteCount to) { return ByteCount{std::max<std::int64_t>(0, to.value - from.value)}; };
    return {grown(before.up, now.up), grown(before.down, now.down)};
}

// Never backwards within an epoch: what was booked once must not be booked again.
Traffic newest(const Traffic& before, const Traffic& now) { return {std::max(before.up, now.up), std::max(before.down, now.down)}; }

bool negative(const Traffic& traffic) { return traffic.up.value < 0 || traffic.down.value < 0; }

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

    // Returns who pays, by which right.
    std::vector<std::pair<UserId, TunnelId>> write(const std::string& today)
    {
        std::vector<std::pair<UserId, TunnelId>> payers;
        for (const auto& [payer, cost] : sums_) {
            const auto& [user, tunnel] = payer;
            store::UserTable(tx_).add_traffic(user, cost);
            if (tunnel) store::AssignmentTable(tx_).add_traffic(user, tunnel, cost);
            store::FlowTable(tx_).add_day(user, today, cost);
            payers.push_back(payer);
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
        std::vector<ForwardId> ids;
        for (const auto& counter : counters) ids.push_back(counter.id);
        for (const auto& [id, row] : known) ids.push_back(id);
        const auto owners = forwards.payers(ids);
        Bills bills(tx);
        ShareBook shares(tx, node);
        Booked outcome;
        outcome.revisions = begin_windows(tx, context_);
        std::vector<domain::QuotaSubject> touched;
        Traffic through_node;
        std::unordered_set<ForwardId> reported;
        for (const auto& counter : counters) {
            reported.insert(counter.id);
            if (negative(counter.traffic) || negative(counter.carried)) continue;
            store::BookedCounter row;
            if (const auto found = known.find(counter.id); found != known.end()) row = found->second;
            row.forward = counter.id;
            if (row.epoch != counter.epoch) row.traffic = row.carried = {};
            const auto passed = growth(row.traffic, counter.traffic);
            const auto carried = growth(row.carried, counter.carried);
            const bool still = passed == Traffic{} && carried == Traffic{};
            const auto owner = owners.find(counter.id);
            if (owner != owners.end()) {
                row.user = owner->second.owner;
                row.tunnel = owner->second.tunnel;
            } else if (const auto* role = shares.role_of(counter.id)) {
                row.share = role->share;
                if (role->kind == domain::ShareRoleKind::entry) row.peer_forward = ForwardId{role->peer_object};
            } else if (still && may_forget) {
                table.remove(node, counter.id);
                outcome.forgettable.push_back(counter.id);
                continue;
            }
            if (row.epoch == counter.epoch && still && row.connections == counter.connections) continue;
            if (row.share) {
                const bool more = row.epoch == counter.epoch && counter.connections >= row.connections;
                auto theirs = passed;
                theirs += carried;
                shares.add(row.share, row.peer_forward, theirs, more ? counter.connections - row.connections : counter.connections);
            }
            const auto billed = row.share ? Traffic{} : bills.add(row.user, row.tunnel, passed);
            if (owner != owners.end() && billed.total().value > 0) {
                forwards.add_traffic(counter.id, billed);
                touched.push_back(domain::subject(counter.id));
            }
            through_node += passed;
            through_node += carried;
            row.epoch = counter.epoch;
            row.traffic = newest(row.traffic, counter.traffic);
            row.carried = newest(row.carried, counter.carried);
            row.connections = counter.connections;
            table.put(node, row);
        }
        for (const auto& [id, row] : known) {
            if (may_forget && !reported.contains(id) && !owners.contains(id) && shares.role_of(id) == nullptr) table.remove(node, id);
        }
        if (through_node.total().value > 0) {
            store::NodeTable(tx).add_traffic(node, through_node);
            touched.push_back(domain::subject(node));
        }
        std::set<UserId> payers;
        for (const auto& [user, tunnel] : bills.write(domain::local_date(context_.clock->wall()))) {
            payers.insert(user);
            if (const auto assignment = store::AssignmentTable(tx).find(user, tunnel)) touched.push_back(domain::subject(assignment->id));
        }
        const auto follow = [&outcome](const Revisions& more) { outcome.revisions.insert(outcome.revisions.end(), more.begin(), more.end()); };
        follow(shares.write(context_));
        for (const auto payer : payers) {
            touched.push_back(domain::subject(payer));
            note_allowances(tx, context_, payer);
            follow(stop_what_may_not_run(tx, context_, payer));
        }
        follow(review_quotas(tx, context_, touched));
        return outcome;
    });
    if (!booked) return booked.error();
    announce_plans(context_, booked->revisions);
    return std::move(booked->forgettable);
}

namespace {

constexpr const char* last_day_setting = "internal.last_day";
constexpr int most_days = 62; // after a longer sleep every reset day has come anyway

void say(store::WriteTx& tx, const Context& context, const char* kind, UserId id, const std::string& user, const std::string& tunnel = {})
{
    store::EventRow event;
    event.kind = kind;
    event.user = id;
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
        if (user.used.total().value > 0) say(tx, context, "user.traffic_reset", user.id, user.name);
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
        say(tx, context, "user.expired", user.id, user.name);
        affected.insert(user.id);
    }
    store::AssignmentTable assignments(tx);
    for (auto& assignment : assignments.all()) {
        if (!assignment.enabled || !domain::expired(assignment.allowance, now)) continue;
        assignment.enabled = false;
        assignments.update(assignment);
        const auto user = users.find(assignment.user);
        const auto tunnel = store::TunnelTable(tx).find(assignment.tunnel);
        say(tx, context, "assignment.expired", assignment.user, user ? user->name : "", tunnel ? tunnel->name : "");
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
        for (const auto& [user, total, previous] : flows.without_hour(hour)) {
            // After a reset the counter is smaller than before; then all of it belongs to this hour (FLVX contract 4.4).
            const bool grew = previous && total >= *previous;
            flows.add_hour(user, grew ? total - *previous : total, total, hour);
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
