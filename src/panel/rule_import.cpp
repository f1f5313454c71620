#include "panel/rule_import.hpp"

#include "panel/context.hpp"
#include "panel/forward_draft.hpp"
#include "panel/forward_rows.hpp"
#include "panel/node_gateway.hpp"
#include "store/forward_table.hpp"
#include "store/store.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace sluice::panel {

namespace {

domain::ForwardDraft draft_of(const rules::Rule& rule, TunnelId tunnel, std::uint16_t offset)
{
    domain::ForwardDraft draft;
    draft.name = rule.name;
    draft.tunnel = tunnel;
    draft.targets = rule.targets;
    draft.pick = rule.pick;
    draft.options.bind_address = rule.listen_address;
    draft.options.tcp = rule.tcp;
    draft.options.udp = rule.udp;
    draft.options.allow = rule.allow;
    if (rule.first_port == 0) return draft;
    draft.port = static_cast<std::uint16_t>(rule.first_port + offset);
    if (rule.last_port > rule.first_port) {
        const auto number = " " + std::to_string(*draft.port);
        draft.name = draft.name.substr(0, 100 - number.size()) + number;
    }
    if (rule.ports_move_along) {
        for (auto& target : draft.targets) target.port = static_cast<std::uint16_t>(target.port + offset);
    }
    return draft;
}

// One item per forward. Errors: those of rules::parse, invalid "rules.count".
Result<RulePreviews> items_of(const RuleSource& source)
{
    RulePreviews previews;
    previews.format = source.format.value_or(rules::detect(source.text));
    auto lines = rules::parse(source.text, previews.format);
    if (!lines) return lines.error();
    for (auto& line : *lines) {
        const auto ports = line.rule ? std::size_t{line.rule->last_port} - line.rule->first_port + 1 : 1;
        if (previews.items.size() + ports > RuleImports::most_forwards)
            return make_error(Errc::invalid, "rules.count", "too many forwards", {std::to_string(RuleImports::most_forwards)});
        for (std::size_t offset = 0; offset < ports; ++offset) {
            RulePreview item;
            item.index = previews.items.size();
            item.line = line.number;
            item.text = line.text;
            if (line.rule) item.draft = draft_of(*line.rule, source.tunnel, static_cast<std::uint16_t>(offset));
            item.reason = line.reason;
            item.args = line.args;
            previews.items.push_back(std::move(item));
        }
    }
    return previews;
}

bool about_its_port(const Error& error) { return error.field == "forward.port"; }

Result<domain::Forward> insert(store::WriteTx& tx, const Context& context, const Actor& actor, const RuleSource& source, domain::ForwardDraft draft)
{
    auto made = insert_forward(tx, context, actor, draft);
    if (made || !draft.port || !source.choose_taken_ports || !about_its_port(made.error())) return made;
    draft.port.reset();
    return insert_forward(tx, context, actor, draft);
}

Error at_item(Error error, std::size_t index)
{
    error.args.push_back(std::to_string(index));
    return error;
}

struct Made {
    std::vector<RuleImports::Created> created;
    std::vector<domain::Forward> forwards;
    Revisions revisions;
    std::vector<std::vector<DeployTarget>> targets; // of each forward
};

} // namespace

Result<RulePreviews> RuleImports::preview(const Actor& actor, const RuleSource& source)
{
    auto previews = items_of(source);
    if (!previews) return previews;
    const auto taken_back = make_error(Errc::conflict, "rules.preview");
    const auto outcome = context_.store->write([&](store::WriteTx& tx) -> Result<void> {
        if (auto usable = usable_tunnel(tx, actor, source.tunnel); !usable) return usable.error();
        for (auto& item : previews->items) {
            if (!item.draft) continue;
            const auto made = insert(tx, context_, actor, source, *item.draft);
            if (made)
                item.port = made->ports.front().port;
            else
                item.problem = made.error();
        }
        return taken_back; // an error rolls back
    });
    if (!outcome && outcome.error().field != taken_back.field) return outcome.error();
    return previews;
}

Result<std::vector<RuleImports::Created>> RuleImports::create(const Actor& actor, const RuleSource& source, const std::vector<std::size_t>& chosen)
{
    const auto previews = items_of(source);
    if (!previews) return previews.error();
    const std::set<std::size_t> wanted(chosen.begin(), chosen.end());
    if (wanted.empty()) return make_error(Errc::invalid, "rules.chosen");
    for (const auto index : wanted) {
        if (index >= previews->items.size() || !previews->items[index].draft)
            return make_error(Errc::invalid, "rules.chosen", {}, {std::to_string(index)});
    }
    auto made = context_.store->write([&](store::WriteTx& tx) -> Result<Made> {
        Made all;
        for (const auto index : wanted) {
            auto forward = insert(tx, context_, actor, source, *previews->items[index].draft);
            if (!forward) return at_item(forward.error(), index);
            all.created.push_back({index, forward->id, forward->ports.front().port});
            all.forwards.push_back(std::move(*forward));
        }
        all.revisions = bump_nodes_of(tx, all.forwards);
        for (const auto& forward : all.forwards) all.targets.push_back(deploy_targets(tx, forward, all.revisions));
        return all;
    });
    if (!made) return made.error();
    announce_plans(context_, made->revisions);
    for (std::size_t i = 0; i < made->forwards.size(); ++i) {
        // Once a node has this revision, the answers for all the others are there at once.
        const auto deployed = deploy(context_, made->targets[i], made->forwards[i].id);
        if (deployed) continue;
        auto undone = context_.store->write([&](store::WriteTx& tx) -> Result<Revisions> {
            auto revisions = bump_nodes_of(tx, made->forwards);
            for (const auto& forward : made->forwards) store::ForwardTable(tx).remove(forward.id);
            audit(tx, context_, actor, "rules.import_undone", 0, describe(deployed.error()), std::to_string(made->forwards.size()) + " forwards");
            return revisions;
        });
        if (!undone) return undone.error();
        settle(context_, *undone);
        return at_item(deployed.error(), made->created[i].index);
    }
    return std::move(made->created);
}

} // namespace sluice::panel
