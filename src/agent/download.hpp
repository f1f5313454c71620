// Getting a release from the panel: what is refused, what is asked for next, when it is whole. No file, no clock, no connection.
#pragma once

#include "base/fingerprint.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "link/messages.hpp"
#include "plan/release.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::agent {

class Download {
public:
    static constexpr Milliseconds patience{60'000}; // without a byte

    // Of the node that is told to upgrade.
    struct Here {
        std::string version;
        std::string architecture;
        Fingerprint panel;       // whose word counts
        std::int64_t issued = 0; // of the newest release that was ever taken
    };

    // Errors, words for people in args[0]: forbidden "upgrade.signature"; invalid "upgrade.release" (no release, or for another architecture); conflict
    // "upgrade.older" (an older version, or a release that was issued before one that was taken).
    static Result<Download> begin(const link::Upgrade& order, const Here& here, SteadyTime now);

    const plan::Release& release() const { return release_; }
    std::uint64_t id() const { return id_; }
    link::UpgradeRead wish() const { return {id_, have_}; } // what to ask for
    bool whole() const { return have_ == release_.size; }
    unsigned percent() const { return static_cast<unsigned>(have_ * 100 / release_.size); }

    // The bytes that follow what is there: to be written in this order. Empty: they were asked for twice. Errors: invalid "upgrade.data" (more than the
    // release has), unavailable "upgrade.data" (the panel has no more).
    Result<std::string_view> take(const link::UpgradeData& data, SteadyTime now);
    bool stalled(SteadyTime now) const { return !whole() && now - moved_ >= patience; }

private:
    Download(std::uint64_t id, plan::Release release, SteadyTime now) : id_(id), release_(std::move(release)), moved_(now) {}

    std::uint64_t id_;
    plan::Release release_;
    std::uint64_t have_ = 0;
    SteadyTime moved_;
};

} // namespace sluice::agent
