// Sections of a transfer that refer to others: tunnels and what lies on them, groups and what they grant.
#include "panel/forward_rows.hpp"
#include "panel/transfer_writer.hpp"
#include "store/forward_table.hpp"
#include "store/node_table.hpp"
#include "store/tunnel_table.hpp"
#include "store/user_table.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace sluice::panel {

using domain::Remark;

namespace {

std::string text_of(std::int64_t number) { return std::to_string(number); }
std::string flag(bool value) { return value ? "1" : "0"; }
std::string text_of(const std::optional<WallTime>& time) { return time ? std::to_string(to_epoch_ms(*time)) : std::string{}; }
Traffic greater(const Traffic& a, const Traffic& b) { return {std::max(a.up, b.up), std::max(a.down, b.down)}; }

std::vector<std::string> values_of(const domain::Allowance& allowance)
{
    return {text_of(allowance.quota.value), text_of(allowance.max_forwards), text_of(allowance.expires), text_of(allowance.reset_day)};
}

std::string digest_of(const domain::Tunnel& tunnel)
{
    std::vector<std::string> values{tunnel.name,
                                    text_of(static_cast<int>(tunnel.type)),
                                    text_of(tunnel.billing.factor),
                                    std::to_string(tunnel.billing.ratio),
                                    flag(tunnel.enabled),
                                    tunnel.entry_addresses.value_or(""),
                                    text_of(static_cast<int>(tunnel.preference))};
    for (const auto& hop : tunnel.hops) {
        for (const auto number :
             {hop.node.value, std::int64_t{static_cast<int>(hop.role)}, std::int64_t{hop.place}, std::int64_t{hop.port.value_or(0)},
              std::int64_t{static_cast<int>(hop.strategy)}, std::int64_t{static_cast<int>(hop.carrier)}})
            values.push_back(text_of(number));
    }
    return source_digest(values);
}

std::string digest_of(const domain::ForwardRow& row)
{
    const auto& forward = row.forward;
    std::vector<std::string> values{forward.name,
                                    text_of(forward.owner.value),
                                    text_of(forward.tunnel.value),
                                    store::join_targets(forward.targets),
                                    text_of(static_cast<int>(forward.pick)),
                                    flag(forward.enabled)};
    for (const auto& port : forward.ports) {
        values.push_back(text_of(port.node.value));
        values.push_back(text_of(port.port));
    }
    return source_digest(values);
}

template <class SomeId>
std::set<SomeId> ids_of(store::TransferTable& table, const char* name)
{
    std::set<SomeId> ids;
    for (const auto id : table.ids(name)) ids.insert(SomeId{id});
    return ids;
}

bool can_bill(const domain::Billing& billing) { return std::isfinite(billing.ratio) && billing.ratio > 0 && billing.ratio <= 1000; }

} // namespace

Result<void> TransferWriter::write_tunnels(const std::vector<domain::Tunnel>& rows)
{
    store::TunnelTable tunnels(tx_);
    const auto nodes = ids_of<NodeId>(table_, "nodes");
    if (merge_ == Merge::overwrite) {
        for (const auto& row : rows) table_.release_name(section_, row.id.value);
    }
    std::set<std::string> names;
    for (const auto& row : rows) {
        auto tunnel = row;
        begin(tunnel.id.value, tunnel.name);
        if (tunnel.name.empty() || tunnel.name.size() > 100) {
            leave_out(Remark::unusable, {"name", tunnel.name});
            continue;
        }
        // FLVX checks names when a tunnel is made, not when it is renamed.
        for (int copy = 2; !names.insert(tunnel.name).second; ++copy) tunnel.name = row.name.substr(0, 90) + " (" + std::to_string(copy) + ")";
        if (tunnel.name != row.name) remark(Remark::renamed, {row.name, tunnel.name});
        if (!can_bill(tunnel.billing)) {
            remark(Remark::adjusted, {"ratio", std::to_string(tunnel.billing.ratio), "1"});
            tunnel.billing.ratio = 1.0;
        }
        tunnel.billing.factor = std::max(1, tunnel.billing.factor);
        const auto here = tunnels.find(tunnel.id);
        const auto source = digest_of(tunnel);
        const auto what = step({here.has_value(), here && here->name == tunnel.name, here ? "tunnel " + here->name : ""}, source);
        if (what == Step::leave_out) continue;
        if (const auto other = tunnels.find_by_name(tunnel.name); other && *other != tunnel.id && what != Step::keep) {
            if (auto clashed = clash("the name '" + tunnel.name + "' belongs to tunnel " + text_of(other->value)); !clashed) return clashed;
            continue;
        }
        if (merge_ == Merge::move_in) table_.remember_imported("tunnels", tunnel.id.value, source);
        count(what);
        if (what == Step::keep) continue;
        if (what == Step::overwrite) tunnel.updated = now_;
        table_.put(tunnel);
        for (const auto& hop : tunnel.hops) {
            if (nodes.contains(hop.node))
                table_.put(tunnel.id, hop);
            else
                remark(Remark::link_dropped, {"node", text_of(hop.node.value)});
        }
        for (const auto& forward : store::ForwardTable(tx_).of_tunnel(tunnel.id)) {
            for (const auto& port : forward.ports) nodes_.insert(port.node);
        }
    }
    return {};
}

