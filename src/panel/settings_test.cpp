#include "panel/settings.hpp"

#include "panel/testing.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::panel;
using namespace sluice::panel::testing;

TEST_CASE_FIXTURE(Bench, "secrets are for administrators, and what the program keeps for itself for nobody")
{
    const auto alice = add_person("alice");
    value_of(panel.settings().put(admin, {{"app_name", "mine"}, {"cloudflare_secret_key", "hush"}}));
    CHECK(value_of(panel.settings().get(nullptr, "app_name")).value == "mine");
    for (const Actor* who : {static_cast<const Actor*>(nullptr), &alice})
        CHECK(verdict(panel.settings().get(who, "cloudflare_secret_key")) == "not_found setting");
    CHECK(value_of(panel.settings().get(&admin, "cloudflare_secret_key")).value == "hush");
    CHECK(verdict(panel.settings().get(&admin, "internal.signing_secret")) == "not_found setting");
    CHECK(value_of(panel.settings().list(alice)) == std::map<std::string, std::string>{{"app_name", "mine"}});
    CHECK(value_of(panel.settings().list(admin)).size() == 2);
    CHECK(verdict(panel.settings().put(admin, {{"internal.signing_secret", "x"}})) == "invalid setting.name");
}

TEST_CASE_FIXTURE(Bench, "all settings of one change are stored, or none")
{
    const auto alice = add_person("alice");
    CHECK(verdict(panel.settings().put(alice, {{"a", "b"}})) == "forbidden role");
    CHECK(verdict(panel.settings().put(admin, {{"a", "b"}, {"z", std::string(65 * 1024, 'x')}})) == "invalid setting.value");
    CHECK(verdict(panel.settings().put(admin, {{"a", "b"}, {"z", "\xff"}})) == "invalid setting.value");
    CHECK(verdict(panel.settings().put(admin, {{"a", "b"}, {std::string(201, 'n'), "c"}})) == "invalid setting.name");
    CHECK(value_of(panel.settings().list(admin)).empty());
}

TEST_CASE_FIXTURE(Bench, "the history shows a setting before and after, but not a secret")
{
    value_of(panel.settings().put(admin, {{"app_name", "one"}}));
    value_of(panel.settings().put(admin, {{"app_name", "two"}}));
    CHECK(audits().front().before == "app_name=one");
    CHECK(audits().front().after == "app_name=two");
    value_of(panel.settings().put(admin, {{"cloudflare_secret_key", "hush"}}));
    CHECK((audits().front().before + audits().front().after).find("hush") == std::string::npos);
}

TEST_CASE_FIXTURE(Bench, "an announcement that is switched off is for those who signed in")
{
    const auto alice = add_person("alice");
    CHECK(value_of(panel.settings().announcement(nullptr)).content.empty());
    value_of(panel.settings().announce(admin, {"soon", false}));
    CHECK(value_of(panel.settings().announcement(&alice)).content == "soon");
    CHECK(value_of(panel.settings().announcement(nullptr)).content.empty());
    value_of(panel.settings().announce(admin, {"now", true}));
    CHECK(value_of(panel.settings().announcement(nullptr)).content == "now");
    CHECK(verdict(panel.settings().announce(alice, {"x", true})) == "forbidden role");
    CHECK(verdict(panel.settings().announce(admin, {"\xff", true})) == "invalid announcement.content");
}
