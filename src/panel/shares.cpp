#include "panel/shares.hpp"

#include "base/random.hpp"
#include "panel/context.hpp"
#include "panel/share_rows.hpp"
#include "panel/vault.hpp"
#include "store/event_table.hpp"
#include "store/node_table.hpp"

#include <algorithm>

namespace sluice::panel {

namespace {

constexpr std::size_t longest_name = 100;
constexpr std::size_t most_items = 100; // of an allow list
constexpr std::size_t token_bytes = 32;
constexpr std::chrono::minutes idle_reservation{10}; // reserved, and nothing applied to it
constexpr std::chrono::hours kept_release{24};       // how long a released reservation can be taken up again

std::string summary(const domain::ShareDraft& share)
{
    return share.name + ", node " + std::to_string(share.node.value) + ", ports " + std::to_string(share.port_first) + "-" +
           std::to_string(share.port_last) + ", quota " + std::to_string(share.quota.value) + ", expires " +
           (share.expires ? std::to_string(to_epoch_ms(*share.expires)) : "never");
}

Result<void> check(const domain::ShareDraft& draft)
{
    if (draft.name.size() > longest_name) return make_error(Errc::invalid, "share.name_length");
    if (draft.quota.value < 0) return make_error(Errc::invalid, "share.quota");
    if (draft.expires && to_epoch_ms(*draft.expires) < 0) return make_error(Errc::invalid, "share.expires");
    if (draft.port_first > draft.port_last) return make_error(Errc::invalid, "share.range_order");
    const auto well_formed = [](const std::string& domain) { return is_host_name(domain); };
    if (draft.domains.size() > most_items || !std::all_of(draft.domains.begin(), draft.domains.end(), well_formed))
        return make_error(Errc::invalid, "share.domains");
    if (draft.addresses.size() > most_items) return make_error(Errc::invalid, "share.addresses");
    return {};
}

} // namespace

Result<std::vector<ShareView>> Shares::list(const Actor& actor)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed.error();
    return context_.store->read([&](store::ReadTx& tx) -> Result<std::vector<ShareView>> {
        std::vector<ShareView> views;
        store::ShareTable shares(tx);
        for (auto& share : shares.all()) {
            ShareView view;
            auto token = unseal(context_.key, token_purpose, shares.token_of(share.id));
            if (!token) return token.error();
            view.token = std::move(*token);
            if (const auto node = store::NodeTable(tx).find(share.node)) view.node_name = node->name;
            view.stop = stop_of(share, context_.clock->wall());
            view.roles = store::ShareRoleTable(tx).of_share(share.id);
            std::erase_if(view.roles, [](const auto& role) { return !role.active || role.kind == domain::ShareRoleKind::limiter; });
            std::stable_sort(view.roles.begin(), view.roles.end(), [](const auto& a, const auto& b) { return a.port < b.port; });
            view.share = std::move(share);
            views.push_back(std::move(view));
        }
        return views;
    });
}

Result<domain::Share> Shares::get(const Actor& actor, ShareId id)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed.error();
    return context_.store->read([&](store::ReadTx& tx) -> Result<domain::Share> {
        auto share = store::ShareTable(tx).find(id);
        if (!share) return make_error(Errc::not_found, "share");
        return std::move(*share);
    });
}

Result<Shares::Created> Shares::create(const Actor& actor, const domain::ShareDraft& draft)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed.error();
    if (draft.name.empty() || !draft.node) return make_error(Errc::invalid, "share.name_or_node");
    if (const auto checked = check(draft); !checked) return checked.error();
    const auto token = random_hex(token_bytes);
    const auto id = context_.store->write([&](store::WriteTx& tx) -> Result<ShareId> {
        const auto node = store::NodeTable(tx).find(draft.node);
        if (!node) return make_error(Errc::not_found, "share.node");
        if (node->remote) return make_error(Errc::invalid, "share.remote_node");
        domain::Share share;
        static_cast<domain::ShareDraft&>(share) = draft;
        share.created = context_.clock->wall();
        const auto made = store::ShareTable(tx).insert(share, seal(context_.key, token_purpose, token), sha256(token));
        audit(tx, context_, actor, "share.create", made.value, {}, summary(draft));
        (void)settle_share(tx, context_, made); // it has no roles yet; only whether it runs
        return made;
    });
    if (!id) return id.error();
    return Created{*id, Secret{token}};
}

