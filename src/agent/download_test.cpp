#include "agent/download.hpp"

#include "net/identity.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::agent;

namespace {

struct Counter {
    link::Upgrade order(const plan::Release& what) const
    {
        const auto text = plan::to_text(what);
        return {7, text, panel.public_key(), panel.sign(text)};
    }
    std::string refused(const link::Upgrade& what) const
    {
        const auto begun = Download::begin(what, here, clock.steady());
        return begun ? "" : begun.error().field;
    }

    net::Identity panel = net::Identity::make();
    HeldClock clock;
    Download::Here here{"1.0.0", "amd64", panel.fingerprint(), 1000};
    plan::Release release{"1.1.0", "amd64", 10, std::string(64, 'a'), 1001};
};

} // namespace

TEST_CASE_FIXTURE(Counter, "only what this node's panel signed, for this machine, newer and issued later is begun")
{
    CHECK(refused(order(release)).empty());
    auto same = release;
    same.version = "1.0.0";
    CHECK(refused(order(same)).empty()); // once more: the bytes may be others
    auto older = release;
    older.version = "0.9.9";
    CHECK(refused(order(older)) == "upgrade.older");
    auto replayed = release;
    replayed.issued = 1000;
    CHECK(refused(order(replayed)) == "upgrade.older");
    auto foreign = release;
    foreign.architecture = "arm64";
    CHECK(refused(order(foreign)) == "upgrade.release");

    auto tampered = order(release);
    tampered.release[tampered.release.find("size 10") + 6] = '9';
    CHECK(refused(tampered) == "upgrade.signature");
    auto stranger = order(release);
    const auto other = net::Identity::make();
    stranger.key = other.public_key();
    stranger.signature = other.sign(stranger.release);
    CHECK(refused(stranger) == "upgrade.signature");
    auto nonsense = order(release);
    nonsense.release = "nothing";
    nonsense.signature = panel.sign(nonsense.release);
    CHECK(refused(nonsense) == "upgrade.release");
}

TEST_CASE_FIXTURE(Counter, "pieces are taken in order and no further than the release says")
{
    auto download = *Download::begin(order(release), here, clock.steady());
    link::UpgradeData piece; // what a result shows lies in it
    const auto take = [&](std::uint64_t offset, const char* bytes) {
        piece = {7, offset, bytes};
        return download.take(piece, clock.steady());
    };
    CHECK(download.wish().offset == 0);
    CHECK(take(0, "1234").value() == "1234");
    CHECK(download.percent() == 40);
    CHECK(take(0, "1234").value().empty()); // asked for twice
    piece = {8, 4, "x"};
    CHECK(download.take(piece, clock.steady()).value().empty());
    CHECK(download.wish().offset == 4);
    CHECK(take(4, "1234567").error().field == "upgrade.data");
    CHECK(take(4, "").error().code == Errc::unavailable);
    CHECK(take(4, "567890").value() == "567890");
    CHECK(download.whole());
}

TEST_CASE_FIXTURE(Counter, "a panel that stops giving is waited for as long as it takes a minute")
{
    auto download = *Download::begin(order(release), here, clock.steady());
    clock.advance(Download::patience - Milliseconds{1});
    CHECK_FALSE(download.stalled(clock.steady()));
    REQUIRE(download.take({7, 0, "12"}, clock.steady()));
    clock.advance(Milliseconds{1});
    CHECK_FALSE(download.stalled(clock.steady()));
    clock.advance(Download::patience);
    CHECK(download.stalled(clock.steady()));
}