Result<void> TransferWriter::write_speed_limits(const std::vector<domain::SpeedLimitRow>& rows)
{
    const auto tunnels = ids_of<TunnelId>(table_, "tunnels");
    std::map<std::int64_t, domain::SpeedLimitRow> present;
    for (auto& limit : table_.speed_limits()) present.emplace(limit.id.value, std::move(limit));
    for (const auto& row : rows) {
        auto limit = row;
        begin(limit.id.value, limit.name);
        if (limit.name.empty() || limit.mbit <= 0) {
            leave_out(Remark::unusable, {limit.name.empty() ? "name" : "speed", text_of(limit.mbit)});
            continue;
        }
        if (limit.tunnel && !tunnels.contains(*limit.tunnel)) {
            remark(Remark::link_dropped, {"tunnel", text_of(limit.tunnel->value)});
            limit.tunnel.reset();
        }
        const auto here = present.find(limit.id.value);
        const bool exists = here != present.end();
        const auto source = source_digest({limit.name, text_of(limit.mbit), text_of(limit.tunnel.value_or(TunnelId{}).value), flag(limit.enabled)});
        const auto what = step({exists, exists && here->second.name == limit.name, exists ? "speed limit " + here->second.name : ""}, source);
        if (what == Step::leave_out) continue;
        if (merge_ == Merge::move_in) table_.remember_imported("speed_limits", limit.id.value, source);
        count(what);
        if (what == Step::keep) continue;
        if (what == Step::overwrite) limit.updated = now_;
        table_.put(limit);
    }
    return {};
}

Result<void> TransferWriter::write_assignments(const std::vector<domain::Assignment>& rows)
{
    store::AssignmentTable assignments(tx_);
    const auto users = ids_of<UserId>(table_, "users");
    const auto tunnels = ids_of<TunnelId>(table_, "tunnels");
    const auto limits = ids_of<SpeedLimitId>(table_, "speed_limits");
    for (const auto& row : rows) {
        auto assignment = row;
        begin(row.id.value, "user " + text_of(row.user.value) + ", tunnel " + text_of(row.tunnel.value));
        if (!users.contains(row.user) || !tunnels.contains(row.tunnel)) {
            const bool no_user = !users.contains(row.user);
            leave_out(Remark::missing_parent, {no_user ? "user" : "tunnel", text_of(no_user ? row.user.value : row.tunnel.value)});
            continue;
        }
        if (row.speed_limit && !limits.contains(*row.speed_limit)) {
            remark(Remark::link_dropped, {"speed_limit", text_of(row.speed_limit->value)});
            assignment.speed_limit.reset();
        }
        const auto here = assignments.find(row.id);
        auto values = values_of(assignment.allowance);
        values.insert(values.end(), {text_of(row.user.value), text_of(row.tunnel.value),
                                     text_of(assignment.speed_limit.value_or(SpeedLimitId{}).value), flag(row.enabled)});
        const auto source = source_digest(values);
        const bool same = here && here->user == row.user && here->tunnel == row.tunnel;
        const auto what = step({here.has_value(), same, here ? "another assignment" : ""}, source);
        if (what == Step::leave_out) continue;
        if (const auto other = assignments.find(row.user, row.tunnel); other && other->id != row.id && what != Step::keep) {
            if (auto clashed = clash("the user has the tunnel already by assignment " + text_of(other->id.value)); !clashed) return clashed;
            continue;
        }
        if (merge_ == Merge::move_in) {
            table_.remember_imported("assignments", row.id.value, source);
            if (what == Step::keep) assignment = *here;
            if (here) assignment.used = greater(here->used, row.used);
        }
        count(what);
        if (what == Step::keep && assignment.used == here->used) continue;
        table_.put(assignment);
        users_.insert(row.user);
    }
    return {};
}

