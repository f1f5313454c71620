#include "panel/upgrades.hpp"

#include "base/random.hpp"
#include "base/text.hpp"
#include "panel/testing.hpp"
#include "panel/vault.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

using namespace sluice;
using namespace sluice::panel;
using sluice::panel::testing::value_of;
using sluice::panel::testing::verdict;

namespace {

// Nodes that take every program, except those that a test breaks.
class Gateway final : public NodeGateway {
public:
    void plan_changed(std::span<const NodeId>) override {}
    Result<plan::Applied> converge(NodeId, std::uint64_t, Milliseconds) override { return make_error(Errc::node_offline, "node"); }
    bool online(NodeId) const override { return true; }
    std::vector<Result<plan::TcpPingResult>> probe(const std::vector<ProbeJob>&, Milliseconds) override { return {}; }
    std::vector<Result<std::string>> upgrade(const std::vector<NodeId>& nodes, const OfferFor& offer_for, Milliseconds) override
    {
        waves.push_back(nodes);
        std::vector<Result<std::string>> results;
        for (const auto node : nodes) {
            if (broken.contains(node)) {
                results.emplace_back(make_error(Errc::unavailable, "upgrade.failed", "broken", {"broken"}));
            } else if (!offer_for) {
                results.emplace_back(std::string{"0.0.9"});
            } else {
                offers.push_back(offer_for("amd64"));
                results.emplace_back(offers.back() ? Result<std::string>{parsed().version} : Result<std::string>{offers.back().error()});
            }
        }
        return results;
    }
    plan::Release parsed() const { return value_of(plan::parse_release(offers.back()->release)); }

    std::set<NodeId> broken;
    std::vector<std::vector<NodeId>> waves;
    std::vector<Result<Offer>> offers;
};

struct Yard : panel::testing::Bench {
    Yard()
    {
        for (const auto* name : {"downloads", "releases"}) std::filesystem::create_directories(folder / name);
        put("own", "own program");
        ReleasePlaces places;
        places.version = "1.0.0";
        places.architecture = "amd64";
        places.program = (folder / "own").string();
        places.downloads = (folder / "downloads").string();
        places.releases = (folder / "releases").string();
        places.key = "key";
        places.sign = [](std::string_view text) { return "signed " + std::string{text}; };
        panel.upgrades().use(places);
        panel.connect(gateway);
    }
    ~Yard() { std::filesystem::remove_all(folder); }

    void put(const std::string& name, const std::string& bytes) const { std::ofstream(folder / name) << bytes; }
    std::vector<std::string> offered(Channel channel)
    {
        std::vector<std::string> versions;
        for (const auto& one : value_of(panel.upgrades().releases(admin, channel))) versions.push_back(one.version);
        return versions;
    }

    std::filesystem::path folder = std::filesystem::temp_directory_path() / ("sluice-yard-" + random_hex(8));
    Gateway gateway;
};

} // namespace

TEST_CASE_FIXTURE(Yard, "the panel offers its own version, and what lies in its folders")
{
    CHECK(offered(Channel::stable) == std::vector<std::string>{"1.0.0"});
    CHECK(offered(Channel::dev).empty());
    put("releases/sluice-1.10.0-linux-amd64", "a");
    put("releases/sluice-1.9.0-linux-amd64", "b");
    put("releases/sluice-1.9.0-linux-arm64", "b");
    put("releases/sluice-2.0.0-beta.1-linux-amd64", "c");
    for (const auto* name : {"releases/notes.txt", "releases/sluice--linux-amd64", "releases/sluice-3.0.0", "releases/sluice-3 0-linux-amd64"})
        put(name, "x");
    put("releases/sluice-4.0.0-linux-amd64", "");
    CHECK(offered(Channel::stable) == std::vector<std::string>{"1.10.0", "1.9.0", "1.0.0"});
    CHECK(offered(Channel::dev) == std::vector<std::string>{"2.0.0-beta.1"});
    CHECK(value_of(panel.upgrades().choose(admin, "", Channel::stable)) == "1.10.0");
    CHECK(value_of(panel.upgrades().choose(admin, "1.9.0", Channel::dev)) == "1.9.0");
    const auto person = add_person("ann");
    CHECK(panel.upgrades().releases(person, Channel::stable).error().field == "role");
    CHECK(panel.upgrades().upgrade(person, add_node("berlin"), "1.0.0").error().field == "role");
}

TEST_CASE_FIXTURE(Yard, "an offer is signed, says what the file is, and is later than the one before")
{
    const auto node = add_node("berlin");
    REQUIRE(panel.upgrades().upgrade(admin, node, "1.0.0"));
    const auto first = gateway.parsed();
    CHECK(first.size == 11);
    CHECK(first.sha256 == value_of(sha256_of_file((folder / "own").string())));
    CHECK(gateway.offers.back()->signature == "signed " + gateway.offers.back()->release);
    CHECK(gateway.offers.back()->key == "key");
    REQUIRE(panel.upgrades().upgrade(admin, node, "1.0.0"));
    CHECK(gateway.parsed().issued > first.issued);
}

TEST_CASE_FIXTURE(Yard, "what cannot be is refused before a node hears of it")
{
    const auto node = add_node("berlin");
    const auto local = value_of(panel.nodes().ensure_local("here", "127.0.0.1", "1.0.0"));
    auto& upgrades = panel.upgrades();
    CHECK(upgrades.upgrade(admin, NodeId{777}, "1.0.0").error().field == "node");
    CHECK(upgrades.upgrade(admin, local, "1.0.0").error().field == "upgrade.local");
    CHECK(upgrades.roll_back(admin, local).error().field == "upgrade.local");
    CHECK(upgrades.upgrade(admin, node, "9.9.9").error().field == "release");
    CHECK(upgrades.choose(admin, "", Channel::dev).error().field == "release.dev");
    CHECK(gateway.waves.empty());
    put("releases/sluice-1.1.0-linux-arm64", "x");
    CHECK(upgrades.upgrade(admin, node, "1.1.0").error().field == "release.architecture");
}

TEST_CASE_FIXTURE(Yard, "a batch goes in growing waves and stops at the first one that fails")
{
    std::vector<NodeId> all;
    for (int i = 0; i < 14; ++i) all.push_back(add_node("node-" + std::to_string(i)));
    auto outcomes = panel.upgrades().upgrade_all(admin, all, "1.0.0");
    std::vector<std::size_t> sizes;
    for (const auto& wave : gateway.waves) sizes.push_back(wave.size());
    CHECK(sizes == std::vector<std::size_t>{1, 2, 4, 5, 2});
    for (std::size_t i = 0; i < all.size(); ++i) {
        CHECK(outcomes[i].node == all[i]);
        CHECK(outcomes[i].result);
    }

    gateway.waves.clear();
    gateway.broken.insert(all[2]);
    outcomes = panel.upgrades().upgrade_all(admin, all, "1.0.0");
    CHECK(gateway.waves.size() == 2);
    CHECK(outcomes[0].result);
    CHECK(outcomes[1].result);
    CHECK(outcomes[2].result.error().args.at(0) == "broken");
    for (std::size_t i = 3; i < all.size(); ++i) CHECK(outcomes[i].result.error().field == "upgrade.skipped");
}

TEST_CASE_FIXTURE(Yard, "going back is asked of the node")
{
    const auto node = add_node("berlin");
    CHECK(panel.upgrades().roll_back(admin, node));
    gateway.broken.insert(node);
    CHECK(panel.upgrades().roll_back(admin, node).error().args.at(0) == "broken");
}
