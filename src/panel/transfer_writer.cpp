// The account that is kept of each row, and the sections that refer to nothing: users, nodes, settings.
#include "panel/transfer_writer.hpp"

#include "base/text.hpp"
#include "domain/addresses.hpp"
#include "panel/nodes.hpp"
#include "panel/settings.hpp"
#include "panel/users.hpp"
#include "panel/vault.hpp"
#include "store/node_table.hpp"
#include "store/setting_table.hpp"
#include "store/user_table.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::panel {

using domain::Remark;
using domain::Section;

namespace {

constexpr std::array<std::string_view, 10> section_names{"users",    "nodes",         "tunnels",     "speed_limits", "assignments",
                                                         "forwards", "tunnel_groups", "user_groups", "permissions",  "settings"};

std::string_view name_of(Section section) { return section_names[static_cast<std::size_t>(section)]; }

std::string text_of(const std::optional<WallTime>& time) { return time ? std::to_string(to_epoch_ms(*time)) : std::string{}; }

// Counters of a move never go down: what was counted here since the last time is the newer truth.
Traffic greater(const Traffic& a, const Traffic& b) { return {std::max(a.up, b.up), std::max(a.down, b.down)}; }

} // namespace

std::string source_digest(const std::vector<std::string>& values)
{
    std::string joined;
    for (const auto& value : values) joined += std::to_string(value.size()) + ":" + value;
    return sha256(joined);
}

TransferWriter::TransferWriter(store::WriteTx& tx, const Context& context, Merge merge, UserId actor, std::string keep_token_hash)
    : tx_(tx), context_(context), table_(tx), merge_(merge), actor_(actor), keep_token_hash_(std::move(keep_token_hash)), now_(context.clock->wall())
{
}

void TransferWriter::begin(std::int64_t id, const std::string& name)
{
    id_ = id;
    name_ = name;
}

void TransferWriter::remark(Remark what, std::vector<std::string> args) { report_.remarks.push_back({section_, id_, name_, what, std::move(args)}); }

void TransferWriter::leave_out(Remark why, std::vector<std::string> args)
{
    remark(why, std::move(args));
    count(Step::leave_out);
}

void TransferWriter::count(Step step)
{
    auto& tally = report_.sections[section_];
    switch (step) {
    case Step::insert: ++tally.added; break;
    case Step::overwrite: ++tally.changed; break;
    case Step::keep: ++tally.unchanged; break;
    case Step::leave_out: ++tally.left_out; break;
    }
}

Result<void> TransferWriter::clash(const std::string& words)
{
    if (merge_ == Merge::overwrite)
        return make_error(Errc::conflict, "import", words, {std::string{name_of(section_)}, "id " + std::to_string(id_) + ": " + words});
    report_.possible = false;
    leave_out(Remark::taken, {words});
    return {};
}

TransferWriter::Step TransferWriter::step(const Met& met, const std::string& source)
{
    if (merge_ == Merge::overwrite) return met.exists ? Step::overwrite : Step::insert;
    const auto known = table_.imported(name_of(section_), id_);
    if (!met.exists) {
        if (!known) return Step::insert;
        leave_out(Remark::deleted_here);
        return Step::leave_out;
    }
    if (!known && !met.same && !met.may_take) {
        report_.possible = false;
        leave_out(Remark::taken, {met.what});
        return Step::leave_out;
    }
    if (!known && !met.same) remark(Remark::replaces, {met.what});
    return known == source ? Step::keep : Step::overwrite;
}

Result<void> TransferWriter::write(const domain::Snapshot& snapshot, const domain::Sections& sections)
{
    const auto wanted = [&](Section section) {
        if (!sections.contains(section)) return false;
        section_ = section;
        return true;
    };
    Result<void> outcome;
    const auto run = [&](Section section, const auto& rows, auto write_rows) {
        if (!outcome || !rows || !wanted(section)) return;
        report_.sections[section]; // named also when it is empty
        outcome = write_rows(*rows);
    };
    run(Section::users, snapshot.users, [&](const auto& rows) { return write_users(rows); });
    run(Section::nodes, snapshot.nodes, [&](const auto& rows) { return write_nodes(rows); });
    run(Section::tunnels, snapshot.tunnels, [&](const auto& rows) { return write_tunnels(rows); });
    run(Section::speed_limits, snapshot.speed_limits, [&](const auto& rows) { return write_speed_limits(rows); });
    run(Section::assignments, snapshot.assignments, [&](const auto& rows) { return write_assignments(rows); });
    run(Section::forwards, snapshot.forwards, [&](const auto& rows) { return write_forwards(rows); });
    run(Section::tunnel_groups, snapshot.tunnel_groups, [&](const auto& rows) { return write_groups(store::GroupKind::tunnels, rows); });
    run(Section::user_groups, snapshot.user_groups, [&](const auto& rows) { return write_groups(store::GroupKind::users, rows); });
    run(Section::permissions, snapshot.permissions, [&](const auto& rows) { return write_permissions(rows); });
    run(Section::settings, snapshot.settings, [&](const auto& rows) { return write_settings(rows); });
    return outcome;
}