Result<void> TransferWriter::write_forwards(const std::vector<domain::ForwardRow>& rows)
{
    store::ForwardTable forwards(tx_);
    const auto users = ids_of<UserId>(table_, "users");
    const auto tunnels = ids_of<TunnelId>(table_, "tunnels");
    std::set<ForwardId> written;
    for (const auto& row : rows) {
        auto forward = row.forward;
        begin(forward.id.value, forward.name);
        if (!users.contains(forward.owner) || !tunnels.contains(forward.tunnel)) {
            const bool no_user = !users.contains(forward.owner);
            leave_out(Remark::missing_parent, {no_user ? "user" : "tunnel", text_of(no_user ? forward.owner.value : forward.tunnel.value)});
            continue;
        }
        if (forward.targets.empty()) {
            leave_out(Remark::no_target);
            continue;
        }
        const auto here = forwards.find(forward.id);
        const bool same = here && here->owner == forward.owner && here->tunnel == forward.tunnel && here->name == forward.name;
        const auto source = digest_of(row);
        const auto what = step({here.has_value(), same, here ? "forward " + here->name : ""}, source);
        if (what == Step::leave_out) continue;
        if (merge_ == Merge::move_in) {
            table_.remember_imported("forwards", forward.id.value, source);
            if (what == Step::keep) forward = *here;
            if (here) forward.used = greater(here->used, row.forward.used);
        }
        count(what);
        if (what == Step::keep && forward.used == here->used) continue;
        if (what == Step::overwrite) forward.updated = now_;
        table_.put(forward);
        users_.insert(forward.owner);
        if (here) {
            for (const auto& port : here->ports) nodes_.insert(port.node);
        }
        if (what != Step::keep && row.with_ports) {
            // Before any port of the file is written: two forwards may exchange theirs.
            table_.remove_ports(forward.id);
            written.insert(forward.id);
        }
    }
    return write_ports(rows, written);
}

Result<void> TransferWriter::write_ports(const std::vector<domain::ForwardRow>& rows, const std::set<ForwardId>& written)
{
    const auto nodes = ids_of<NodeId>(table_, "nodes");
    for (const auto& row : rows) {
        const auto& forward = row.forward;
        if (!written.contains(forward.id)) continue;
        begin(forward.id.value, forward.name);
        std::vector<domain::ForwardPort> ports;
        for (const auto& port : forward.ports) {
            const bool twice = std::any_of(ports.begin(), ports.end(), [&](const auto& one) { return one.node == port.node; });
            if (twice || !nodes.contains(port.node)) {
                remark(Remark::port_dropped, {text_of(port.node.value), text_of(port.port)});
                continue;
            }
            if (const auto other = table_.forward_on(port.node, port.port)) {
                const auto words =
                    "port " + text_of(port.port) + " of node " + text_of(port.node.value) + " belongs to forward " + text_of(other->value);
                if (merge_ == Merge::overwrite) return clash(words);
                report_.possible = false;
                remark(Remark::taken, {words});
                continue;
            }
            ports.push_back(port);
            nodes_.insert(port.node);
        }
        table_.put_ports(forward.id, ports);
        if (const auto stored = store::ForwardTable(tx_).find(forward.id)) remember_payer(tx_, *stored);
    }
    return {};
}

