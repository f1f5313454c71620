// Users, passwords, sign-in and sessions. Knows nothing of token formats: a dialect makes its token and registers its hash here.
#pragma once

#include "base/result.hpp"
#include "base/secret.hpp"
#include "domain/user.hpp"
#include "panel/actor.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace sluice::panel {

struct Context; // store, clock, gateway, audit: panel/context.hpp

class Accounts {
public:
    explicit Accounts(Context& context);
    ~Accounts();

    // First boot: creates user 1 with this name and password when no user exists. Returns whether it did. A random password
    // sets must_change_password.
    Result<bool> ensure_administrator(const std::string& name, const Secret& password, bool must_change);

    // Checks name and password (argon2id, in a small pool of its own; MD5 of imported users is re-hashed). Takes equal time for
    // unknown names. Errors: rate_limited (per address and per account, args[0] = seconds to wait), unauthenticated, forbidden
    // field "user.disabled".
    Result<domain::User> sign_in(const std::string& name, const Secret& password, const IpAddress& from);

    // A session is known by the SHA-256 of its token (32 bytes). Resolving it checks expiry, revocation, and that the user still exists and is
    // enabled; the role comes from the user's row. A user has at most 100 sessions; the oldest end. Errors: unauthenticated.
    Result<void> open_session(UserId user, const std::string& token_hash, WallTime expires, const IpAddress& from, const std::string& client);
    Result<Actor> resolve_session(const std::string& token_hash, const IpAddress& from);
    Result<void> close_session(const std::string& token_hash);

    // Changes the actor's own name and password; ends his sessions but the one of `keep_token_hash` (empty: all). Errors: not_found "user", invalid "user.name_length", "password.current",
    // conflict "user.name".
    Result<void> change_credentials(const Actor& actor, const std::string& new_name, const Secret& current, const Secret& next,
                                    const std::string& keep_token_hash);

    // Console: sets a password whoever asks; ends all sessions of the user. Errors: not_found "user".
    Result<void> reset_password(const std::string& name, const Secret& password);

    // Called after a user changed his password himself or the console did; set before the first request.
    void when_credentials_change(std::function<void(UserId)> callback);
    // Another service stored a password that somebody brought: the same callback.
    void note_credentials_changed(UserId user);

    Result<domain::User> get(UserId id);

    // Where the key below is stored, and what it is sealed for: a backup checks with it that key file and database belong together.
    static constexpr const char* signing_key_setting = "internal.signing_secret";
    static constexpr const char* signing_key_purpose = "signing key";

    // HMAC key for dialects that sign tokens (32 random bytes, made at first boot, stored encrypted).
    const Secret& signing_key() const;

private:
    struct State;
    Context& context_;
    std::unique_ptr<State> state_;
};

} // namespace sluice::panel
