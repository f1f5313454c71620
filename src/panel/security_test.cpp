// What guards an account: second factor, tokens for programs, sessions, the administrators' addresses, captcha, and the history of it all.
#include "panel/admin_addresses.hpp"
#include "panel/captcha.hpp"
#include "panel/second_factors.hpp"
#include "panel/testing.hpp"
#include "panel/totp.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace sluice;
using namespace sluice::panel;
using namespace sluice::panel::testing;

namespace {

const IpAddress home = IpAddress::parse("198.51.100.1").value();
const IpAddress away = IpAddress::parse("203.0.113.9").value();
const Secret password{"secret"};

struct Guarded : Bench {
    Actor alice = add_person("alice");

    Guarded()
    {
        for (const auto user : {alice.user, admin.user}) set_password(user);
    }
    void set_password(UserId user) // MD5 of "secret", as imported ones have: cheap
    {
        write([&](store::WriteTx& tx) { store::UserTable(tx).set_password(user, "5ebe2294ecd0e0f08eab7690d2a6ee69", false, clock.wall()); });
    }
    std::string sign_in(const std::string& name, const std::string& code = {}, const IpAddress& from = home)
    {
        return verdict(panel.accounts().sign_in(name, password, from, code));
    }
    std::string code_of(const Secret& secret) { return totp_code(secret, totp_step(clock.wall())); }
    void next_code() { clock.advance(std::chrono::seconds(30)); }
    // Switched on; its secret and recovery codes.
    std::pair<Secret, std::vector<std::string>> with_second_factor(const Actor& actor)
    {
        auto offer = value_of(panel.second_factors().begin(actor, password, "Sluice"));
        auto codes = value_of(panel.second_factors().confirm(actor, code_of(offer.secret)));
        next_code();
        return {offer.secret, codes};
    }
};

} // namespace

TEST_CASE_FIXTURE(Guarded, "a second factor is asked for once it is confirmed, and each code works once")
{
    const auto offer = value_of(panel.second_factors().begin(alice, password, "Sluice"));
    CHECK(offer.secret.reveal().size() == 20);
    CHECK(sign_in("alice") == "ok"); // offered only
    CHECK_FALSE(value_of(panel.second_factors().state(alice)).on);
    CHECK(verdict(panel.second_factors().confirm(alice, "000000")) == "invalid second_factor.code");
    const auto codes = value_of(panel.second_factors().confirm(alice, code_of(offer.secret)));
    CHECK(codes.size() == 10);
    CHECK(value_of(panel.second_factors().state(alice)).recovery_codes == 10);
    CHECK(sign_in("alice") == "forbidden second_factor.needed");
    CHECK(sign_in("alice", code_of(offer.secret)) == "invalid second_factor.code"); // used by the confirmation
    next_code();
    const auto code = code_of(offer.secret);
    CHECK(sign_in("alice", code.substr(0, 3) + " " + code.substr(3)) == "ok");
    CHECK(sign_in("alice", code) == "invalid second_factor.code");
    CHECK(verdict(panel.second_factors().begin(alice, password, "Sluice")) == "conflict second_factor.on");
    CHECK(verdict(panel.second_factors().confirm(alice, code)) == "conflict second_factor.on");
}

TEST_CASE_FIXTURE(Guarded, "a recovery code works once, and new ones replace what is left")
{
    const auto [secret, codes] = with_second_factor(alice);
    CHECK(sign_in("alice", codes[3]) == "ok");
    CHECK(sign_in("alice", codes[3]) == "invalid second_factor.code");
    CHECK(value_of(panel.second_factors().state(alice)).recovery_codes == 9);
    const auto fresh = value_of(panel.second_factors().renew_recovery_codes(alice, code_of(secret)));
    CHECK(sign_in("alice", codes[4]) == "invalid second_factor.code");
    CHECK(sign_in("alice", fresh[4]) == "ok");
}

TEST_CASE_FIXTURE(Guarded, "the password alone gives no guesses at the code")
{
    with_second_factor(alice);
    std::string last;
    for (int i = 0; i < 8; ++i) {
        static_cast<void>(panel.accounts().check_credentials("alice", password, home)); // forgives nothing
        last = sign_in("alice", "000000");
    }
    CHECK(last == "rate_limited sign_in");
}

