#include "panel/second_factors.hpp"

#include "base/random.hpp"
#include "base/text.hpp"
#include "panel/accounts.hpp"
#include "panel/context.hpp"
#include "panel/totp.hpp"
#include "panel/vault.hpp"
#include "store/credential_table.hpp"
#include "store/store.hpp"
#include "store/user_table.hpp"

#include <algorithm>
#include <utility>

namespace sluice::panel {

namespace {

constexpr const char* purpose = "second factor";
constexpr std::size_t secret_bytes = 20; // as long as the hash, RFC 4226 section 4
constexpr std::size_t recovery_count = 10;

Error wrong_code() { return make_error(Errc::invalid, "second_factor.code"); }

// Blanks and dashes are how people copy codes.
std::string plain_code(std::string_view code)
{
    auto text = to_lower(code.substr(0, 64));
    std::erase_if(text, [](char c) { return c == ' ' || c == '-'; });
    return text;
}

// Ten characters of base32, 50 bits: "abcde-fghij".
std::string recovery_code()
{
    auto text = to_lower(base32(random_bytes(7)).substr(0, 10));
    return text.insert(5, "-");
}

std::vector<std::string> make_recovery_codes(store::WriteTx& tx, UserId user)
{
    std::vector<std::string> codes;
    std::vector<std::string> hashes;
    while (codes.size() < recovery_count) {
        auto code = recovery_code();
        if (std::find(codes.begin(), codes.end(), code) != codes.end()) continue;
        hashes.push_back(sha256(plain_code(code)));
        codes.push_back(std::move(code));
    }
    store::SecondFactorTable(tx).set_recovery_codes(user, hashes);
    return codes;
}

// The step that the code is of. Errors: invalid "second_factor.code", internal "vault".
Result<std::int64_t> step_of(const Context& context, const store::SecondFactor& factor, const std::string& code)
{
    const auto secret = unseal(context.key, purpose, factor.secret);
    if (!secret) return secret.error();
    const auto step = matching_step(*secret, code, context.clock->wall(), factor.last_step);
    if (!step) return wrong_code();
    return *step;
}

} // namespace

bool has_second_factor(store::ReadTx& tx, UserId user)
{
    const auto factor = store::SecondFactorTable(tx).find(user);
    return factor && factor->confirmed;
}

Result<void> use_second_factor(store::WriteTx& tx, const Context& context, UserId user, const std::string& code)
{
    store::SecondFactorTable table(tx);
    auto factor = table.find(user);
    if (!factor || !factor->confirmed) return make_error(Errc::not_found, "second_factor");
    const auto plain = plain_code(code);
    const auto step = step_of(context, *factor, plain);
    if (step) {
        factor->last_step = *step;
        table.put(user, *factor, context.clock->wall());
        return {};
    }
    if (step.error().code != Errc::invalid) return step.error();
    if (!table.take_recovery_code(user, sha256(plain))) return wrong_code();
    return {};
}

Result<SecondFactors::State> SecondFactors::state(const Actor& actor)
{
    return context_.store->read([&](store::ReadTx& tx) -> Result<State> {
        if (!has_second_factor(tx, actor.user)) return State{};
        return State{true, store::SecondFactorTable(tx).recovery_codes_left(actor.user)};
    });
}

Result<SecondFactors::Offer> SecondFactors::begin(const Actor& actor, const Secret& password, const std::string& site)
{
    if (const auto fits = accounts_.confirm_password(actor, password); !fits) return fits.error();
    const Secret secret{random_bytes(secret_bytes)};
    const auto stored = context_.store->write([&](store::WriteTx& tx) -> Result<void> {
        if (has_second_factor(tx, actor.user)) return make_error(Errc::conflict, "second_factor.on");
        store::SecondFactor factor;
        factor.secret = seal(context_.key, purpose, secret.reveal());
        store::SecondFactorTable(tx).put(actor.user, factor, context_.clock->wall());
        return {};
    });
    if (!stored) return stored.error();
    return Offer{secret, totp_uri(secret, site, actor.name)};
}

Result<std::vector<std::string>> SecondFactors::confirm(const Actor& actor, const std::string& code)
{
    return accounts_.guarded(actor, [&]() -> Result<std::vector<std::string>> {
        return context_.store->write([&](store::WriteTx& tx) -> Result<std::vector<std::string>> {
            store::SecondFactorTable table(tx);
            auto factor = table.find(actor.user);
            if (!factor) return make_error(Errc::not_found, "second_factor");
            if (factor->confirmed) return make_error(Errc::conflict, "second_factor.on");
            const auto step = step_of(context_, *factor, plain_code(code));
            if (!step) return step.error();
            factor->confirmed = true;
            factor->last_step = *step;
            table.put(actor.user, *factor, context_.clock->wall());
            audit(tx, context_, actor, "second_factor.on", actor.user.value);
            return make_recovery_codes(tx, actor.user);
        });
    });
}

Result<std::vector<std::string>> SecondFactors::renew_recovery_codes(const Actor& actor, const std::string& code)
{
    return accounts_.guarded(actor, [&]() -> Result<std::vector<std::string>> {
        return context_.store->write([&](store::WriteTx& tx) -> Result<std::vector<std::string>> {
            if (const auto used = use_second_factor(tx, context_, actor.user, code); !used) return used.error();
            audit(tx, context_, actor, "second_factor.new_recovery_codes", actor.user.value);
            return make_recovery_codes(tx, actor.user);
        });
    });
}

Result<void> SecondFactors::remove(const Actor& actor, const Secret& password, const std::string& code)
{
    if (auto fits = accounts_.confirm_password(actor, password); !fits) return fits;
    return accounts_.guarded(actor, [&]() -> Result<void> {
        return context_.store->write([&](store::WriteTx& tx) -> Result<void> {
            if (auto used = use_second_factor(tx, context_, actor.user, code); !used) return used;
            store::SecondFactorTable(tx).remove(actor.user);
            audit(tx, context_, actor, "second_factor.off", actor.user.value);
            return {};
        });
    });
}

Result<bool> SecondFactors::remove_for(const std::string& name)
{
    return context_.store->write([&](store::WriteTx& tx) -> Result<bool> {
        const auto user = store::UserTable(tx).find_by_name(name);
        if (!user) return make_error(Errc::not_found, "user", {}, {name});
        const bool was_on = has_second_factor(tx, user->id);
        store::SecondFactorTable(tx).remove(user->id);
        if (was_on) audit(tx, context_, Actor{UserId{}, "console", domain::Role::admin, {}, {}}, "second_factor.off", user->id.value);
        return was_on;
    });
}

} // namespace sluice::panel