Result<void> TransferWriter::write_groups(store::GroupKind kind, const std::vector<domain::Group>& rows)
{
    const bool of_users = kind == store::GroupKind::users;
    const auto section = of_users ? "user_groups" : "tunnel_groups";
    const auto candidates = table_.ids(of_users ? "users" : "tunnels");
    std::map<std::int64_t, domain::Group> present;
    for (auto& group : table_.groups(kind)) present.emplace(group.id, std::move(group));
    if (merge_ == Merge::overwrite) {
        for (const auto& row : rows) table_.release_name(section_, row.id);
    }
    for (const auto& row : rows) {
        auto group = row;
        begin(group.id, group.name);
        if (group.name.empty()) {
            leave_out(Remark::unusable, {"name", ""});
            continue;
        }
        std::erase_if(group.members, [&](std::int64_t member) {
            const bool missing = !std::binary_search(candidates.begin(), candidates.end(), member);
            if (missing) remark(Remark::link_dropped, {of_users ? "user" : "tunnel", text_of(member)});
            return missing;
        });
        const auto here = present.find(group.id);
        const bool exists = here != present.end();
        std::vector<std::string> values{group.name, flag(group.enabled)};
        for (const auto member : group.members) values.push_back(text_of(member));
        const auto source = source_digest(values);
        const auto what = step({exists, exists && here->second.name == group.name, exists ? "group " + here->second.name : ""}, source);
        if (what == Step::leave_out) continue;
        if (const auto other = table_.group_named(kind, group.name); other && *other != group.id && what != Step::keep) {
            if (auto clashed = clash("the name '" + group.name + "' belongs to group " + text_of(*other)); !clashed) return clashed;
            continue;
        }
        if (merge_ == Merge::move_in) table_.remember_imported(section, group.id, source);
        count(what);
        if (what == Step::keep) continue;
        if (what == Step::overwrite) group.updated = now_;
        table_.put(kind, group);
    }
    return {};
}

Result<void> TransferWriter::write_permissions(const std::vector<domain::Permission>& rows)
{
    const auto user_groups = table_.ids("user_groups");
    const auto tunnel_groups = table_.ids("tunnel_groups");
    const auto assignments = table_.ids("assignments");
    const std::set<std::int64_t> known_assignments(assignments.begin(), assignments.end());
    std::map<std::int64_t, domain::Permission> present;
    for (auto& permission : table_.permissions()) present.emplace(permission.id, std::move(permission));
    for (const auto& row : rows) {
        begin(row.id, "user group " + text_of(row.user_group) + ", tunnel group " + text_of(row.tunnel_group));
        const bool no_users = !std::binary_search(user_groups.begin(), user_groups.end(), row.user_group);
        if (no_users || !std::binary_search(tunnel_groups.begin(), tunnel_groups.end(), row.tunnel_group)) {
            leave_out(Remark::missing_parent, {no_users ? "user_group" : "tunnel_group", text_of(no_users ? row.user_group : row.tunnel_group)});
            continue;
        }
        const auto here = present.find(row.id);
        const bool exists = here != present.end();
        const bool same = exists && here->second.user_group == row.user_group && here->second.tunnel_group == row.tunnel_group;
        std::vector<std::string> values{text_of(row.user_group), text_of(row.tunnel_group)};
        for (const auto& grant : row.grants) values.push_back(text_of(grant.assignment.value));
        const auto source = source_digest(values);
        const auto what = step({exists, same, exists ? "another permission" : ""}, source);
        if (what == Step::leave_out) continue;
        const auto other = std::find_if(present.begin(), present.end(), [&](const auto& one) {
            return one.first != row.id && one.second.user_group == row.user_group && one.second.tunnel_group == row.tunnel_group;
        });
        if (other != present.end() && what != Step::keep) {
            if (auto clashed = clash("the groups are linked already by permission " + text_of(other->first)); !clashed) return clashed;
            continue;
        }
        if (merge_ == Merge::move_in) table_.remember_imported("permissions", row.id, source);
        count(what);
        if (what == Step::keep) continue;
        table_.put(row);
        write_grants(row, known_assignments);
    }
    return {};
}

void TransferWriter::write_grants(const domain::Permission& permission, const std::set<std::int64_t>& assignments)
{
    for (const auto& grant : permission.grants) {
        if (assignments.contains(grant.assignment.value))
            table_.put(grant);
        else
            remark(Remark::link_dropped, {"assignment", text_of(grant.assignment.value)});
    }
}

} // namespace sluice::panel
