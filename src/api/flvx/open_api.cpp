// Subscription information for clients that know a name and a password only (FLVX contract 5.14). The password is in the URL, as the
// contract has it; it never reaches a log, because the front cuts queries off.
#include "api/flvx/open_api.hpp"

#include "api/flvx/shapes.hpp"
#include "base/text.hpp"

#include <algorithm>

namespace sluice::flvx {

namespace {

struct Usage {
    Traffic used;
    domain::Allowance allowance;
};

std::string line_of(const Usage& usage)
{
    return "upload=" + std::to_string(usage.used.up.value) + "; download=" + std::to_string(usage.used.down.value) +
           "; total=" + std::to_string(usage.allowance.quota.value) + "; expire=" + std::to_string(expiry(usage.allowance.expires) / 1000);
}

// The account's totals, or those of one assignment that is the user's own. Errors: not_found "tunnel".
Result<Usage> usage_of(panel::Panel& panel, const domain::User& user, const std::string& tunnel)
{
    if (tunnel.empty() || tunnel == "-1") return Usage{user.used, user.allowance};
    panel::Actor actor;
    actor.user = user.id;
    const auto own = panel.assignments().list(actor, user.id);
    if (!own) return own.error();
    const auto wanted = parse_int(tunnel);
    const auto found = std::find_if(own->begin(), own->end(), [&](const auto& view) { return wanted && view.assignment.id.value == *wanted; });
    if (found == own->end()) return make_error(Errc::not_found, "tunnel");
    return Usage{found->assignment.used, found->assignment.allowance};
}

} // namespace

std::variant<Reply, std::string> subscription(panel::Panel& panel, const http::Request& request)
{
    const auto name = request.query.get("user");
    const auto password = request.query.get("pwd");
    if (trim(name).empty()) return fail(-1, "用户不能为空");
    if (trim(password).empty()) return fail(-1, "密码不能为空");
    const auto user = panel.accounts().check_credentials(name, Secret{password}, request.remote.address);
    if (!user) {
        // Wrong, or switched off: the same words, so that nothing is learnt from them.
        const bool refused = user.error().code == Errc::unauthenticated || user.error().code == Errc::forbidden;
        return refused ? fail(-1, "鉴权失败") : fail(user.error());
    }
    const auto usage = usage_of(panel, *user, std::string{trim(request.query.get("tunnel"))});
    if (!usage) return fail(usage.error());
    return line_of(*usage);
}

} // namespace sluice::flvx
