#include "agent/download.hpp"

#include "net/identity.hpp"

namespace sluice::agent {

namespace {

Error refused(Errc code, const char* field, const std::string& words) { return make_error(code, field, words, {words}); }

} // namespace

Result<Download> Download::begin(const link::Upgrade& order, const Here& here, SteadyTime now)
{
    if (!net::signed_by(here.panel, order.key, order.release, order.signature))
        return refused(Errc::forbidden, "upgrade.signature", "the release is not signed by this node's panel");
    auto release = plan::parse_release(order.release);
    if (!release) return refused(Errc::invalid, "upgrade.release", "the release is not understood");
    if (release->architecture != here.architecture)
        return refused(Errc::invalid, "upgrade.release", "the release is for " + release->architecture + ", this machine is " + here.architecture);
    if (release->issued <= here.issued) return refused(Errc::conflict, "upgrade.older", "the release was issued before the one that was taken last");
    if (plan::compare_versions(release->version, here.version) < 0)
        return refused(Errc::conflict, "upgrade.older", "version " + release->version + " is older than " + here.version + ", which runs");
    return Download{order.id, std::move(*release), now};
}

Result<std::string_view> Download::take(const link::UpgradeData& data, SteadyTime now)
{
    if (data.id != id_ || data.offset != have_) return std::string_view{};
    if (data.bytes.empty()) return refused(Errc::unavailable, "upgrade.data", "the panel does not give the program any more");
    if (data.bytes.size() > release_.size - have_) return refused(Errc::invalid, "upgrade.data", "the program is longer than its release says");
    have_ += data.bytes.size();
    moved_ = now;
    return std::string_view{data.bytes};
}

} // namespace sluice::agent
