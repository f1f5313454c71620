#include "hub/upgrades.hpp"

#include "base/random.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <vector>

using namespace sluice;
using namespace sluice::hub;

namespace {

struct Desk {
    Desk() { std::ofstream(path) << std::string(link::upgrade_piece, 'a') << "tail"; }
    ~Desk() { std::filesystem::remove(path); }

    std::uint64_t order(NodeId node)
    {
        const panel::NodeGateway::Offer offer{path, link::upgrade_piece + 4, "release", "key", "signature"};
        const auto message = upgrades.begin(node, &offer);
        REQUIRE(message);
        return std::get<link::Upgrade>(*message).id;
    }
    std::string read(NodeId node, std::uint64_t id, std::uint64_t offset)
    {
        return std::get<link::UpgradeData>(upgrades.read(node, {id, offset})).bytes;
    }
    Result<std::string> outcome(std::uint64_t id) { return upgrades.wait(id, std::chrono::steady_clock::now()); }

    std::string path = (std::filesystem::temp_directory_path() / ("sluice-upgrades-" + random_hex(8))).string();
    std::vector<plan::UpgradeState> heard;
    Upgrades upgrades{[this](NodeId, const plan::UpgradeState& state) { heard.push_back(state); }};
    NodeId berlin{1};
    NodeId paris{2};
};

} // namespace

TEST_CASE_FIXTURE(Desk, "a node reads the program that it was told to become, and no other node does")
{
    const auto id = order(berlin);
    CHECK(read(berlin, id, 0) == std::string(link::upgrade_piece, 'a'));
    CHECK(read(berlin, id, link::upgrade_piece) == "tail");
    CHECK(read(berlin, id, link::upgrade_piece + 4).empty());
    CHECK(read(paris, id, 0).empty());
    CHECK(read(berlin, id + 1, 0).empty());
    std::filesystem::remove(path);
    CHECK(read(berlin, id, link::upgrade_piece) == "tail"); // whatever happens to its name
    CHECK(upgrades.begin(paris, nullptr));
}

TEST_CASE_FIXTURE(Desk, "a node has one order at a time, until somebody has heard how it ended")
{
    const auto id = order(berlin);
    CHECK(upgrades.begin(berlin, nullptr).error().field == "upgrade.running");
    CHECK(outcome(id).error().code == Errc::timeout);
    CHECK(read(berlin, id, 0).empty());
    const auto again = order(berlin);
    CHECK(again != id);
    upgrades.said(berlin, {id, plan::UpgradeStage::done, 100, "9", ""}); // of the order before
    upgrades.said(paris, {again, plan::UpgradeStage::done, 100, "9", ""});
    CHECK(heard.empty());
    upgrades.said(berlin, {again, plan::UpgradeStage::downloading, 50, "", ""});
    upgrades.said(berlin, {again, plan::UpgradeStage::done, 100, "1.2.3", ""});
    CHECK(heard.size() == 2);
    CHECK(outcome(again).value() == "1.2.3");
    upgrades.said(berlin, {again, plan::UpgradeStage::failed, 0, "", "late"});
    CHECK(heard.size() == 2);
}

TEST_CASE_FIXTURE(Desk, "a node that comes back without its order has lost it")
{
    const auto id = order(berlin);
    upgrades.returned(berlin, id);
    upgrades.returned(paris, 0);
    CHECK_FALSE(upgrades.begin(berlin, nullptr));
    upgrades.returned(berlin, 0);
    CHECK(outcome(id).error().field == "upgrade.failed");
    CHECK(upgrades.begin(berlin, nullptr));
}

TEST_CASE_FIXTURE(Desk, "a failure comes with the node's words")
{
    const auto id = order(berlin);
    upgrades.said(berlin, {id, plan::UpgradeStage::failed, 0, "", "the disk is full"});
    const auto end = outcome(id);
    REQUIRE_FALSE(end);
    CHECK(end.error().field == "upgrade.failed");
    CHECK(end.error().args.at(0) == "the disk is full");
    const auto other = order(berlin);
    upgrades.stop();
    CHECK(upgrades.wait(other, std::chrono::steady_clock::now() + std::chrono::hours(1)).error().code == Errc::timeout);
    CHECK_FALSE(upgrades.begin(berlin, nullptr));
}
