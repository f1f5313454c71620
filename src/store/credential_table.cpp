#include "store/credential_table.hpp"

#include "store/names.hpp"
#include "store/statement.hpp"

namespace sluice::store {

namespace {

constexpr Names<domain::TokenScope, 4> scopes{{{
    {domain::TokenScope::read, "read"},
    {domain::TokenScope::forwards, "forwards"},
    {domain::TokenScope::nodes, "nodes"},
    {domain::TokenScope::all, "all"},
}}};

constexpr const char* token_columns = "SELECT id, user_id, name, scope, created, expires, last_used, address FROM api_tokens ";

domain::ApiToken token_row(Statement& row)
{
    domain::ApiToken token;
    token.id = row.id<TokenId>();
    token.user = row.id<UserId>();
    token.name = row.text();
    token.scope = scopes.value(row.text(), domain::TokenScope::read);
    token.created = row.time();
    token.expires = row.optional_time();
    token.last_used = row.optional_time();
    token.address = row.text();
    return token;
}

} // namespace

std::optional<domain::ApiToken> ApiTokenTable::find(const std::string& token_hash)
{
    Statement query(tx_, (std::string{token_columns} + "WHERE token_hash = ?").c_str(), Statement::as_blob(token_hash));
    if (!query.next()) return std::nullopt;
    return token_row(query);
}

std::vector<domain::ApiToken> ApiTokenTable::of_user(UserId user)
{
    std::vector<domain::ApiToken> tokens;
    Statement query(tx_, (std::string{token_columns} + "WHERE user_id = ? ORDER BY id").c_str(), user);
    while (query.next()) tokens.push_back(token_row(query));
    return tokens;
}

TokenId ApiTokenTable::insert(const std::string& token_hash, const domain::ApiToken& token)
{
    Statement(tx_, "INSERT INTO api_tokens (token_hash, user_id, name, scope, created, expires) VALUES (?, ?, ?, ?, ?, ?)",
              Statement::as_blob(token_hash), token.user, token.name, scopes.name(token.scope), token.created, token.expires)
        .run();
    return TokenId{last_id(tx_)};
}

void ApiTokenTable::touch(TokenId id, WallTime now, const std::string& address)
{
    Statement(tx_, "UPDATE api_tokens SET last_used = ?, address = ? WHERE id = ?", now, address, id).run();
}

std::optional<domain::ApiToken> ApiTokenTable::take(TokenId id, UserId user)
{
    std::optional<domain::ApiToken> token;
    {
        Statement query(tx_, (std::string{token_columns} + "WHERE id = ? AND user_id = ?").c_str(), id, user);
        if (query.next()) token = token_row(query);
    }
    if (token) Statement(tx_, "DELETE FROM api_tokens WHERE id = ?", id).run();
    return token;
}

std::size_t ApiTokenTable::remove_all_of(UserId user)
{
    return static_cast<std::size_t>(Statement(tx_, "DELETE FROM api_tokens WHERE user_id = ?", user).run());
}

std::optional<SecondFactor> SecondFactorTable::find(UserId user)
{
    Statement query(tx_, "SELECT secret, confirmed, last_step FROM second_factors WHERE user_id = ?", user);
    if (!query.next()) return std::nullopt;
    SecondFactor factor;
    factor.secret = query.blob();
    factor.confirmed = query.flag();
    factor.last_step = query.integer();
    return factor;
}

void SecondFactorTable::put(UserId user, const SecondFactor& factor, WallTime now)
{
    Statement(tx_,
              "INSERT INTO second_factors (user_id, secret, confirmed, last_step, created) VALUES (?, ?, ?, ?, ?) "
              "ON CONFLICT (user_id) DO UPDATE SET secret = excluded.secret, confirmed = excluded.confirmed, last_step = excluded.last_step",
              user, Statement::as_blob(factor.secret), factor.confirmed, factor.last_step, now)
        .run();
}

bool SecondFactorTable::remove(UserId user)
{
    Statement(tx_, "DELETE FROM recovery_codes WHERE user_id = ?", user).run();
    return Statement(tx_, "DELETE FROM second_factors WHERE user_id = ?", user).run() > 0;
}

void SecondFactorTable::set_recovery_codes(UserId user, const std::vector<std::string>& hashes)
{
    Statement(tx_, "DELETE FROM recovery_codes WHERE user_id = ?", user).run();
    for (const auto& hash : hashes)
        Statement(tx_, "INSERT INTO recovery_codes (user_id, code_hash) VALUES (?, ?)", user, Statement::as_blob(hash)).run();
}

bool SecondFactorTable::take_recovery_code(UserId user, const std::string& hash)
{
    return Statement(tx_, "DELETE FROM recovery_codes WHERE user_id = ? AND code_hash = ?", user, Statement::as_blob(hash)).run() > 0;
}

std::size_t SecondFactorTable::recovery_codes_left(UserId user)
{
    Statement query(tx_, "SELECT count(*) FROM recovery_codes WHERE user_id = ?", user);
    query.next();
    return static_cast<std::size_t>(query.integer());
}

} // namespace sluice::store