TEST_CASE_FIXTURE(Guarded, "a second factor goes with password and code, or from the console")
{
    const auto [secret, codes] = with_second_factor(alice);
    CHECK(verdict(panel.second_factors().remove(alice, Secret{"wrong"}, code_of(secret))) == "invalid password.current");
    CHECK(verdict(panel.second_factors().remove(alice, password, "000000")) == "invalid second_factor.code");
    CHECK(verdict(panel.second_factors().remove(alice, password, code_of(secret))) == "ok");
    CHECK(sign_in("alice") == "ok");
    CHECK(verdict(panel.second_factors().remove(alice, password, codes[0])) == "not_found second_factor");
    next_code();
    with_second_factor(alice);
    CHECK(value_of(panel.second_factors().remove_for("alice")));
    CHECK_FALSE(value_of(panel.second_factors().remove_for("alice")));
    CHECK(verdict(panel.second_factors().remove_for("nobody")) == "not_found user");
    CHECK(sign_in("alice") == "ok");
}

TEST_CASE_FIXTURE(Guarded, "a second factor does not end sessions, nor keep tokens out")
{
    const std::string session(32, 's');
    value_of(panel.accounts().open_session(alice.user, session, clock.wall() + std::chrono::hours(1), home, "browser"));
    const auto token = value_of(panel.api_tokens().create(alice, "billing", domain::TokenScope::read, {}));
    with_second_factor(alice);
    CHECK(verdict(panel.accounts().resolve_session(session, home)) == "ok");
    CHECK(verdict(panel.api_tokens().resolve(token.token.reveal(), home)) == "ok");
}

TEST_CASE_FIXTURE(Guarded, "a token is its owner, with its scope, until it expires, is revoked, or its owner is gone")
{
    const auto bob = add_person("bob");
    const auto made = value_of(panel.api_tokens().create(alice, "billing", domain::TokenScope::forwards, clock.wall() + std::chrono::hours(1)));
    const auto text = made.token.reveal();
    CHECK(text.starts_with("sluice_"));
    const auto actor = value_of(panel.api_tokens().resolve(text, away));
    CHECK(actor.user == alice.user);
    CHECK(actor.scope == domain::TokenScope::forwards);
    const auto listed = value_of(panel.api_tokens().list(alice));
    REQUIRE(listed.size() == 1);
    CHECK(listed[0].last_used == clock.wall());
    CHECK(listed[0].address == away.to_text());
    CHECK(value_of(panel.api_tokens().list(bob)).empty());
    CHECK(verdict(panel.api_tokens().revoke(bob, made.id)) == "not_found token");
    CHECK(verdict(panel.api_tokens().resolve(text + "x", home)) == "unauthenticated token");

    clock.advance(std::chrono::hours(1));
    CHECK(verdict(panel.api_tokens().resolve(text, home)) == "unauthenticated token");
    const auto lasting = value_of(panel.api_tokens().create(alice, "lasting", domain::TokenScope::all, {}));
    CHECK(verdict(panel.api_tokens().resolve(lasting.token.reveal(), home)) == "ok");
    CHECK(verdict(panel.api_tokens().revoke(alice, lasting.id)) == "ok");
    CHECK(verdict(panel.api_tokens().resolve(lasting.token.reveal(), home)) == "unauthenticated token");
    const auto last = value_of(panel.api_tokens().create(alice, "last", domain::TokenScope::all, {}));
    value_of(panel.accounts().reset_password("alice", Secret{"from the console"}));
    CHECK(verdict(panel.api_tokens().resolve(last.token.reveal(), home)) == "unauthenticated token");
}

