#include "panel/accounting.hpp"

#include "domain/billing.hpp"
#include "domain/calendar.hpp"
#include "panel/context.hpp"
#include "panel/forward_rows.hpp"
#include "store/flow_table.hpp"
#include "store/tunnel_table.hpp"
#include "store/user_table.hpp"

#include <algorithm>
#include <set>
#include <unordered_set>

namespace sluice::panel {

namespace {

// What a counter grew since it was booked. A new epoch starts at zero; a value that shrank within its epoch is a node's mistake and adds nothing.
Traffic growth(const store::BookedCounter& booked, const plan::ForwardCounters& now)
{
    if (booked.epoch != now.epoch) return now.traffic;
    const auto grown = [](ByteCount before, ByteCount after) { return ByteCount{std::max<std::int64_t>(0, after.value - before.value)}; };
    return {grown(booked.traffic.up, now.traffic.up), grown(booked.traffic.down, now.traffic.down)};
}

} // namespace

Result<std::vector<ForwardId>> Accounting::book(NodeId node, const std::vector<plan::ForwardCounters>& counters)
{
    struct Booked {
        std::vector<ForwardId> forgettable;
        Revisions revisions;
    };
    auto booked = context_.store->write([&](store::WriteTx& tx) -> Result<Booked> {
        store::BookedCounterTable table(tx);
        store::ForwardTable forwards(tx);
        store::UserTable users(tx);
        store::AssignmentTable assignments(tx);
        store::FlowTable flows(tx);
        store::TunnelTable tunnels(tx);
        const auto known = table.of_node(node);
        const auto today = domain::local_date(context_.clock->wall());
        Booked outcome;
        std::set<UserId> payers;
        std::unordered_set<ForwardId> reported;
        for (const auto& counter : counters) {
            reported.insert(counter.id);
            if (counter.traffic.up.value < 0 || counter.traffic.down.value < 0) continue;
            store::BookedCounter row;
            if (const auto found = known.find(counter.id); found != known.end()) row = found->second;
            row.forward = counter.id;
            const auto passed = growth(row, counter);
            const auto forward = forwards.find(counter.id);
            if (forward) {
                row.user = forward->owner;
                row.tunnel = forward->tunnel;
            } else if (passed == Traffic{}) {
                table.remove(node, counter.id);
                outcome.forgettable.push_back(counter.id);
                continue;
            }
            if (row.epoch == counter.epoch && passed == Traffic{} && row.connections == counter.connections) continue;
            const auto tunnel = row.tunnel ? tunnels.find(row.tunnel) : std::nullopt;
            const auto billed = tunnel ? domain::billed(tunnel->billing, passed) : passed;
            if (billed.total().value > 0) {
                if (forward) forwards.add_traffic(counter.id, billed);
                if (row.user) {
                    users.add_traffic(row.user, billed);
                    if (row.tunnel) assignments.add_traffic(row.user, row.tunnel, billed);
                    flows.add_day(row.user, today, billed);
                    payers.insert(row.user);
                }
            }
            const bool same_epoch = row.epoch == counter.epoch;
            row.epoch = counter.epoch;
            // Never backwards within an epoch: what was booked once must not be booked again.
            row.traffic = same_epoch ? Traffic{std::max(row.traffic.up, counter.traffic.up), std::max(row.traffic.down, counter.traffic.down)}
                                     : counter.traffic;
            row.connections = counter.connections;
            table.put(node, row);
        }
        for (const auto& [id, row] : known) {
            if (!reported.contains(id) && !forwards.find(id)) table.remove(node, id);
        }
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
        return Package{std::move(*user), flows.of_day(actor.user, domain::local_date(context_.clock->wall())), flows.newest_hours(actor.user, 24)};
    });
}

} // namespace sluice::panel
