// A second factor for signing in: codes of an authenticator application, and recovery codes for the day it is lost. It is asked for when a password opens a
// session; what has a session or a token already is not asked again.
#pragma once

#include "base/result.hpp"
#include "base/secret.hpp"
#include "panel/actor.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace sluice::store {
class ReadTx;
class WriteTx;
} // namespace sluice::store

namespace sluice::panel {

struct Context;
class Accounts;

class SecondFactors {
public:
    SecondFactors(Context& context, Accounts& accounts) : context_(context), accounts_(accounts) {}

    struct State {
        bool on = false;
        std::size_t recovery_codes = 0; // that are left
    };
    Result<State> state(const Actor& actor);

    struct Offer {
        Secret secret;   // 20 bytes
        std::string uri; // otpauth://totp/..., for an application
    };
    // Makes a secret that is not asked for before confirm(); replaces an earlier offer. Errors: those of Accounts::confirm_password(); conflict "second_factor.on".
    Result<Offer> begin(const Actor& actor, const Secret& password, const std::string& site);
    // Switches it on; answers ten recovery codes, which nobody can see again. Errors: not_found "second_factor", conflict "second_factor.on", invalid
    // "second_factor.code"; rate_limited "sign_in".
    Result<std::vector<std::string>> confirm(const Actor& actor, const std::string& code);
    // New recovery codes instead of those that are left. Errors: as confirm(), not_found "second_factor" when it is off.
    Result<std::vector<std::string>> renew_recovery_codes(const Actor& actor, const std::string& code);
    // Switches it off. `code` may be a recovery code. Errors: those of Accounts::confirm_password() and of renew_recovery_codes().
    Result<void> remove(const Actor& actor, const Secret& password, const std::string& code);

    // Console: whoever asks. False: there was none. Errors: not_found "user".
    Result<bool> remove_for(const std::string& name);

private:
    Context& context_;
    Accounts& accounts_;
};

bool has_second_factor(store::ReadTx& tx, UserId user);
// Uses `code` up: one of the application, or a recovery code. Errors: invalid "second_factor.code"; internal "vault".
Result<void> use_second_factor(store::WriteTx& tx, const Context& context, UserId user, const std::string& code);

} // namespace sluice::panel
