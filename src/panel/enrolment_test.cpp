#include "panel/enrolment.hpp"

#include "panel/testing.hpp"
#include "panel/vault.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace sluice;
using namespace sluice::panel;
using sluice::panel::testing::Bench;
using sluice::panel::testing::value_of;
using sluice::panel::testing::verdict;

namespace {

Fingerprint key(char letter) { return value_of(Fingerprint::from_bytes(std::string(32, letter))); }

struct Office : Bench {
    NodeId node = add_node("berlin");
    Office()
    {
        panel.enrolment().use_pins({"sha256:" + std::string(64, 'a'), [] { return std::string{"sha256//cGluCg=="}; }});
        value_of(panel.settings().put(admin, {{"ip", "203.0.113.7:6365"}}));
    }
    std::string line(NodeId of) { return value_of(panel.enrolment().install_line(admin, of)); }
    Secret token(NodeId of)
    {
        const auto text = line(of);
        const auto at = text.find("SLUICE_TOKEN=") + 13;
        return Secret{text.substr(at, text.find(' ', at) - at)};
    }
    Result<Enrolment::Greeted> greet(char letter, const Secret* with = nullptr) { return panel.enrolment().greet(key(letter), with, "1.0"); }
};

} // namespace

TEST_CASE_FIXTURE(Office, "the install line pins both keys and keeps the token out of every argument")
{
    const auto text = line(node);
    const auto secret = token(node).reveal();
    CHECK(text.rfind("curl -fsSLk --pinnedpubkey 'sha256//cGluCg==' https://203.0.113.7:6365/install.sh | SLUICE_TOKEN=", 0) == 0);
    CHECK(text.ends_with(" sh -s -- --connect https://203.0.113.7:6365 --pin sha256:" + std::string(64, 'a') + " --tls-pin sha256//cGluCg=="));
    CHECK(secret.size() == 43);                    // 256 bits
    CHECK(text.find(secret) == std::string::npos); // each line has a token of its own
    for (const auto& row : audits()) CHECK(row.after.find(secret) == std::string::npos);
}

TEST_CASE_FIXTURE(Office, "what is missing for an install line is said in the contract's order")
{
    CHECK(verdict(panel.enrolment().install_line(add_person("eve"), node)) == "forbidden role");
    CHECK(verdict(panel.enrolment().install_line(admin, NodeId{999})) == "not_found node");
    value_of(panel.settings().put(admin, {{"ip", ""}}));
    CHECK(verdict(panel.enrolment().install_line(admin, node)) == "invalid node.panel_address");
    value_of(panel.settings().put(admin, {{"ip", "203.0.113.7; rm -rf /"}}));
    CHECK(verdict(panel.enrolment().install_line(admin, node)) == "invalid node.panel_address");
}

TEST_CASE_FIXTURE(Office, "a token makes one key a node, once")
{
    const auto secret = token(node);
    CHECK(verdict(greet('x')) == "unauthenticated node.key");
    const auto greeted = value_of(greet('x', &secret));
    CHECK(greeted.node == node);
    CHECK(greeted.name == "berlin");
    CHECK_FALSE(greeted.key_changed);
    CHECK(value_of(greet('x')).node == node);
    CHECK(value_of(greet('x', &secret)).node == node); // the same machine may say it again
    CHECK(verdict(greet('y', &secret)) == "unauthenticated node.token_used");
    const Secret unknown{"nonsense"};
    CHECK(verdict(greet('y', &unknown)) == "unauthenticated node.token_unknown");
    CHECK(read([&](store::ReadTx& tx) { return store::NodeTable(tx).find(node)->version; }) == "1.0");
}

TEST_CASE_FIXTURE(Office, "a token is worth nothing after a day")
{
    const auto secret = token(node);
    clock.advance(Enrolment::token_life);
    CHECK(verdict(greet('x', &secret)) == "unauthenticated node.token_expired");
    CHECK(verdict(greet('x')) == "unauthenticated node.key");
}

TEST_CASE_FIXTURE(Office, "enrolling a node anew revokes the key that it had, and the tokens that were out")
{
    const auto first = token(node);
    value_of(greet('x', &first));
    const auto left_over = token(node);
    const auto second = token(node);
    CHECK(value_of(greet('y', &second)).key_changed);
    CHECK(verdict(greet('x')) == "unauthenticated node.key");
    CHECK(verdict(greet('z', &left_over)) == "unauthenticated node.token_unknown");
    CHECK(value_of(greet('y')).node == node);
}

TEST_CASE_FIXTURE(Office, "a machine that becomes another node leaves the one that it was")
{
    const auto other = add_node("paris");
    const auto first = token(node);
    value_of(greet('x', &first));
    const auto second = token(other);
    CHECK(value_of(greet('x', &second)).node == other);
    CHECK(value_of(greet('x')).node == other);
    CHECK_FALSE(read([&](store::ReadTx& tx) { return store::NodeTable(tx).find(node)->key.has_value(); }));
}

TEST_CASE_FIXTURE(Office, "keys and tokens go with their node")
{
    const auto secret = token(node);
    value_of(greet('x', &secret));
    const auto unused = token(node);
    value_of(panel.nodes().remove(admin, node));
    CHECK(verdict(greet('x')) == "unauthenticated node.key");
    CHECK(verdict(greet('y', &unused)) == "unauthenticated node.token_unknown");
}

TEST_CASE_FIXTURE(Office, "a new key is news for the nodes that share a tunnel with it")
{
    const auto other = add_node("paris");
    add_tunnel("t", {node, other});
    const auto secret = token(node);
    nodes.told.clear();
    value_of(greet('x', &secret));
    CHECK(std::find(nodes.told.begin(), nodes.told.end(), other) != nodes.told.end());
    nodes.told.clear();
    value_of(greet('x'));
    CHECK(nodes.told.empty());
}

TEST_CASE("panel addresses are read as people write them")
{
    const auto first = [](const char* text) {
        const auto parsed = parse_panel_addresses(text);
        return parsed ? parsed->front().url + (parsed->front().pinned ? " pinned" : "") : std::string{"refused"};
    };
    CHECK(first("203.0.113.7:8443") == "https://203.0.113.7:8443 pinned");
    CHECK(first("203.0.113.7") == "https://203.0.113.7:6365 pinned");
    CHECK(first("2001:db8::1") == "https://[2001:db8::1]:6365 pinned");
    CHECK(first("[2001:db8::1]:443") == "https://[2001:db8::1]:443 pinned");
    CHECK(first("Panel.Example.org") == "https://panel.example.org:6365 pinned");
    CHECK(first("http://panel.example.org:6365/") == "https://panel.example.org:6365 pinned");
    CHECK(first("https://panel.example.org") == "https://panel.example.org");
    CHECK(first("https://panel.example.org/sluice/") == "https://panel.example.org/sluice");
    CHECK(first("https://panel.example.org:8443") == "https://panel.example.org:8443");
    CHECK(first("https://203.0.113.7") == "https://203.0.113.7:443 pinned");
    for (const auto* bad : {"", "a b", "host:0", "host:99999", "https://", "https://h/$(id)", "h'", "https://user@h"}) {
        CAPTURE(bad);
        CHECK(first(bad) == "refused");
    }
    CHECK(value_of(parse_panel_addresses("203.0.113.7, [2001:db8::1]:6365")).size() == 2);
}