Result<void> TransferWriter::write_users(const std::vector<domain::UserRow>& rows)
{
    store::UserTable users(tx_);
    if (merge_ == Merge::overwrite) {
        for (const auto& row : rows) table_.release_name(section_, row.user.id.value);
    }
    for (const auto& row : rows) {
        auto next = row;
        auto& user = next.user;
        begin(user.id.value, user.name);
        if (user.name.empty() || user.name.size() > longest_user_name || row.password.empty()) {
            leave_out(Remark::unusable, {user.name.empty() || user.name.size() > longest_user_name ? "name" : "password"});
            continue;
        }
        const auto here = users.find(user.id);
        const bool both_lead = here && here->role == domain::Role::admin && user.role == domain::Role::admin;
        const auto source = source_digest({user.name, user.role == domain::Role::admin ? "admin" : "user", user.enabled ? "1" : "0",
                                           std::to_string(user.allowance.quota.value), std::to_string(user.allowance.max_forwards),
                                           text_of(user.allowance.expires), std::to_string(user.allowance.reset_day)});
        const auto secret_source = source_digest({row.password});
        const auto met =
            Met{here.has_value(), here && here->name == user.name && here->role == user.role, here ? "user " + here->name : "", both_lead};
        const auto what = step(met, source);
        if (what == Step::leave_out) continue;
        if (const auto other = users.find_by_name(user.name); other && other->id != user.id && what != Step::keep) {
            if (auto clashed = clash("the name '" + user.name + "' belongs to user " + std::to_string(other->id.value)); !clashed) return clashed;
            continue;
        }
        const auto password_here = here ? users.password_of(user.id) : std::string{};
        if (merge_ == Merge::move_in && here) {
            // A password that did not change at the source may have changed here, if only to a better hash.
            if (table_.imported("passwords", user.id.value) == secret_source) next.password = password_here;
            if (what == Step::keep) user = *here;
            user.used = greater(here->used, row.user.used);
        }
        if (merge_ == Merge::move_in) {
            table_.remember_imported("passwords", user.id.value, secret_source);
            table_.remember_imported(name_of(section_), user.id.value, source);
        }
        if (what == Step::overwrite) user.updated = now_;
        if (what != Step::keep || user.used != here->used || next.password != password_here) {
            table_.put(next);
            users_.insert(user.id);
            if (next.password != password_here) new_passwords_.insert(user.id);
            if (here && (next.password != password_here || !user.enabled))
                store::SessionTable(tx_).remove_all_of(user.id, user.id == actor_ ? keep_token_hash_ : std::string{});
        }
        count(what);
    }
    const auto all = users.all();
    const bool led = std::any_of(all.begin(), all.end(), [](const auto& user) { return user.role == domain::Role::admin && user.enabled; });
    if (!led && report_.possible) return clash("no administrator would be left who can sign in");
    return {};
}

bool TransferWriter::adjust(domain::Node& node)
{
    const auto replace = [&](std::string& value, const char* field, const std::string& now) {
        remark(Remark::adjusted, {field, value, now});
        value = now;
    };
    const auto drop = [&](std::optional<std::string>& value, const char* field) {
        remark(Remark::adjusted, {field, *value, ""});
        value.reset();
    };
    if (node.name.size() > 100) replace(node.name, "name", node.name.substr(0, 100));
    for (int attempt = 0; attempt < 8; ++attempt) { // one field at a time, each at most once
        const auto checked = domain::check_node(node);
        if (checked) return true;
        const auto& field = checked.error().field;
        if (field == "node.tcp_listen")
            replace(node.tcp_listen, "tcp_listen", "[::]");
        else if (field == "node.udp_listen")
            replace(node.udp_listen, "udp_listen", "[::]");
        else if (field == "node.address_v4")
            drop(node.address_v4, "address_v4");
        else if (field == "node.address_v6")
            drop(node.address_v6, "address_v6");
        else if (field == "node.egress_interface")
            drop(node.egress_interface, "egress_interface");
        else if (field == "node.ports")
            node.ports = PortSet::range(1000, 65535);
        else {
            leave_out(Remark::unusable, {field, node.address});
            return false;
        }
    }
    leave_out(Remark::unusable, {"node", node.name});
    return false;
}

