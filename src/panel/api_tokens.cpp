#include "panel/api_tokens.hpp"

#include "base/log.hpp"
#include "base/random.hpp"
#include "base/text.hpp"
#include "panel/admin_addresses.hpp"
#include "panel/context.hpp"
#include "panel/vault.hpp"
#include "store/credential_table.hpp"
#include "store/store.hpp"
#include "store/user_table.hpp"

#include <utility>

namespace sluice::panel {

namespace {

constexpr std::size_t token_bytes = 32;
constexpr std::size_t longest_name = 100;
constexpr Milliseconds touch_every{60'000};

} // namespace

Result<std::vector<domain::ApiToken>> ApiTokens::list(const Actor& actor)
{
    return context_.store->read(
        [&](store::ReadTx& tx) -> Result<std::vector<domain::ApiToken>> { return store::ApiTokenTable(tx).of_user(actor.user); });
}

Result<ApiTokens::Made> ApiTokens::create(const Actor& actor, const std::string& name, domain::TokenScope scope, std::optional<WallTime> expires)
{
    if (name.empty() || name.size() > longest_name || !is_utf8(name)) return make_error(Errc::invalid, "token.name");
    const auto now = context_.clock->wall();
    if (expires && *expires <= now) return make_error(Errc::invalid, "token.expires");
    Secret text{std::string{prefix} + to_base64url(random_bytes(token_bytes))};
    const auto id = context_.store->write([&](store::WriteTx& tx) -> Result<TokenId> {
        store::ApiTokenTable tokens(tx);
        if (tokens.of_user(actor.user).size() >= most) return make_error(Errc::conflict, "token.count", {}, {std::to_string(most)});
        domain::ApiToken token;
        token.user = actor.user;
        token.name = name;
        token.scope = scope;
        token.created = now;
        token.expires = expires;
        const auto made = tokens.insert(sha256(text.reveal()), token);
        audit(tx, context_, actor, "token.create", made.value, {}, name);
        return made;
    });
    if (!id) return id.error();
    return Made{*id, std::move(text)};
}

Result<void> ApiTokens::revoke(const Actor& actor, TokenId id)
{
    return context_.store->write([&](store::WriteTx& tx) -> Result<void> {
        const auto token = store::ApiTokenTable(tx).take(id, actor.user);
        if (!token) return make_error(Errc::not_found, "token");
        audit(tx, context_, actor, "token.revoke", id.value, token->name);
        return {};
    });
}

Result<Actor> ApiTokens::resolve(const std::string& token, const IpAddress& from)
{
    const auto now = context_.clock->wall();
    const auto hash = sha256(token);
    struct Found {
        Actor actor;
        TokenId id;
        bool stale = false;
    };
    auto found = context_.store->read([&](store::ReadTx& tx) -> Result<Found> {
        const auto row = store::ApiTokenTable(tx).find(hash);
        if (!row || (row->expires && *row->expires <= now)) return make_error(Errc::unauthenticated, "token");
        const auto user = store::UserTable(tx).find(row->user);
        if (!user || !user->enabled) return make_error(Errc::unauthenticated, "token");
        if (user->role == domain::Role::admin && !administrator_may_come_from(tx, from)) return make_error(Errc::forbidden, "admin.address");
        const bool stale = !row->last_used || *row->last_used + touch_every <= now || row->address != from.to_text();
        return Found{Actor{user->id, user->name, user->role, from, row->scope}, row->id, stale};
    });
    if (!found) return found.error();
    if (found->stale) {
        const auto touched = context_.store->write([&](store::WriteTx& tx) -> Result<void> {
            store::ApiTokenTable(tx).touch(found->id, now, from.to_text());
            return {};
        });
        // A token that could not be marked as used is still a token.
        if (!touched) log::warning("token not marked as used", {{"problem", describe(touched.error())}});
    }
    return std::move(found->actor);
}

} // namespace sluice::panel