TEST_CASE_FIXTURE(Guarded, "what a token may not be is refused")
{
    const auto make = [&](const std::string& name, std::optional<WallTime> expires = {}) {
        return verdict(panel.api_tokens().create(alice, name, domain::TokenScope::read, expires));
    };
    CHECK(make("") == "invalid token.name");
    CHECK(make(std::string(101, 'n')) == "invalid token.name");
    CHECK(make("\xff") == "invalid token.name");
    CHECK(make("late", clock.wall()) == "invalid token.expires");
    for (std::size_t i = 0; i < ApiTokens::most; ++i) CHECK(make("t") == "ok");
    CHECK(make("one more") == "conflict token.count");
}

TEST_CASE_FIXTURE(Guarded, "one sees and ends one's own sessions, and nobody else's")
{
    const auto bob = add_person("bob");
    const auto open = [&](UserId user, char c) {
        const std::string hash(32, c);
        value_of(panel.accounts().open_session(user, hash, clock.wall() + std::chrono::hours(1), home, std::string{"client "} + c));
        return hash;
    };
    const auto a = open(alice.user, 'a');
    const auto b = open(alice.user, 'b');
    const auto c = open(alice.user, 'c');
    const auto other = open(bob.user, 'o');
    const auto sessions = value_of(panel.accounts().sessions(alice, b));
    REQUIRE(sessions.size() == 3);
    CHECK(sessions[1].own);
    CHECK(sessions[1].client == "client b");
    CHECK_FALSE(sessions[0].own);
    CHECK(verdict(panel.accounts().end_session(bob, sessions[0].id)) == "not_found session");
    CHECK(verdict(panel.accounts().end_session(alice, sessions[0].id)) == "ok");
    CHECK(verdict(panel.accounts().resolve_session(c, home)) == "unauthenticated session");
    CHECK(verdict(panel.accounts().end_other_sessions(alice, b)) == "ok");
    CHECK(verdict(panel.accounts().resolve_session(a, home)) == "unauthenticated session");
    CHECK(verdict(panel.accounts().resolve_session(b, home)) == "ok");
    CHECK(verdict(panel.accounts().resolve_session(other, home)) == "ok");
}

TEST_CASE_FIXTURE(Guarded, "administrators come from the addresses on the list, everybody else from everywhere")
{
    const std::string session(32, 's');
    value_of(panel.accounts().open_session(admin.user, session, clock.wall() + std::chrono::hours(1), home, "browser"));
    const auto token = value_of(panel.api_tokens().create(admin, "ops", domain::TokenScope::all, {}));
    CHECK(verdict(panel.settings().put(admin, {{"admin_addresses", "10.0.0.0/8, nonsense"}})) == "invalid setting.admin_addresses");
    CHECK(verdict(panel.settings().put(admin, {{"admin_addresses", "10.0.0.0/8"}})) == "invalid setting.own_address"); // he sits elsewhere
    value_of(panel.settings().put(admin, {{"admin_addresses", "198.51.100.0/24 192.0.2.99"}}));
    CHECK(sign_in("root", {}, home) == "ok");
    CHECK(sign_in("root", {}, away) == "forbidden admin.address");
    CHECK(sign_in("alice", {}, away) == "ok");
    CHECK(verdict(panel.accounts().resolve_session(session, home)) == "ok");
    CHECK(verdict(panel.accounts().resolve_session(session, away)) == "forbidden admin.address");
    CHECK(verdict(panel.api_tokens().resolve(token.token.reveal(), away)) == "forbidden admin.address");
    CHECK(verdict(panel.settings().get(&alice, "admin_addresses")) == "not_found setting");
    CHECK_FALSE(value_of(panel.settings().list(alice)).contains("admin_addresses"));
    value_of(panel.settings().put(admin, {{"admin_addresses", ""}}));
    CHECK(sign_in("root", {}, away) == "ok");
}

