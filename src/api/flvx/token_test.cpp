#include "api/flvx/token.hpp"

#include "base/text.hpp"
#include "panel/vault.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace sluice;
using namespace sluice::flvx;
using nlohmann::json;

namespace {

const Secret key{std::string(32, 'k')};
const WallTime now = from_epoch_ms(1'767'225'600'500);

domain::User user(const std::string& name = "alice")
{
    domain::User made;
    made.id = UserId{12};
    made.name = name;
    return made;
}

json part(const std::string& token, std::size_t index) { return json::parse(from_base64url(split(token, '.')[index]).value()); }

std::string signed_with(const Secret& with, const std::string& payload)
{
    const auto text = to_base64url(R"({"alg":"none"})") + "." + to_base64url(payload);
    return text + "." + to_base64url(panel::hmac_sha256(with, text));
}

} // namespace

TEST_CASE("a token says what the contract says, for 90 days")
{
    const auto token = make_token(key, user(), now);
    CHECK(part(token, 0) == json{{"alg", "HS256"}, {"typ", "JWT"}});
    auto claims = part(token, 1);
    CHECK(claims["jti"].is_string());
    claims.erase("jti");
    CHECK(claims ==
          json{{"sub", "12"}, {"iat", 1'767'225'600}, {"exp", 1'767'225'600 + 7'776'000}, {"user", "alice"}, {"name", "alice"}, {"role_id", 1}});
    CHECK(check_token(key, token, now) == token_hash(token));
}

TEST_CASE("two tokens of one second differ") { CHECK(make_token(key, user(), now) != make_token(key, user(), now)); }

TEST_CASE("a client with a plain base64 decoder reads the claims, whatever the name is")
{
    for (const char* name : {"张三", "ü~?<>&", "\x7f\x7f\x7f",
                             "~~~?"
                             "?"
                             "?>>>",
                             "\xf0\x9f\x98\x80"}) {
        const auto token = make_token(key, user(name), now);
        const auto claims = std::string{split(token, '.')[1]};
        CAPTURE(claims);
        CHECK(claims.find('-') == std::string::npos);
        CHECK(claims.find('_') == std::string::npos);
        CHECK(part(token, 1)["user"] == name);
    }
}

TEST_CASE("a token ends in its own second")
{
    const auto token = make_token(key, user(), now);
    CHECK(check_token(key, token, now + token_lifetime - Seconds{1}));
    CHECK_FALSE(check_token(key, token, now + token_lifetime));
}

TEST_CASE("what was altered, cut, signed by another key or behind a word is no token")
{
    const auto token = make_token(key, user(), now);
    const auto parts = split(token, '.');
    CHECK_FALSE(check_token(Secret{std::string(32, 'x')}, token, now));
    CHECK_FALSE(check_token(key, "Bearer " + token, now));
    CHECK_FALSE(check_token(key, std::string{parts[0]} + "." + std::string{parts[1]}, now));
    CHECK_FALSE(check_token(key, token + ".x", now));
    CHECK_FALSE(check_token(key, "", now));
    CHECK_FALSE(check_token(key, "..", now));
    CHECK_FALSE(check_token(key, std::string(100'000, 'a'), now));
    for (const std::size_t at : {std::size_t{3}, parts[0].size() + 5, token.size() - 5}) {
        auto altered = token;
        altered[at] = altered[at] == 'A' ? 'B' : 'A';
        CHECK_FALSE(check_token(key, altered, now));
    }
}

TEST_CASE("any header is accepted, and the signature counts whatever it says")
{
    CHECK(check_token(key, signed_with(key, R"({"exp":9999999999})"), now));
    CHECK_FALSE(check_token(Secret{"other"}, signed_with(key, R"({"exp":9999999999})"), now));
}

TEST_CASE("a signed payload without a sensible expiry is no token")
{
    for (const char* payload : {"{}", R"({"exp":"9999999999"})", R"({"exp":1})", "[]", "x", R"({"exp":9999999999.5})"}) {
        CAPTURE(payload);
        CHECK_FALSE(check_token(key, signed_with(key, payload), now));
    }
}