std::optional<NodeId> TransferWriter::local_node_in_the_way(store::ReadTx& tx, const domain::Snapshot& snapshot)
{
    const auto local = store::NodeTable(tx).local();
    if (!local || !snapshot.nodes) return std::nullopt;
    for (const auto& row : *snapshot.nodes) {
        if (row.node.id == *local && store::TransferTable(tx).node_with_secret(sha256(row.secret.reveal())) != local) return local;
    }
    return std::nullopt;
}

void TransferWriter::make_room_for(NodeId taken, const std::vector<domain::NodeRow>& rows)
{
    NodeId free = taken;
    for (const auto id : table_.ids("nodes")) free.value = std::max(free.value, id);
    for (const auto& row : rows) free = std::max(free, row.node.id);
    ++free.value;
    const auto local = store::NodeTable(tx_).find(taken);
    table_.renumber_node(taken, free);
    begin(taken.value, local ? local->name : "");
    remark(Remark::moved_local, {std::to_string(taken.value), std::to_string(free.value)});
    nodes_.insert(free);
}

Result<void> TransferWriter::write_nodes(const std::vector<domain::NodeRow>& rows)
{
    store::NodeTable nodes(tx_);
    if (merge_ == Merge::move_in) {
        domain::Snapshot only_nodes;
        only_nodes.nodes = rows;
        if (const auto local = local_node_in_the_way(tx_, only_nodes)) make_room_for(*local, rows);
    }
    for (const auto& row : rows) {
        auto node = row.node;
        begin(node.id.value, node.name);
        if (row.secret.empty()) {
            leave_out(Remark::unusable, {"secret", ""});
            continue;
        }
        if (!adjust(node)) continue;
        const auto hash = sha256(row.secret.reveal());
        const auto owner = table_.node_with_secret(hash);
        const auto here = nodes.find(node.id);
        const auto source = source_digest({node.name, node.address, node.address_v4.value_or(""), node.address_v6.value_or(""), node.ports.to_text(),
                                           node.egress_interface.value_or(""), node.tcp_listen, node.udp_listen, node.blocks.http ? "1" : "0",
                                           node.blocks.tls ? "1" : "0", node.blocks.socks ? "1" : "0", row.secret.reveal()});
        const auto what = step({here.has_value(), owner == node.id, here ? "node " + here->name : ""}, source);
        if (what == Step::leave_out) continue;
        if (owner && *owner != node.id) {
            if (auto clashed = clash("its secret belongs to node " + std::to_string(owner->value)); !clashed) return clashed;
            continue;
        }
        if (merge_ == Merge::move_in) table_.remember_imported(name_of(section_), node.id.value, source);
        count(what);
        if (what == Step::keep) continue;
        if (what == Step::overwrite) node.updated = now_;
        table_.put(node, seal(context_.key, Nodes::secret_purpose, row.secret.reveal()), hash);
        nodes_.insert(node.id);
    }
    return {};
}

Result<void> TransferWriter::write_settings(const std::map<std::string, std::string>& values)
{
    store::SettingTable settings(tx_);
    for (const auto& [name, value] : values) {
        begin(0, name);
        if (const auto checked = check_setting(name, value); !checked) {
            leave_out(Remark::refused_setting, {checked.error().field});
            continue;
        }
        const auto here = settings.find(name);
        // Its keys are made for the site name of another panel: whoever moved in could not sign in.
        if (name == "captcha_enabled" && equals_ignoring_case(trim(value), "true") && !(here && equals_ignoring_case(trim(here->value), "true"))) {
            leave_out(Remark::refused_setting, {"setting.captcha"});
            continue;
        }
        const auto key = "settings:" + name;
        const auto source = source_digest({value});
        auto what = here ? Step::overwrite : Step::insert;
        if (merge_ == Merge::move_in) {
            if (table_.imported(key, 0) == source || (here && here->value == value)) what = Step::keep;
            table_.remember_imported(key, 0, source);
        }
        count(what);
        if (what != Step::keep) settings.put(name, value, now_);
    }
    return {};
}

} // namespace sluice::panel
