// Users, passwords, sign-in and sessions. Knows nothing of token formats: a dialect makes its token and registers its hash here.
#pragma once

#include "base/result.hpp"
#include "base/secret.hpp"
#include "domain/user.hpp"
#include "panel/actor.hpp"

#include <functional>
#include <memory>
#include <string>
#include <type_traits>
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
    // unknown names. `code` is for users with a second factor: of their application, or a recovery code. Errors: rate_limited (per address and per
    // account, args[0] = seconds to wait), unauthenticated, forbidden "user.disabled", forbidden "admin.address", forbidden "second_factor.needed" (the
    // password fits, the code is missing), invalid "second_factor.code".
    Result<domain::User> sign_in(const std::string& name, const Secret& password, const IpAddress& from, const std::string& code = {});
    // The same for who only looks (a subscription line): without a second factor, and from everywhere.
    Result<domain::User> check_credentials(const std::string& name, const Secret& password, const IpAddress& from);

    // A session is known by the SHA-256 of its token (32 bytes). Resolving it checks expiry, revocation, and that the user still exists and is
    // enabled; the role comes from the user's row. A user has at most 100 sessions; the oldest end. Errors: unauthenticated.
    Result<void> open_session(UserId user, const std::string& token_hash, WallTime expires, const IpAddress& from, const std::string& client);
    Result<Actor> resolve_session(const std::string& token_hash, const IpAddress& from);
    Result<void> close_session(const std::string& token_hash);

    struct OpenSession {
        SessionId id;
        WallTime created;
        WallTime expires;
        WallTime last_used;
        std::string address;
        std::string client; // what it called itself
        bool own = false;   // the one that asks
    };
    // The actor's own, last used first.
    Result<std::vector<OpenSession>> sessions(const Actor& actor, const std::string& token_hash);
    Result<void> end_session(const Actor& actor, SessionId id); // errors: not_found "session"
    Result<void> end_other_sessions(const Actor& actor, const std::string& token_hash);

    // The actor's own password, asked for once more before what guards his account changes. Errors: rate_limited "sign_in", not_found "user", invalid
    // "password.current".
    Result<void> confirm_password(const Actor& actor, const Secret& password);

    // Runs `work` and counts an invalid "second_factor.code" as a failed sign-in of this account. Errors: rate_limited "sign_in"; those of `work`.
    template <class Work>
    auto guarded(const Actor& actor, Work&& work) -> std::invoke_result_t<Work>
    {
        if (const auto free = may_try(actor); !free) return free.error();
        auto outcome = work();
        tried(actor, outcome || outcome.error().field != "second_factor.code");
        return outcome;
    }

    // Changes the actor's own name and password; ends his sessions but the one of `keep_token_hash` (empty: all). Errors: not_found "user", invalid "user.name_length", "password.current",
    // conflict "user.name".
    Result<void> change_credentials(const Actor& actor, const std::string& new_name, const Secret& current, const Secret& next,
                                    const std::string& keep_token_hash);

    // Console: sets a password whoever asks; ends all sessions and tokens of the user. Errors: not_found "user".
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
    Result<domain::User> check(const std::string& name, const Secret& password, const IpAddress& from, const std::string* code);
    Result<void> may_try(const Actor& actor); // errors: rate_limited "sign_in"
    void tried(const Actor& actor, bool fine);

    struct State;
    Context& context_;
    std::unique_ptr<State> state_;
};

} // namespace sluice::panel
