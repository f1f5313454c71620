// Settings and the announcement (FLVX contract 5.12, 5.13).
#include "api/flvx/route.hpp"
#include "base/text.hpp"

#include <map>

namespace sluice::flvx {

namespace {

Reply get_setting(Call& call)
{
    const auto name = call.body.exact_text("name");
    if (call.body.bad() || trim(name).empty()) return fail(-1, "配置名称不能为空");
    const auto setting = call.panel.settings().get(call.actor ? &*call.actor : nullptr, std::string{trim(name)});
    if (!setting) return fail(setting.error());
    return ok({{"id", setting->id}, {"name", setting->name}, {"value", setting->value}, {"time", to_epoch_ms(setting->changed)}});
}

Reply list_settings(Call& call)
{
    const auto settings = call.panel.settings().list(call.who());
    if (!settings) return fail(settings.error());
    Json data = Json::object();
    for (const auto& [name, value] : *settings) data[name] = value;
    return ok(std::move(data));
}

Reply update_settings(Call& call)
{
    std::map<std::string, std::string> values;
    for (const auto& [name, value] : call.body.json().items()) {
        if (!value.is_string()) return fail(-1, "配置数据不能为空");
        const auto key = std::string{trim(name)};
        if (!key.empty()) values[key] = value.get<std::string>();
    }
    if (call.body.json().empty()) return fail(-1, "配置数据不能为空");
    const auto done = call.panel.settings().put(call.who(), values);
    return done ? ok() : fail(done.error());
}

Reply update_setting(Call& call)
{
    const auto name = call.body.exact_text("name");
    const auto value = call.body.exact_text("value");
    if (call.body.bad() || trim(name).empty()) return fail(-1, "配置名称不能为空");
    if (trim(value).empty()) return fail(-1, "配置值不能为空");
    const auto done = call.panel.settings().put(call.who(), {{std::string{trim(name)}, value}});
    return done ? ok() : fail(done.error());
}

Reply get_announcement(Call& call)
{
    const auto announcement = call.panel.settings().announcement(call.actor ? &*call.actor : nullptr);
    if (!announcement) return fail(-1, "获取公告失败: " + std::string{to_text(announcement.error().code)});
    return ok({{"content", announcement->content}, {"enabled", announcement->enabled ? 1 : 0}});
}

Reply update_announcement(Call& call)
{
    const auto content = call.body.exact_text("content");
    const auto enabled = call.body.exact_integer("enabled");
    if (call.body.bad()) return fail(500, "请求参数错误");
    const auto done = call.panel.settings().announce(call.who(), {content, enabled != 0});
    if (done) return ok();
    if (done.error().code == Errc::unavailable) return fail(-1, "更新公告失败: " + std::string{to_text(done.error().code)});
    return fail(done.error());
}

// clang-format off: a row of the table is a line
constexpr Route routes[] = {
    described({"/api/v1/config/get", Access::open, Needs::object, get_setting, -1, "配置名称不能为空"}, "One setting.", &shapes::setting_name, gives(shapes::setting), Reach::reading),
    described({"/api/v1/config/list", Access::signed_in, Needs::nothing, list_settings}, "Settings by name.", nullptr, gives(shapes::settings), Reach::reading),
    described({"/api/v1/config/update", Access::admin, Needs::object, update_settings, -1, "配置数据不能为空"}, "Sets several settings: all of them or none.", &shapes::settings),
    described({"/api/v1/config/update-single", Access::admin, Needs::object, update_setting, -1, "配置名称不能为空"}, "Sets one setting.", &shapes::setting_draft),
    described({"/api/v1/announcement/get", Access::open, Needs::nothing, get_announcement, -1, {}, true}, "What everybody is told.", nullptr, gives(shapes::announcement), Reach::reading),
    described({"/api/v1/announcement/update", Access::admin, Needs::object, update_announcement, 500, "请求参数错误"}, "Says something else to everybody.", &shapes::announcement),
};
// clang-format on

} // namespace

std::span<const Route> setting_routes() { return routes; }

} // namespace sluice::flvx
