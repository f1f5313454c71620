#include "store/user_table.hpp"

#include "base/random.hpp"
#include "store/statement.hpp"

namespace sluice::store {

namespace {

constexpr const char* user_columns = "SELECT id, uuid, name, role, enabled, quota, max_forwards, expires, reset_day, used_up, used_down, "
                                     "must_change_password, max_connections, max_clients, replace_clients, created, updated FROM users ";

domain::User user_row(Statement& row)
{
    domain::User user;
    user.id = row.id<UserId>();
    user.uuid = row.text();
    user.name = row.text();
    user.role = row.integer() == 0 ? domain::Role::admin : domain::Role::regular;
    user.enabled = row.flag();
    user.allowance.quota = {row.integer()};
    user.allowance.max_forwards = row.integer();
    user.allowance.expires = row.optional_time();
    user.allowance.reset_day = static_cast<int>(row.integer());
    user.used.up = {row.integer()};
    user.used.down = {row.integer()};
    user.must_change_password = row.flag();
    user.caps.max_connections = static_cast<std::uint32_t>(row.integer());
    user.caps.clients.most = static_cast<std::uint32_t>(row.integer());
    user.caps.clients.replace = row.flag();
    user.created = row.time();
    user.updated = row.optional_time();
    return user;
}

constexpr const char* session_columns = "SELECT id, user_id, created, expires, last_used, address, client FROM sessions ";

Session session_row(Statement& row)
{
    Session session;
    session.id = row.id<SessionId>();
    session.user = row.id<UserId>();
    session.created = row.time();
    session.expires = row.time();
    session.last_used = row.time();
    session.address = row.text();
    session.client = row.text();
    return session;
}

} // namespace

std::optional<domain::User> UserTable::find(UserId id)
{
    Statement query(tx_, (std::string{user_columns} + "WHERE id = ?").c_str(), id);
    if (!query.next()) return std::nullopt;
    return user_row(query);
}

std::optional<domain::User> UserTable::find_by_name(const std::string& name)
{
    Statement query(tx_, (std::string{user_columns} + "WHERE name = ?").c_str(), name);
    if (!query.next()) return std::nullopt;
    return user_row(query);
}

std::string UserTable::password_of(UserId id)
{
    Statement query(tx_, "SELECT password FROM users WHERE id = ?", id);
    return query.next() ? query.text() : std::string{};
}

std::vector<domain::User> UserTable::all()
{
    std::vector<domain::User> users;
    Statement query(tx_, (std::string{user_columns} + "ORDER BY id").c_str());
    while (query.next()) users.push_back(user_row(query));
    return users;
}

bool UserTable::empty()
{
    Statement query(tx_, "SELECT count(*) FROM users");
    query.next();
    return query.integer() == 0;
}

UserId UserTable::insert(const NewUser& user)
{
    Statement(tx_,
              "INSERT INTO users (uuid, name, password, role, enabled, quota, max_forwards, expires, reset_day, must_change_password, created) "
              "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
              make_uuid(), user.name, user.password, user.role == domain::Role::admin ? 0 : 1, user.enabled, user.allowance.quota.value,
              user.allowance.max_forwards, user.allowance.expires, user.allowance.reset_day, user.must_change_password, user.created)
        .run();
    return UserId{last_id(tx_)};
}

void UserTable::update(const domain::User& user)
{
    // Another date is a new one to be reminded of.
    Statement(
        tx_,
        "UPDATE users SET name = ?, enabled = ?, quota = ?, max_forwards = ?, expiry_noticed = CASE WHEN expires IS ?5 THEN expiry_noticed ELSE 0 "
        "END, expires = ?5, reset_day = ?, max_connections = ?, max_clients = ?, replace_clients = ?, updated = ? WHERE id = ?",
        user.name, user.enabled, user.allowance.quota.value, user.allowance.max_forwards, user.allowance.expires, user.allowance.reset_day,
        user.caps.max_connections, user.caps.clients.most, user.caps.clients.replace, user.updated, user.id)
        .run();
}

void UserTable::set_password(UserId id, const std::string& password, bool must_change, WallTime now)
{
    Statement(tx_, "UPDATE users SET password = ?, must_change_password = ?, updated = ? WHERE id = ?", password, must_change, now, id).run();
}

void UserTable::set_name(UserId id, const std::string& name, WallTime now)
{
    Statement(tx_, "UPDATE users SET name = ?, updated = ? WHERE id = ?", name, now, id).run();
}

void UserTable::add_traffic(UserId id, const Traffic& traffic)
{
    Statement(
        tx_,
        "UPDATE users SET used_up = used_up + ?1, used_down = used_down + ?2, total_up = total_up + ?1, total_down = total_down + ?2 WHERE id = ?3",
        traffic.up.value, traffic.down.value, id)
        .run();
}

void UserTable::reset_traffic(UserId id) { Statement(tx_, "UPDATE users SET used_up = 0, used_down = 0, noticed = 0 WHERE id = ?", id).run(); }

void UserTable::remove(UserId id) { Statement(tx_, "DELETE FROM users WHERE id = ?", id).run(); }

std::optional<Session> SessionTable::find(const std::string& token_hash)
{
    Statement query(tx_, (std::string{session_columns} + "WHERE token_hash = ?").c_str(), Statement::as_blob(token_hash));
    if (!query.next()) return std::nullopt;
    return session_row(query);
}

std::vector<Session> SessionTable::of_user(UserId user)
{
    std::vector<Session> sessions;
    Statement query(tx_, (std::string{session_columns} + "WHERE user_id = ? ORDER BY last_used DESC, id DESC").c_str(), user);
    while (query.next()) sessions.push_back(session_row(query));
    return sessions;
}

bool SessionTable::remove(SessionId id, UserId user)
{
    return Statement(tx_, "DELETE FROM sessions WHERE id = ? AND user_id = ?", id, user).run() > 0;
}

void SessionTable::insert(const std::string& token_hash, const Session& session)
{
    Statement(tx_, "INSERT INTO sessions (token_hash, user_id, created, expires, last_used, address, client) VALUES (?, ?, ?, ?, ?, ?, ?)",
              Statement::as_blob(token_hash), session.user, session.created, session.expires, session.last_used, session.address, session.client)
        .run();
}

void SessionTable::touch(SessionId id, WallTime now, const std::string& address)
{
    Statement(tx_, "UPDATE sessions SET last_used = ?, address = ? WHERE id = ?", now, address, id).run();
}

void SessionTable::remove(const std::string& token_hash)
{
    Statement(tx_, "DELETE FROM sessions WHERE token_hash = ?", Statement::as_blob(token_hash)).run();
}

void SessionTable::remove_all_of(UserId user, const std::string& except_token_hash)
{
    Statement(tx_, "DELETE FROM sessions WHERE user_id = ? AND token_hash <> ?", user, Statement::as_blob(except_token_hash)).run();
}

void SessionTable::keep_newest(UserId user, std::size_t count)
{
    Statement(tx_, "DELETE FROM sessions WHERE user_id = ?1 AND id NOT IN (SELECT id FROM sessions WHERE user_id = ?1 ORDER BY id DESC LIMIT ?2)",
              user, static_cast<std::int64_t>(count))
        .run();
}

void SessionTable::remove_expired(WallTime now) { Statement(tx_, "DELETE FROM sessions WHERE expires <= ?", now).run(); }

} // namespace sluice::store
