// Sign-in, captcha, own account (FLVX contract 5.1).
#include "api/flvx/messages.hpp"
#include "api/flvx/route.hpp"
#include "api/flvx/shapes.hpp"
#include "api/flvx/token.hpp"
#include "base/text.hpp"
#include "domain/calendar.hpp"

#include <algorithm>

namespace sluice::flvx {

namespace {

Reply check_captcha(Call& call) { return ok(call.panel.captcha().wanted() ? 1 : 0); }

// Without an envelope, and always a success of HTTP (contract 5.1). The published skill has other names (contract 8, row 11).
Reply verify_captcha(Call& call)
{
    auto& body = call.body;
    const auto id = std::string{trim(body.exact_text(body.either("id", "captchaId")))};
    const auto response = std::string{trim(body.exact_text(body.either("data", "captchaValue")))};
    const bool solved = !body.bad() && call.panel.captcha().solve(id, response, call.request.remote.address).has_value();
    const Json answer{{"success", solved}, {"data", {{"validToken", solved ? id : ""}}}};
    return bare(http::Response::json(answer.dump(-1, ' ', false, Json::error_handler_t::replace)));
}

Reply sign_in(Call& call)
{
    const auto name = call.body.exact_text("username");
    const auto password = call.body.exact_text("password");
    if (call.body.bad()) return fail(500, "请求参数错误");
    if (trim(name).empty()) return fail(500, "用户名不能为空");
    if (trim(password).empty()) return fail(500, "密码不能为空");
    if (call.panel.captcha().wanted()) {
        const auto solved = call.panel.captcha().redeem(std::string{trim(call.body.text("captchaId"))}, call.request.remote.address);
        if (!solved) return fail(solved.error());
    }
    const auto user = call.panel.accounts().sign_in(name, Secret{password}, call.request.remote.address, call.body.text("code"));
    if (!user) {
        if (user.error().code == Errc::forbidden && user.error().field == "user.disabled") return fail(-1, "账号被停用");
        if (user.error().code == Errc::unauthenticated) return fail(-1, message_of(user.error()));
        return fail(user.error());
    }
    const auto now = call.panel.clock().wall();
    const auto token = make_token(call.panel.accounts().signing_key(), *user, now);
    const auto opened = call.panel.accounts().open_session(user->id, token_hash(token), now + token_lifetime, call.request.remote.address,
                                                           std::string{call.request.header("User-Agent")});
    if (!opened) return fail(opened.error());
    const bool must_change = user->must_change_password || name == "admin_user" || password == "admin_user";
    return ok(
        {{"token", token}, {"name", user->name}, {"role_id", user->role == domain::Role::admin ? 0 : 1}, {"requirePasswordChange", must_change}});
}

Reply update_password(Call& call)
{
    constexpr const char* malformed = "修改账号密码时发生错误";
    auto& body = call.body;
    // The two-field form of the published skill keeps the name (contract 8, row 12).
    const bool short_form = body.has("oldPassword") && !body.has("currentPassword");
    const auto name = short_form ? call.who().name : body.exact_text("newUsername");
    const auto current = body.exact_text(short_form ? "oldPassword" : "currentPassword");
    const auto next = body.exact_text("newPassword");
    const auto again = short_form ? next : body.exact_text("confirmPassword");
    if (body.bad()) return fail(-1, malformed);
    if (trim(name).empty()) return fail(-1, "新用户名不能为空");
    if (trim(current).empty()) return fail(-1, "当前密码不能为空");
    if (trim(next).empty()) return fail(-1, "新密码不能为空");
    if (trim(again).empty()) return fail(-1, "确认密码不能为空");
    if (next != again) return fail(-1, "新密码和确认密码不匹配");
    const auto changed =
        call.panel.accounts().change_credentials(call.who(), std::string{trim(name)}, Secret{current}, Secret{next}, call.token_hash);
    return changed ? ok() : fail(changed.error());
}

Reply package(Call& call)
{
    const auto own = call.panel.accounting().package(call.who());
    if (!own) return fail(own.error());
    const auto assignments = call.panel.assignments().list(call.who(), call.who().user);
    if (!assignments) return fail(assignments.error());
    auto mine = call.who();
    mine.role = domain::Role::regular; // the package holds one's own forwards, also for an administrator
    const auto forwards = call.panel.forwards().list(mine);
    if (!forwards) return fail(forwards.error());
    const auto& user = own->user;

    Json permissions = Json::array();
    for (const auto& view : *assignments) permissions.push_back(assignment_json(view, true));
    auto by_id = *forwards;
    std::sort(by_id.begin(), by_id.end(), [](const auto& a, const auto& b) { return a.forward.id < b.forward.id; });
    Json listed = Json::array();
    for (const auto& view : by_id) listed.push_back(package_forward_json(view));
    Json hours = Json::array();
    for (const auto& hour : own->hours) hours.push_back(hour_json(hour));
    Json answer{{"userInfo", user_json(user)},
                {"tunnelPermissions", std::move(permissions)},
                {"forwards", std::move(listed)},
                {"statisticsFlows", std::move(hours)},
                {"flow", gigabytes(user.allowance.quota)},
                {"inFlow", user.used.up.value},
                {"outFlow", user.used.down.value},
                {"expTime", expiry(user.allowance.expires)},
                {"today", {{"up", own->today.up.value}, {"down", own->today.down.value}}}};
    if (own->everyone) {
        Json all = Json::array();
        for (const auto& [hour, flow] : own->everyone->hours) all.push_back({{"flow", flow.value}, {"time", domain::local_hour_text(hour)}});
        answer["everyone"] = {{"today", {{"up", own->everyone->today.up.value}, {"down", own->everyone->today.down.value}}},
                              {"hours", std::move(all)}};
    }
    return ok(std::move(answer));
}

// clang-format off: a row of the table is a line
constexpr Route routes[] = {
    described({"/api/v1/captcha/check", Access::open, Needs::nothing, check_captcha}, "1 when signing in needs a captcha, else 0.", nullptr, gives(Kind::integer), Reach::reading),
    described({"/api/v1/captcha/verify", Access::open, Needs::anything, verify_captcha}, "Remembers a solved captcha for one sign-in within five minutes.", &shapes::captcha_answer, gives_bare(shapes::captcha_verdict), Reach::reading),
    described({"/api/v1/user/login", Access::open, Needs::object, sign_in, 500, "请求参数错误"}, "Signs in; a wrong password costs time.", &shapes::sign_in, gives(shapes::signed_in), Reach::reading),
    described({"/api/v1/user/updatePassword", Access::signed_in, Needs::object, update_password, -1, "修改账号密码时发生错误"}, "Changes one's own name and password; other sessions end.", &shapes::password, {}, Reach::person),
    described({"/api/v1/user/package", Access::signed_in, Needs::nothing, package}, "What one may use and has used, with one's forwards.", nullptr, gives(shapes::package), Reach::reading),
};
// clang-format on

} // namespace

std::span<const Route> account_routes() { return routes; }

} // namespace sluice::flvx
