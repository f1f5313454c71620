#include "panel/transfer.hpp"

#include "panel/accounts.hpp"
#include "panel/context.hpp"
#include "panel/forward_rows.hpp"
#include "panel/node_gateway.hpp"
#include "panel/nodes.hpp"
#include "panel/settings.hpp"
#include "panel/transfer_writer.hpp"
#include "panel/vault.hpp"
#include "store/forward_table.hpp"
#include "store/node_table.hpp"
#include "store/setting_table.hpp"
#include "store/tunnel_table.hpp"

#include <functional>
#include <utility>

namespace sluice::panel {

using domain::Section;

namespace {

Result<std::vector<domain::NodeRow>> take_nodes(store::ReadTx& tx, const Context& context)
{
    std::vector<domain::NodeRow> rows;
    store::NodeTable nodes(tx);
    for (auto& node : nodes.all()) {
        auto secret = unseal(context.key, Nodes::secret_purpose, nodes.secret_of(node.id));
        if (!secret) return secret.error();
        rows.push_back({std::move(node), std::move(*secret)});
    }
    return rows;
}

std::string in_words(const TransferReport& report)
{
    std::int64_t added = 0;
    std::int64_t changed = 0;
    std::int64_t left_out = 0;
    for (const auto& [section, tally] : report.sections) {
        added += tally.added;
        changed += tally.changed;
        left_out += tally.left_out;
    }
    return std::to_string(added) + " added, " + std::to_string(changed) + " changed, " + std::to_string(left_out) + " left out";
}

struct Written {
    TransferReport report;
    Revisions revisions;
    std::set<UserId> new_passwords;
};

// What a constraint refused, said like any other clash.
Error of_store(const Error& error, std::string_view section)
{
    if (error.field == "import" || error.field == "import.taken" || error.code == Errc::unavailable) return error;
    return make_error(Errc::conflict, "import", error.detail,
                      {std::string{section}, "a value that must be unique, or something referred to, is in the way"});
}

Result<Written> write(store::WriteTx& tx, const Context& context, const Actor& actor, Merge merge, const domain::Snapshot& snapshot,
                      const domain::Sections& sections, const std::string& keep_token_hash)
{
    TransferWriter writer(tx, context, merge, actor.user, keep_token_hash);
    if (auto written = writer.write(snapshot, sections); !written) return written.error();
    Revisions revisions;
    for (const auto user : writer.users()) {
        const auto stopped = stop_what_may_not_run(tx, context, user);
        revisions.insert(revisions.end(), stopped.begin(), stopped.end());
    }
    const auto told = store::NodeTable(tx).bump_revision({writer.nodes().begin(), writer.nodes().end()});
    revisions.insert(revisions.end(), told.begin(), told.end());
    audit(tx, context, actor, merge == Merge::overwrite ? "backup.import" : "panel.move_in", 0, {}, in_words(writer.report()));
    return Written{std::move(writer.report()), std::move(revisions), writer.new_passwords()};
}

domain::Sections everything() { return {domain::all_sections.begin(), domain::all_sections.end()}; }

} // namespace

Result<domain::Snapshot> Transfers::take(const Actor& actor, const domain::Sections& sections)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed.error();
    return context_.store->read([&](store::ReadTx& tx) -> Result<domain::Snapshot> {
        store::TransferTable table(tx);
        domain::Snapshot snapshot;
        if (sections.contains(Section::users)) snapshot.users = table.users();
        if (sections.contains(Section::nodes)) {
            auto nodes = take_nodes(tx, context_);
            if (!nodes) return nodes.error();
            snapshot.nodes = std::move(*nodes);
        }
        if (sections.contains(Section::tunnels)) snapshot.tunnels = store::TunnelTable(tx).all();
        if (sections.contains(Section::speed_limits)) snapshot.speed_limits = table.speed_limits();
        if (sections.contains(Section::assignments)) snapshot.assignments = store::AssignmentTable(tx).all();
        if (sections.contains(Section::forwards)) {
            snapshot.forwards.emplace();
            for (auto& forward : store::ForwardTable(tx).all()) snapshot.forwards->push_back({std::move(forward), true});
        }
        if (sections.contains(Section::tunnel_groups)) snapshot.tunnel_groups = table.groups(store::GroupKind::tunnels);
        if (sections.contains(Section::user_groups)) snapshot.user_groups = table.groups(store::GroupKind::users);
        if (sections.contains(Section::permissions)) snapshot.permissions = table.permissions();
        if (sections.contains(Section::settings)) {
            snapshot.settings = store::SettingTable(tx).all();
            std::erase_if(*snapshot.settings, [](const auto& one) { return is_internal_setting(one.first); });
        }
        return snapshot;
    });
}

Result<TransferReport> Transfers::restore(const Actor& actor, const domain::Snapshot& snapshot, const domain::Sections& sections,
                                          const std::string& keep_token_hash)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed.error();
    auto written =
        context_.store->write([&](store::WriteTx& tx) { return write(tx, context_, actor, Merge::overwrite, snapshot, sections, keep_token_hash); });
    if (!written) return of_store(written.error(), "data");
    announce_plans(context_, written->revisions);
    for (const auto user : written->new_passwords) accounts_.note_credentials_changed(user);
    return std::move(written->report);
}

Result<TransferReport> Transfers::move_in(const Actor& actor, const domain::Snapshot& snapshot, const std::string& keep_token_hash)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed.error();
    // A node that is about to get another id is let go first, so that nobody plans for the machine under the id of another.
    const auto in_the_way =
        context_.store->read([&](store::ReadTx& tx) -> Result<std::optional<NodeId>> { return TransferWriter::local_node_in_the_way(tx, snapshot); });
    if (!in_the_way) return in_the_way.error();
    std::function<void(NodeId)> take_back;
    if (*in_the_way && context_.gateway) take_back = context_.gateway->let_go(**in_the_way);
    auto written = context_.store->write([&](store::WriteTx& tx) -> Result<Written> {
        auto done = write(tx, context_, actor, Merge::move_in, snapshot, everything(), keep_token_hash);
        if (done && !done->report.possible) return make_error(Errc::conflict, "import.taken");
        return done;
    });
    if (take_back) {
        const auto now = context_.store->read([](store::ReadTx& tx) -> Result<std::optional<NodeId>> { return store::NodeTable(tx).local(); });
        take_back(now && *now ? **now : **in_the_way);
    }
    if (!written) return of_store(written.error(), "data");
    announce_plans(context_, written->revisions);
    for (const auto user : written->new_passwords) accounts_.note_credentials_changed(user);
    return std::move(written->report);
}

Result<ForeignFile> Transfers::hand_in(const Actor& actor, std::string_view bytes)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed.error();
    if (context_.folder.empty()) return make_error(Errc::unavailable, "backup.folder", "this panel has no data directory");
    return ForeignFile::of_bytes(context_.folder, bytes);
}

Result<TransferReport> Transfers::preview(const Actor& actor, const domain::Snapshot& snapshot)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed.error();
    std::optional<TransferReport> report;
    const auto taken_back = make_error(Errc::conflict, "import.preview");
    const auto outcome = context_.store->write([&](store::WriteTx& tx) -> Result<void> {
        auto done = write(tx, context_, actor, Merge::move_in, snapshot, everything(), {});
        if (!done) return done.error();
        report = std::move(done->report);
        return taken_back; // an error rolls back
    });
    if (!report) return of_store(outcome.error(), "data");
    return std::move(*report);
}

} // namespace sluice::panel