Result<void> Shares::update(const Actor& actor, ShareId id, const domain::ShareDraft& draft, std::optional<bool> enabled)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed;
    const auto revisions = context_.store->write([&](store::WriteTx& tx) -> Result<Revisions> {
        store::ShareTable shares(tx);
        auto share = shares.find(id);
        if (!share) return make_error(Errc::not_found, "share");
        if (draft.name.empty()) return make_error(Errc::invalid, "share.name");
        if (const auto checked = check(draft); !checked) return checked.error();
        const auto before = summary(*share);
        const auto node = share->node;
        static_cast<domain::ShareDraft&>(*share) = draft;
        share->node = node;
        share->enabled = enabled.value_or(share->enabled);
        share->updated = context_.clock->wall();
        shares.update(*share);
        audit(tx, context_, actor, "share.update", id.value, before, summary(*share));
        // What listens outside the new range does so no longer.
        bool changed = false;
        store::ShareRoleTable roles(tx);
        for (auto& role : roles.of_share(id)) {
            if (!role.active || !role.port || (*role.port >= draft.port_first && *role.port <= draft.port_last)) continue;
            role.active = false;
            role.updated = context_.clock->wall();
            roles.update(role);
            changed = true;
        }
        return settle_share(tx, context_, id, changed);
    });
    if (!revisions) return revisions.error();
    announce_plans(context_, *revisions);
    return {};
}

Result<void> Shares::remove(const Actor& actor, ShareId id)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed;
    const auto revisions = context_.store->write([&](store::WriteTx& tx) -> Result<Revisions> {
        store::ShareTable shares(tx);
        const auto share = shares.find(id);
        if (!share) return Revisions{};
        shares.remove(id);
        audit(tx, context_, actor, "share.delete", id.value, summary(*share));
        return store::NodeTable(tx).bump_revision({share->node});
    });
    if (!revisions) return revisions.error();
    announce_plans(context_, *revisions);
    return {};
}

Result<void> Shares::reset_used(const Actor& actor, ShareId id)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed;
    const auto revisions = context_.store->write([&](store::WriteTx& tx) -> Result<Revisions> {
        store::ShareTable shares(tx);
        const auto share = shares.find(id);
        if (!share) return make_error(Errc::not_found, "share");
        shares.reset_used(id, context_.clock->wall());
        audit(tx, context_, actor, "share.reset_flow", id.value, std::to_string(share->used.value), "0");
        return settle_share(tx, context_, id);
    });
    if (!revisions) return revisions.error();
    announce_plans(context_, *revisions);
    return {};
}

Result<void> Shares::keep_up()
{
    const auto now = context_.clock->wall();
    struct Due {
        std::vector<ShareId> changed;
        std::vector<domain::ShareRole> idle;
    };
    const auto due = context_.store->read([&](store::ReadTx& tx) -> Result<Due> {
        Due found;
        for (const auto& share : store::ShareTable(tx).all()) {
            if (share.running != (stop_of(share, now) == domain::ShareStop::none)) found.changed.push_back(share.id);
            for (auto& role : store::ShareRoleTable(tx).of_share(share.id)) {
                const bool idle = role.active && role.kind == domain::ShareRoleKind::reserved && role.updated + idle_reservation < now;
                if (idle || (!role.active && role.updated + kept_release < now)) found.idle.push_back(std::move(role));
            }
        }
        return found;
    });
    if (!due) return due.error();
    if (due->changed.empty() && due->idle.empty()) return {};
    const auto revisions = context_.store->write([&](store::WriteTx& tx) -> Result<Revisions> {
        Revisions all;
        for (const auto id : due->changed) {
            const auto some = settle_share(tx, context_, id);
            all.insert(all.end(), some.begin(), some.end());
        }
        for (auto role : due->idle) {
            role.active = false;
            role.updated = now;
            store::ShareRoleTable(tx).update(role);
        }
        store::ShareRoleTable(tx).remove_released_before(now - kept_release);
        return all;
    });
    if (!revisions) return revisions.error();
    announce_plans(context_, *revisions);
    return {};
}

} // namespace sluice::panel
