#include "panel/accounts.hpp"

#include "base/log.hpp"
#include "base/random.hpp"
#include "base/text.hpp"
#include "panel/admin_addresses.hpp"
#include "panel/context.hpp"
#include "panel/passwords.hpp"
#include "panel/second_factors.hpp"
#include "panel/throttle.hpp"
#include "panel/users.hpp"
#include "panel/vault.hpp"
#include "store/credential_table.hpp"
#include "store/setting_table.hpp"
#include "store/user_table.hpp"

#include <algorithm>

namespace sluice::panel {

namespace {

constexpr std::int64_t administrator_expires = 2'727'251'700'000; // FLVX contract 2
constexpr Milliseconds session_touch_every{60'000};
constexpr std::size_t most_sessions = 100; // of one user; a script that signs in for every call must not fill the database

std::string own_key(const Actor& actor) { return "p:" + std::to_string(actor.user.value); }

} // namespace

struct Accounts::State {
    Throttle by_address{Throttle::Policy{5, Seconds{300}, Seconds{900}, 10'000}};
    // An account allows more before it waits, and waits less: a stranger must not be able to lock its owner out for long.
    Throttle by_account{Throttle::Policy{20, Seconds{60}, Seconds{900}, 10'000}};
    Secret signing_key;
    std::function<void(UserId)> credentials_changed = [](UserId) {};
};

Accounts::Accounts(Context& context) : context_(context), state_(std::make_unique<State>())
{
    auto sealed = context_.store->write([&](store::WriteTx& tx) -> Result<std::string> {
        store::SettingTable settings(tx);
        if (const auto row = settings.find(signing_key_setting)) return row->value;
        const auto fresh = to_base64(seal(context_.key, signing_key_purpose, random_bytes(32)));
        settings.put(signing_key_setting, fresh, context_.clock->wall());
        return fresh;
    });
    if (!sealed) throw std::runtime_error("signing key: " + describe(sealed.error()));
    const auto bytes = from_base64(*sealed);
    auto key = unseal(context_.key, signing_key_purpose, bytes.value_or(""));
    if (!key) throw std::runtime_error("signing key: " + describe(key.error()));
    state_->signing_key = std::move(*key);
}

Accounts::~Accounts() = default;

const Secret& Accounts::signing_key() const { return state_->signing_key; }

Result<bool> Accounts::ensure_administrator(const std::string& name, const Secret& password, bool must_change)
{
    const auto empty = context_.store->read([](store::ReadTx& tx) -> Result<bool> { return store::UserTable(tx).empty(); });
    if (!empty) return empty.error();
    if (!*empty) return false;
    auto hash = hash_password(password);
    if (!hash) return hash.error();
    return context_.store->write([&](store::WriteTx& tx) -> Result<bool> {
        store::UserTable users(tx);
        if (!users.empty()) return false;
        store::NewUser user;
        user.name = name;
        user.password = *hash;
        user.role = domain::Role::admin;
        user.allowance.quota = gibibytes(99'999);
        user.allowance.max_forwards = 99'999;
        user.allowance.reset_day = 1;
        user.allowance.expires = from_epoch_ms(administrator_expires);
        user.must_change_password = must_change;
        user.created = context_.clock->wall();
        users.insert(user);
        return true;
    });
}

Result<domain::User> Accounts::sign_in(const std::string& name, const Secret& password, const IpAddress& from, const std::string& code)
{
    return check(name, password, from, &code);
}

Result<domain::User> Accounts::check_credentials(const std::string& name, const Secret& password, const IpAddress& from)
{
    return check(name, password, from, nullptr);
}

// Without `code` nobody signs in: neither a second factor nor an address is asked for.
Result<domain::User> Accounts::check(const std::string& name, const Secret& password, const IpAddress& from, const std::string* code)
{
    const auto now = context_.clock->steady();
    const auto by_address = throttle_key(from);
    const auto by_account = "u:" + name.substr(0, 200);
    const auto wait = std::max(state_->by_address.wait_of(by_address, now), state_->by_account.wait_of(by_account, now));
    if (wait > Seconds{0}) return make_error(Errc::rate_limited, "sign_in", {}, {std::to_string(wait.count())});

    struct Known {
        std::optional<domain::User> user;
        std::string hash;
        bool second_factor = false;
        bool may_come = true; // from this address
    };
    auto known = context_.store->read([&](store::ReadTx& tx) -> Result<Known> {
        store::UserTable users(tx);
        Known found;
        found.user = users.find_by_name(name);
        if (!found.user) return found;
        found.hash = users.password_of(found.user->id);
        found.second_factor = has_second_factor(tx, found.user->id);
        found.may_come = found.user->role != domain::Role::admin || administrator_may_come_from(tx, from);
        return found;
    });
    if (!known) return known.error();
    // An unknown name is checked against nothing, which takes as long as a wrong password.
    const auto fits = check_password(password, known->hash);
    if (!fits) return fits.error();
    if (!*fits || !known->user) {
        state_->by_address.failed(by_address, now);
        state_->by_account.failed(by_account, now);
        log::warning("sign-in failed", {{"address", from.to_text()}, {"user", name.substr(0, 100)}});
        return make_error(Errc::unauthenticated, "sign_in");
    }
    auto& user = *known->user;
    if (!user.enabled) return make_error(Errc::forbidden, "user.disabled");
    if (code != nullptr && !known->may_come) {
        log::warning("administrator refused: not from this address", {{"address", from.to_text()}, {"user", user.name}});
        return make_error(Errc::forbidden, "admin.address");
    }
    if (code != nullptr && known->second_factor) {
        // Nothing is forgiven before both fit: else the password alone would give as many guesses as one likes.
        if (trim(*code).empty()) return make_error(Errc::forbidden, "second_factor.needed");
        const auto used = context_.store->write([&](store::WriteTx& tx) { return use_second_factor(tx, context_, user.id, *code); });
        if (!used) {
            if (used.error().code == Errc::invalid) {
                state_->by_address.failed(by_address, now);
                state_->by_account.failed(by_account, now);
                log::warning("sign-in failed: second factor", {{"address", from.to_text()}, {"user", user.name}});
            }
            return used.error();
        }
    }
    if (code != nullptr || !known->second_factor) {
        state_->by_address.succeeded(by_address);
        state_->by_account.succeeded(by_account);
    }
    if (is_md5(known->hash)) {
        if (const auto better = hash_password(password)) {
            const auto stored = context_.store->write([&](store::WriteTx& tx) -> Result<void> {
                store::UserTable(tx).set_password(user.id, *better, user.must_change_password, context_.clock->wall());
                return {};
            });
            if (!stored) log::warning("imported password kept its old hash", {{"user", name}, {"problem", describe(stored.error())}});
        }
    }
    return user;
}

Result<void> Accounts::open_session(UserId user, const std::string& token_hash, WallTime expires, const IpAddress& from, const std::string& client)
{
    return context_.store->write([&](store::WriteTx& tx) -> Result<void> {
        const auto now = context_.clock->wall();
        store::SessionTable sessions(tx);
        sessions.remove_expired(now);
        store::Session session;
        session.user = user;
        session.created = now;
        session.expires = expires;
        session.last_used = now;
        session.address = from.to_text();
        session.client = client.substr(0, 200);
        sessions.insert(token_hash, session);
        sessions.keep_newest(user, most_sessions);
        return {};
    });
}

Result<Actor> Accounts::resolve_session(const std::string& token_hash, const IpAddress& from)
{
    const auto now = context_.clock->wall();
    struct Found {
        Actor actor;
        SessionId session;
        bool stale = false;
    };
    auto found = context_.store->read([&](store::ReadTx& tx) -> Result<Found> {
        const auto session = store::SessionTable(tx).find(token_hash);
        if (!session || session->expires <= now) return make_error(Errc::unauthenticated, "session");
        const auto user = store::UserTable(tx).find(session->user);
        if (!user || !user->enabled) return make_error(Errc::unauthenticated, "session.user");
        if (user->role == domain::Role::admin && !administrator_may_come_from(tx, from)) return make_error(Errc::forbidden, "admin.address");
        return Found{Actor{user->id, user->name, user->role, from, {}}, session->id, session->last_used + session_touch_every <= now};
    });
    if (!found) return found.error();
    if (found->stale) {
        const auto touched = context_.store->write([&](store::WriteTx& tx) -> Result<void> {
            store::SessionTable(tx).touch(found->session, now, from.to_text());
            return {};
        });
        // A session that could not be marked as used is still a session.
        if (!touched) log::warning("session not marked as used", {{"problem", describe(touched.error())}});
    }
    return std::move(found->actor);
}

Result<void> Accounts::close_session(const std::string& token_hash)
{
    return context_.store->write([&](store::WriteTx& tx) -> Result<void> {
        store::SessionTable(tx).remove(token_hash);
        return {};
    });
}

Result<std::vector<Accounts::OpenSession>> Accounts::sessions(const Actor& actor, const std::string& token_hash)
{
    const auto now = context_.clock->wall();
    return context_.store->read([&](store::ReadTx& tx) -> Result<std::vector<OpenSession>> {
        store::SessionTable table(tx);
        const auto own = table.find(token_hash);
        std::vector<OpenSession> open;
        for (auto& session : table.of_user(actor.user)) {
            if (session.expires <= now) continue;
            open.push_back({session.id, session.created, session.expires, session.last_used, std::move(session.address), std::move(session.client),
                            own && own->id == session.id});
        }
        return open;
    });
}

Result<void> Accounts::end_session(const Actor& actor, SessionId id)
{
    return context_.store->write([&](store::WriteTx& tx) -> Result<void> {
        if (!store::SessionTable(tx).remove(id, actor.user)) return make_error(Errc::not_found, "session");
        audit(tx, context_, actor, "session.end", id.value);
        return {};
    });
}

Result<void> Accounts::end_other_sessions(const Actor& actor, const std::string& token_hash)
{
    return context_.store->write([&](store::WriteTx& tx) -> Result<void> {
        store::SessionTable(tx).remove_all_of(actor.user, token_hash);
        audit(tx, context_, actor, "session.end_others", actor.user.value);
        return {};
    });
}

Result<void> Accounts::may_try(const Actor& actor)
{
    const auto wait = state_->by_account.wait_of(own_key(actor), context_.clock->steady());
    if (wait > Seconds{0}) return make_error(Errc::rate_limited, "sign_in", {}, {std::to_string(wait.count())});
    return {};
}

void Accounts::tried(const Actor& actor, bool fine)
{
    if (fine)
        state_->by_account.succeeded(own_key(actor));
    else
        state_->by_account.failed(own_key(actor), context_.clock->steady());
}

Result<void> Accounts::confirm_password(const Actor& actor, const Secret& password)
{
    const auto stored = context_.store->read([&](store::ReadTx& tx) -> Result<std::string> {
        store::UserTable users(tx);
        if (!users.find(actor.user)) return make_error(Errc::not_found, "user");
        return users.password_of(actor.user);
    });
    if (!stored) return stored.error();
    if (auto free = may_try(actor); !free) return free;
    const auto fits = check_password(password, *stored);
    if (!fits) return fits.error();
    tried(actor, *fits);
    if (!*fits) return make_error(Errc::invalid, "password.current");
    return {};
}

Result<void> Accounts::change_credentials(const Actor& actor, const std::string& new_name, const Secret& current, const Secret& next,
                                          const std::string& keep_token_hash)
{
    if (new_name.size() > longest_user_name) return make_error(Errc::invalid, "user.name_length");
    if (auto fits = confirm_password(actor, current); !fits) return fits;
    const auto hash = hash_password(next);
    if (!hash) return hash.error();
    auto changed = context_.store->write([&](store::WriteTx& tx) -> Result<void> {
        store::UserTable users(tx);
        const auto user = users.find(actor.user);
        if (!user) return make_error(Errc::not_found, "user");
        if (const auto other = users.find_by_name(new_name); other && other->id != actor.user) return make_error(Errc::conflict, "user.name");
        const auto wall = context_.clock->wall();
        users.set_name(actor.user, new_name, wall);
        users.set_password(actor.user, *hash, false, wall);
        store::SessionTable(tx).remove_all_of(actor.user, keep_token_hash);
        audit(tx, context_, actor, "user.credentials", actor.user.value, user->name, new_name);
        return {};
    });
    if (changed) state_->credentials_changed(actor.user);
    return changed;
}

void Accounts::note_credentials_changed(UserId user) { state_->credentials_changed(user); }

void Accounts::when_credentials_change(std::function<void(UserId)> callback) { state_->credentials_changed = std::move(callback); }

Result<void> Accounts::reset_password(const std::string& name, const Secret& password)
{
    const auto hash = hash_password(password);
    if (!hash) return hash.error();
    return context_.store->write([&](store::WriteTx& tx) -> Result<void> {
        store::UserTable users(tx);
        const auto user = users.find_by_name(name);
        if (!user) return make_error(Errc::not_found, "user", {}, {name});
        users.set_password(user->id, *hash, true, context_.clock->wall());
        store::SessionTable(tx).remove_all_of(user->id, {});
        store::ApiTokenTable(tx).remove_all_of(user->id);
        audit(tx, context_, Actor{UserId{}, "console", domain::Role::admin, {}, {}}, "user.password_reset", user->id.value);
        return {};
    });
}

Result<domain::User> Accounts::get(UserId id)
{
    return context_.store->read([&](store::ReadTx& tx) -> Result<domain::User> {
        auto user = store::UserTable(tx).find(id);
        if (!user) return make_error(Errc::not_found, "user");
        return std::move(*user);
    });
}

} // namespace sluice::panel
