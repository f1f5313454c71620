// Passwords, sign-in and sessions.
#include "panel/accounts.hpp"

#include "panel/passwords.hpp"
#include "panel/testing.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::panel;
using namespace sluice::panel::testing;

namespace {

IpAddress address(const char* text) { return IpAddress::parse(text).value(); }
const IpAddress home = address("198.51.100.1");

struct People : Bench {
    // A cheap hash to make users by: MD5, as imported ones have. It is replaced at the first sign-in.
    Actor add_with_password(const std::string& name, const std::string& md5)
    {
        const auto actor = add_person(name);
        write([&](store::WriteTx& tx) { store::UserTable(tx).set_password(actor.user, md5, false, clock.wall()); });
        return actor;
    }
    Actor alice = add_with_password("alice", "5ebe2294ecd0e0f08eab7690d2a6ee69"); // "secret"

    std::string sign_in(const std::string& name, const std::string& password, const IpAddress& from = home)
    {
        return verdict(panel.accounts().sign_in(name, Secret{password}, from));
    }
    std::string hash_of(UserId id)
    {
        return read([&](store::ReadTx& tx) { return store::UserTable(tx).password_of(id); });
    }
    std::string open_session(UserId user, char c, Milliseconds lifetime = std::chrono::hours(1))
    {
        const std::string hash(32, c);
        value_of(panel.accounts().open_session(user, hash, clock.wall() + lifetime, home, "test"));
        return hash;
    }
    std::string resolve(const std::string& hash) { return verdict(panel.accounts().resolve_session(hash, home)); }
};

} // namespace