TEST_CASE_FIXTURE(Guarded, "a captcha is redeemed once: by its id, or by what the challenge gave")
{
    std::vector<std::string> asked;
    panel.captcha().verify_by([&](const std::string& url, const Secret& secret, const std::string& response, const IpAddress&) -> Result<bool> {
        asked.push_back(url + " " + secret.reveal() + " " + response);
        if (response == "broken") return make_error(Errc::timeout, "http");
        return response == "solved";
    });
    CHECK_FALSE(panel.captcha().wanted());
    value_of(panel.settings().put(admin, {{"captcha_enabled", "True"}}));
    CHECK(panel.captcha().wanted());
    // Without a secret "ok" solves it, and only by way of an id (FLVX contract 5.1).
    CHECK(verdict(panel.captcha().redeem("ok", home)) == "invalid captcha");
    CHECK(verdict(panel.captcha().solve("x", "no", home)) == "invalid captcha");
    CHECK(verdict(panel.captcha().solve("x", "ok", home)) == "ok");
    CHECK(verdict(panel.captcha().redeem("x", home)) == "ok");
    CHECK(verdict(panel.captcha().redeem("x", home)) == "invalid captcha");
    CHECK(asked.empty());

    value_of(panel.settings().put(admin, {{"cloudflare_secret_key", "hush"}}));
    CHECK(verdict(panel.captcha().solve("y", "ok", home)) == "invalid captcha");
    CHECK(verdict(panel.captcha().solve("y", "solved", home)) == "ok");
    CHECK(asked.back() == std::string{Captcha::usual_url} + " hush solved");
    clock.advance(std::chrono::seconds(299));
    CHECK(verdict(panel.captcha().redeem("y", home)) == "ok");
    CHECK(verdict(panel.captcha().solve("z", "solved", home)) == "ok");
    clock.advance(std::chrono::seconds(300));
    CHECK(verdict(panel.captcha().redeem("z", home)) == "invalid captcha"); // too old
    value_of(panel.settings().put(admin, {{"captcha_verify_url", "https://captcha.example/verify"}}));
    CHECK(verdict(panel.captcha().redeem("solved", home)) == "ok");
    CHECK(asked.back() == "https://captcha.example/verify hush solved");
    CHECK(verdict(panel.captcha().redeem("broken", home)) == "invalid captcha"); // closed, not open
    CHECK(verdict(panel.settings().put(admin, {{"captcha_verify_url", "file:///etc/passwd"}})) == "invalid setting.captcha_url");
}

TEST_CASE_FIXTURE(Guarded, "whoever keeps failing at a captcha waits, and costs the verifying server nothing")
{
    int asked = 0;
    panel.captcha().verify_by([&](auto&&...) -> Result<bool> {
        ++asked;
        return false;
    });
    value_of(panel.settings().put(admin, {{"captcha_enabled", "true"}, {"cloudflare_secret_key", "hush"}}));
    std::string last;
    for (int i = 0; i < 100; ++i) last = verdict(panel.captcha().redeem("guess", home));
    CHECK(last == "rate_limited captcha");
    CHECK(asked < 30);
    CHECK(verdict(panel.captcha().redeem("guess", away)) == "invalid captcha");
}

TEST_CASE_FIXTURE(Guarded, "the history is for administrators, newest first, and can be searched")
{
    value_of(panel.settings().put(admin, {{"app_name", "One 100%"}}));
    value_of(panel.settings().put(admin, {{"app_name", "Two"}}));
    value_of(panel.api_tokens().create(alice, "billing", domain::TokenScope::read, {}));
    CHECK(verdict(panel.history().list(alice, {}, 0, 10)) == "forbidden role");
    const auto all = value_of(panel.history().list(admin, {}, 0, 10));
    CHECK(all.total == 3);
    CHECK(all.changes[0].action == "token.create");
    CHECK(all.changes[0].address == alice.address.to_text());
    CHECK(all.changes[1].before == "app_name=One 100%");
    CHECK(all.changes[1].after == "app_name=Two");
    const auto second = value_of(panel.history().list(admin, {}, 1, 1));
    CHECK(second.total == 3);
    CHECK(second.changes.at(0).id == all.changes[1].id);
    CHECK(value_of(panel.history().list(admin, "ONE 100%", 0, 10)).total == 2);
    CHECK(value_of(panel.history().list(admin, "%", 0, 10)).total == 2);
    CHECK(value_of(panel.history().list(admin, "token.", 0, 10)).changes.at(0).object == all.changes[0].object);
    CHECK(value_of(panel.history().list(admin, "nothing", 0, 10)).changes.empty());
}
