// What guards an account, beyond the contract: sessions, tokens for programs, the second factor; and the history of changes. Never for tokens themselves.
#include "api/flvx/messages.hpp"
#include "api/flvx/route.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::flvx {

namespace {

constexpr std::array<std::pair<domain::TokenScope, std::string_view>, 4> scopes{{
    {domain::TokenScope::read, "read"},
    {domain::TokenScope::forwards, "forwards"},
    {domain::TokenScope::nodes, "nodes"},
    {domain::TokenScope::all, "all"},
}};

std::string_view scope_name(domain::TokenScope scope)
{
    for (const auto& [value, name] : scopes) {
        if (value == scope) return name;
    }
    return "read";
}

std::optional<domain::TokenScope> scope_of(std::string_view name)
{
    for (const auto& [value, text] : scopes) {
        if (text == name) return value;
    }
    return std::nullopt;
}

Reply sign_out(Call& call)
{
    const auto done = call.panel.accounts().close_session(call.token_hash);
    return done ? ok() : fail(done.error());
}

Reply list_sessions(Call& call)
{
    const auto sessions = call.panel.accounts().sessions(call.who(), call.token_hash);
    if (!sessions) return fail(sessions.error());
    Json items = Json::array();
    for (const auto& one : *sessions)
        items.push_back({{"id", one.id.value},
                         {"createdTime", to_epoch_ms(one.created)},
                         {"lastUsed", to_epoch_ms(one.last_used)},
                         {"expTime", to_epoch_ms(one.expires)},
                         {"address", one.address},
                         {"client", one.client},
                         {"current", one.own}});
    return ok(std::move(items));
}

// One by its id, or all but the one that asks.
Reply end_session(Call& call)
{
    if (call.body.text("others") == "true" || call.body.integer("others", 0) == 1) {
        const auto done = call.panel.accounts().end_other_sessions(call.who(), call.token_hash);
        return done ? ok() : fail(done.error());
    }
    const auto id = id_of(call);
    if (!id) return fail(-1, "参数错误");
    const auto done = call.panel.accounts().end_session(call.who(), SessionId{*id});
    return done ? ok() : fail(done.error());
}

Reply list_tokens(Call& call)
{
    const auto tokens = call.panel.api_tokens().list(call.who());
    if (!tokens) return fail(tokens.error());
    Json items = Json::array();
    for (const auto& one : *tokens)
        items.push_back({{"id", one.id.value},
                         {"name", one.name},
                         {"scope", scope_name(one.scope)},
                         {"createdTime", to_epoch_ms(one.created)},
                         {"expTime", or_null(epoch_or_null(one.expires))},
                         {"lastUsed", or_null(epoch_or_null(one.last_used))},
                         {"address", one.address}});
    return ok(std::move(items));
}

Reply create_token(Call& call)
{
    const auto scope = scope_of(call.body.text("scope"));
    if (!scope) return fail(make_error(Errc::invalid, "token.scope"));
    std::optional<WallTime> expires;
    if (const auto ms = call.body.integer("expTime", 0); ms != 0) expires = from_epoch_ms(ms);
    const auto made = call.panel.api_tokens().create(call.who(), call.body.text("name"), *scope, expires);
    if (!made) return fail(made.error());
    return ok({{"id", made->id.value}, {"token", made->token.reveal()}});
}

Reply revoke_token(Call& call)
{
    const auto id = id_of(call);
    if (!id) return fail(-1, "参数错误");
    const auto done = call.panel.api_tokens().revoke(call.who(), TokenId{*id});
    return done ? ok() : fail(done.error());
}

Reply second_factor_state(Call& call)
{
    const auto state = call.panel.second_factors().state(call.who());
    if (!state) return fail(state.error());
    return ok({{"enabled", state->on}, {"recoveryCodes", state->recovery_codes}});
}

Reply begin_second_factor(Call& call)
{
    const auto password = call.body.exact_text("password");
    if (call.body.bad()) return fail(-1, "请求参数错误");
    const auto name = call.panel.settings().get(nullptr, "app_name");
    const auto site = name && !trim(name->value).empty() ? std::string{trim(name->value)} : std::string{"Sluice"};
    const auto offer = call.panel.second_factors().begin(call.who(), Secret{password}, site);
    if (!offer) return fail(offer.error());
    const auto at = offer->uri.find("secret=") + 7;
    return ok({{"secret", offer->uri.substr(at, offer->uri.find('&') - at)}, {"uri", offer->uri}});
}

Reply with_recovery_codes(const Result<std::vector<std::string>>& codes)
{
    if (!codes) return fail(codes.error());
    return ok({{"recoveryCodes", *codes}});
}

Reply confirm_second_factor(Call& call) { return with_recovery_codes(call.panel.second_factors().confirm(call.who(), call.body.text("code"))); }

Reply renew_recovery_codes(Call& call)
{
    return with_recovery_codes(call.panel.second_factors().renew_recovery_codes(call.who(), call.body.text("code")));
}

Reply remove_second_factor(Call& call)
{
    const auto password = call.body.exact_text("password");
    if (call.body.bad()) return fail(-1, "请求参数错误");
    const auto done = call.panel.second_factors().remove(call.who(), Secret{password}, call.body.text("code"));
    return done ? ok() : fail(done.error());
}

Reply list_changes(Call& call)
{
    const auto part = part_of(call).value_or(std::pair<std::size_t, std::size_t>{0, 100});
    const auto changes = call.panel.history().list(call.who(), call.body.text("keyword"), part.first, part.second);
    if (!changes) return fail(changes.error());
    Json items = Json::array();
    for (const auto& one : changes->changes)
        items.push_back({{"id", one.id},
                         {"time", to_epoch_ms(one.happened)},
                         {"userId", one.user.value},
                         {"user", one.user_name},
                         {"address", one.address},
                         {"action", one.action},
                         {"object", one.object},
                         {"before", one.before},
                         {"after", one.after}});
    return ok({{"list", std::move(items)}, {"total", changes->total}});
}

// clang-format off: a row of the table is a line
constexpr Route routes[] = {
    described({"/api/v1/account/sign-out", Access::signed_in, Needs::nothing, sign_out}, "Ends the session that asks.", nullptr, {}, Reach::person),
    described({"/api/v1/account/session/list", Access::signed_in, Needs::nothing, list_sessions}, "One's own sessions.", nullptr, gives_list(shapes::session), Reach::person),
    described({"/api/v1/account/session/revoke", Access::signed_in, Needs::object, end_session}, "Ends one of one's own sessions, or all others.", &shapes::session_end, {}, Reach::person),
    described({"/api/v1/account/token/list", Access::signed_in, Needs::nothing, list_tokens}, "One's own tokens for programs.", nullptr, gives_list(shapes::api_token), Reach::person),
    described({"/api/v1/account/token/create", Access::signed_in, Needs::object, create_token}, "A new token for programs; its text is answered this once.", &shapes::token_draft, gives(shapes::made_token), Reach::person),
    described({"/api/v1/account/token/revoke", Access::signed_in, Needs::object, revoke_token}, "Ends a token.", &shapes::id, {}, Reach::person),
    described({"/api/v1/account/second-factor/state", Access::signed_in, Needs::nothing, second_factor_state}, "Whether signing in takes a code.", nullptr, gives(shapes::second_factor), Reach::person),
    described({"/api/v1/account/second-factor/begin", Access::signed_in, Needs::object, begin_second_factor}, "Offers a secret for an authenticator application (RFC 6238); not asked for before it is confirmed.", &shapes::own_password, gives(shapes::second_factor_offer), Reach::person),
    described({"/api/v1/account/second-factor/confirm", Access::signed_in, Needs::object, confirm_second_factor}, "Switches the second factor on; the recovery codes are answered this once.", &shapes::second_factor_code, gives(shapes::recovery_codes), Reach::person),
    described({"/api/v1/account/second-factor/recovery", Access::signed_in, Needs::object, renew_recovery_codes}, "New recovery codes instead of those that are left.", &shapes::second_factor_code, gives(shapes::recovery_codes), Reach::person),
    described({"/api/v1/account/second-factor/remove", Access::signed_in, Needs::object, remove_second_factor}, "Switches the second factor off.", &shapes::second_factor_end, {}, Reach::person),
    described({"/api/v1/audit/list", Access::admin, Needs::anything, list_changes}, "Who changed what and from where, newest first.", &shapes::change_list, gives(shapes::changes), Reach::reading),
};
// clang-format on

} // namespace

std::span<const Route> security_routes() { return routes; }

} // namespace sluice::flvx