TEST_CASE("a password fits its own argon2id hash only, and two hashes of it differ")
{
    const auto first = value_of(hash_password(Secret{"correct horse"}));
    CHECK(first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    CHECK(value_of(check_password(Secret{"correct horse"}, first)));
    CHECK_FALSE(value_of(check_password(Secret{"correct horsf"}, first)));
    CHECK(value_of(hash_password(Secret{"correct horse"})) != first);
}

TEST_CASE("an imported MD5 is accepted in either case, and anything else fits nothing")
{
    CHECK(value_of(check_password(Secret{"secret"}, "5ebe2294ecd0e0f08eab7690d2a6ee69")));
    CHECK(value_of(check_password(Secret{"secret"}, "5EBE2294ECD0E0F08EAB7690D2A6EE69")));
    CHECK_FALSE(value_of(check_password(Secret{"other"}, "5ebe2294ecd0e0f08eab7690d2a6ee69")));
    for (const char* stored : {"", "secret", "$argon2id$broken", "5ebe2294ecd0e0f08eab7690d2a6ee6"}) {
        CAPTURE(stored);
        CHECK_FALSE(value_of(check_password(Secret{"secret"}, stored)));
    }
}

TEST_CASE_FIXTURE(People, "the first boot makes one administrator, and no later one does")
{
    store::testing::TempStore empty;
    Panel fresh(*empty.store, clock, live, Secret{std::string(32, 'k')});
    CHECK(value_of(fresh.accounts().ensure_administrator("admin_user", Secret{"first"}, true)));
    CHECK_FALSE(value_of(fresh.accounts().ensure_administrator("admin_user", Secret{"second"}, true)));
    const auto user = value_of(fresh.accounts().sign_in("admin_user", Secret{"first"}, home));
    CHECK(user.id == UserId{1});
    CHECK(user.role == domain::Role::admin);
    CHECK(user.must_change_password);
    CHECK(user.allowance.quota == gibibytes(99'999));
    CHECK(to_epoch_ms(*user.allowance.expires) == 2'727'251'700'000);
}

TEST_CASE_FIXTURE(People, "signing in needs the exact name and password, and does not say which was wrong")
{
    CHECK(sign_in("alice", "secret") == "ok");
    CHECK(sign_in("alice", "Secret") == "unauthenticated sign_in");
    CHECK(sign_in("Alice", "secret") == "unauthenticated sign_in");
    CHECK(sign_in(" alice", "secret") == "unauthenticated sign_in");
    CHECK(sign_in("nobody", "secret") == "unauthenticated sign_in");
}

TEST_CASE_FIXTURE(People, "an imported password is hashed anew at the first sign-in and goes on to work")
{
    CHECK(sign_in("alice", "wrong") == "unauthenticated sign_in");
    CHECK(is_md5(hash_of(alice.user)));
    CHECK(sign_in("alice", "secret") == "ok");
    CHECK(hash_of(alice.user).starts_with("$argon2id$"));
    CHECK(sign_in("alice", "secret") == "ok");
}

TEST_CASE_FIXTURE(People, "a user who is switched off hears it only with the right password")
{
    write([&](store::WriteTx& tx) {
        auto user = *store::UserTable(tx).find(alice.user);
        user.enabled = false;
        store::UserTable(tx).update(user);
    });
    CHECK(sign_in("alice", "secret") == "forbidden user.disabled");
    CHECK(sign_in("alice", "wrong") == "unauthenticated sign_in");
}

TEST_CASE_FIXTURE(People, "guessing from one address has to wait, its neighbours in an IPv6 /64 too, others not")
{
    const auto guess = [&](const char* from) { return sign_in("nobody", "wrong", address(from)); };
    for (int i = 0; i < 5; ++i) CHECK(guess("2001:db8::1") == "unauthenticated sign_in");
    CHECK(guess("2001:db8::1") == "rate_limited sign_in");
    CHECK(sign_in("alice", "secret", address("2001:db8::ffff:1")) == "rate_limited sign_in");
    CHECK(sign_in("alice", "secret", address("2001:db8:0:1::1")) == "ok");
    clock.advance(Seconds{1});
    CHECK(sign_in("alice", "secret", address("2001:db8::1")) == "ok");
    CHECK(guess("2001:db8::1") == "unauthenticated sign_in"); // success forgot the failures
}

TEST_CASE_FIXTURE(People, "guessing one account from many addresses has to wait, and its owner not for long")
{
    for (int i = 0; i < 20; ++i)
        CHECK(sign_in("alice", "wrong", IpAddress::from_v4(0xC6336400U + static_cast<std::uint32_t>(i))) == "unauthenticated sign_in");
    const auto refused = panel.accounts().sign_in("alice", Secret{"secret"}, home);
    CHECK(verdict(refused) == "rate_limited sign_in");
    CHECK(refused.error().args == std::vector<std::string>{"1"});
    clock.advance(Seconds{60});
    CHECK(sign_in("alice", "secret") == "ok");
}

TEST_CASE_FIXTURE(People, "a session is its user, with the role and name that he has now")
{
    const auto hash = open_session(alice.user, 'a');
    const auto actor = value_of(panel.accounts().resolve_session(hash, address("203.0.113.5")));
    CHECK(actor.user == alice.user);
    CHECK(actor.role == domain::Role::regular);
    CHECK(actor.address == address("203.0.113.5"));
    write([&](store::WriteTx& tx) { store::UserTable(tx).set_name(alice.user, "renamed", clock.wall()); });
    CHECK(value_of(panel.accounts().resolve_session(hash, home)).name == "renamed");
    CHECK(resolve(std::string(32, 'z')) == "unauthenticated session");
}

TEST_CASE_FIXTURE(People, "a session ends by time, by being closed, when its user is switched off, and when he is deleted")
{
    const auto expiring = open_session(alice.user, 'a', Seconds{10});
    const auto closed = open_session(alice.user, 'b');
    const auto kept = open_session(alice.user, 'c');
    clock.advance(Seconds{10});
    CHECK(resolve(expiring) == "unauthenticated session");
    value_of(panel.accounts().close_session(closed));
    CHECK(resolve(closed) == "unauthenticated session");
    CHECK(resolve(kept) == "ok");

    UserDraft off;
    off.name = "alice";
    off.enabled = false;
    value_of(panel.users().update(admin, alice.user, off));
    CHECK(resolve(kept) == "unauthenticated session");
    off.enabled = true;
    value_of(panel.users().update(admin, alice.user, off));
    CHECK(resolve(kept) == "unauthenticated session"); // it does not come back

    const auto last = open_session(alice.user, 'd');
    value_of(panel.users().remove(admin, alice.user));
    CHECK(resolve(last) == "unauthenticated session");
}

TEST_CASE_FIXTURE(People, "a user has a hundred sessions at most, and the oldest end; others keep theirs")
{
    const auto of_admin = open_session(admin.user, 'z');
    const auto hash = [](int i) {
        std::string made(32, 'h');
        made[0] = static_cast<char>(i);
        return made;
    };
    for (int i = 0; i < 101; ++i) value_of(panel.accounts().open_session(alice.user, hash(i), clock.wall() + std::chrono::hours(1), home, "test"));
    CHECK(resolve(hash(0)) == "unauthenticated session");
    CHECK(resolve(hash(1)) == "ok");
    CHECK(resolve(hash(100)) == "ok");
    CHECK(resolve(of_admin) == "ok");
}

TEST_CASE_FIXTURE(People, "who changes his password stays signed in here and nowhere else")
{
    const auto here = open_session(alice.user, 'a');
    const auto elsewhere = open_session(alice.user, 'b');
    const auto of_somebody = open_session(admin.user, 'c');
    UserId told;
    panel.accounts().when_credentials_change([&](UserId user) { told = user; });
    CHECK(verdict(panel.accounts().change_credentials(alice, "alicia", Secret{"secret"}, Secret{"better"}, here)) == "ok");
    CHECK(resolve(here) == "ok");
    CHECK(resolve(elsewhere) == "unauthenticated session");
    CHECK(resolve(of_somebody) == "ok");
    CHECK(told == alice.user);
    CHECK(sign_in("alicia", "better") == "ok");
    CHECK(sign_in("alicia", "secret") == "unauthenticated sign_in");
    CHECK(audits().front().action == "user.credentials");
}

TEST_CASE_FIXTURE(People, "credentials stay as they are when the old password is wrong or the name is taken")
{
    add_person("bob");
    const auto change = [&](const std::string& name, const std::string& current) {
        return verdict(panel.accounts().change_credentials(alice, name, Secret{current}, Secret{"better"}, {}));
    };
    CHECK(change("alicia", "wrong") == "invalid password.current");
    CHECK(change("bob", "secret") == "conflict user.name");
    CHECK(change(std::string(101, 'x'), "secret") == "invalid user.name_length");
    CHECK(user(alice.user).name == "alice");
    CHECK(sign_in("alice", "secret") == "ok");
    CHECK(change("alice", "secret") == "ok"); // keeping one's own name is no conflict
}

TEST_CASE_FIXTURE(People, "a stolen session cannot guess the old password without end")
{
    const auto change = [&](const std::string& current) {
        return verdict(panel.accounts().change_credentials(alice, "alice", Secret{current}, Secret{"better"}, {}));
    };
    for (int i = 0; i < 20; ++i) CHECK(change("wrong") == "invalid password.current");
    CHECK(change("secret") == "rate_limited sign_in");
    clock.advance(Seconds{60});
    CHECK(change("secret") == "ok");
}

TEST_CASE_FIXTURE(People, "the console sets a password, ends all sessions, and the next sign-in must change it")
{
    const auto hash = open_session(alice.user, 'a');
    CHECK(verdict(panel.accounts().reset_password("alice", Secret{"from console"})) == "ok");
    CHECK(resolve(hash) == "unauthenticated session");
    CHECK(value_of(panel.accounts().sign_in("alice", Secret{"from console"}, home)).must_change_password);
    CHECK(verdict(panel.accounts().reset_password("nobody", Secret{"x"})) == "not_found user");
    const auto row = audits().front();
    CHECK(row.action == "user.password_reset");
    CHECK(row.address == "console");
}

TEST_CASE_FIXTURE(People, "the signing key is made once, stored sealed, and useless without the key file")
{
    const auto signing = panel.accounts().signing_key().reveal();
    CHECK(signing.size() == 32);
    {
        Panel again(*store, clock, live, Secret{std::string(32, 'k')});
        CHECK(again.accounts().signing_key().reveal() == signing);
    }
    const auto settings = read([](store::ReadTx& tx) { return store::SettingTable(tx).all(); });
    for (const auto& [name, value] : settings) CHECK(value.find(signing) == std::string::npos);
    CHECK_THROWS(Panel(*store, clock, live, Secret{std::string(32, 'x')}));
}

TEST_CASE_FIXTURE(People, "no password and no hash reaches the history")
{
    value_of(panel.accounts().change_credentials(alice, "alice", Secret{"secret"}, Secret{"better-Password"}, {}));
    UserDraft draft;
    draft.name = "carol";
    draft.password = Secret{"carols-Password"};
    value_of(panel.users().create(admin, draft));
    for (const auto& row : audits()) {
        for (const auto& text : {row.before, row.after}) {
            CHECK(text.find("assword") == std::string::npos);
            CHECK(text.find("argon2") == std::string::npos);
        }
    }
}
