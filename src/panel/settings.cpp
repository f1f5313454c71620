#include "panel/settings.hpp"

#include "base/text.hpp"
#include "panel/admin_addresses.hpp"
#include "panel/context.hpp"
#include "store/setting_table.hpp"

namespace sluice::panel {

namespace {

constexpr std::size_t longest_value = 64 * 1024;

bool is_secret(const std::string& name) { return to_lower(name).find("secret") != std::string::npos; }
bool is_for_administrators(const std::string& name) { return is_secret(name) || name == admin_addresses_setting; }

} // namespace

bool is_internal_setting(const std::string& name) { return name.rfind("internal.", 0) == 0; }

Result<void> check_setting(const std::string& name, const std::string& value)
{
    if (name.empty() || name.size() > 200 || is_internal_setting(name) || !is_utf8(name)) return make_error(Errc::invalid, "setting.name");
    if (value.size() > longest_value || !is_utf8(value)) return make_error(Errc::invalid, "setting.value");
    if (name == admin_addresses_setting) {
        if (const auto networks = parse_admin_addresses(value); !networks) return networks.error();
    }
    const auto url = trim(value);
    if (name == "captcha_verify_url" && !url.empty() && url.rfind("https://", 0) != 0 && url.rfind("http://", 0) != 0)
        return make_error(Errc::invalid, "setting.captcha_url");
    return {};
}

Result<Setting> Settings::get(const Actor* actor, const std::string& name)
{
    const auto missing = make_error(Errc::not_found, "setting");
    if (is_internal_setting(name) || (is_for_administrators(name) && !(actor && actor->is_admin()))) return missing;
    return context_.store->read([&](store::ReadTx& tx) -> Result<Setting> {
        auto row = store::SettingTable(tx).find(name);
        if (!row) return missing;
        return Setting{row->id, std::move(row->name), std::move(row->value), row->changed};
    });
}

Result<std::map<std::string, std::string>> Settings::list(const Actor& actor)
{
    return context_.store->read([&](store::ReadTx& tx) -> Result<std::map<std::string, std::string>> {
        auto values = store::SettingTable(tx).all();
        std::erase_if(values,
                      [&](const auto& item) { return is_internal_setting(item.first) || (is_for_administrators(item.first) && !actor.is_admin()); });
        return values;
    });
}

Result<void> Settings::put(const Actor& actor, const std::map<std::string, std::string>& values)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed;
    for (const auto& [name, value] : values) {
        if (const auto checked = check_setting(name, value); !checked) return checked;
        // Whoever shuts a door stands inside.
        if (name == admin_addresses_setting && !is_among(actor.address, parse_admin_addresses(value).value()))
            return make_error(Errc::invalid, "setting.own_address", {}, {actor.address.to_text()});
    }
    auto stored = context_.store->write([&](store::WriteTx& tx) -> Result<void> {
        store::SettingTable settings(tx);
        for (const auto& [name, value] : values) {
            const auto before = settings.find(name);
            settings.put(name, value, context_.clock->wall());
            const bool hide = is_secret(name);
            audit(tx, context_, actor, "setting.update", 0, hide ? name : name + "=" + (before ? before->value.substr(0, 200) : ""),
                  hide ? name : name + "=" + value.substr(0, 200));
        }
        return {};
    });
    if (stored) changed_();
    return stored;
}

Result<Settings::Unlocked> Settings::unlock()
{
    const Actor console{UserId{}, "console", domain::Role::admin, {}, {}};
    return context_.store->write([&](store::WriteTx& tx) -> Result<Unlocked> {
        store::SettingTable settings(tx);
        Unlocked was;
        const auto captcha = settings.find("captcha_enabled");
        was.captcha = captcha && equals_ignoring_case(trim(captcha->value), "true");
        const auto addresses = settings.find(admin_addresses_setting);
        was.addresses = addresses && !trim(addresses->value).empty();
        if (was.captcha) {
            settings.put("captcha_enabled", "false", context_.clock->wall());
            audit(tx, context_, console, "setting.update", 0, "captcha_enabled=true", "captcha_enabled=false");
        }
        if (was.addresses) {
            settings.put(admin_addresses_setting, "", context_.clock->wall());
            audit(tx, context_, console, "setting.update", 0, std::string{admin_addresses_setting} + "=" + addresses->value.substr(0, 200),
                  std::string{admin_addresses_setting} + "=");
        }
        return was;
    });
}

Result<Announcement> Settings::announcement(const Actor* actor)
{
    return context_.store->read([&](store::ReadTx& tx) -> Result<Announcement> {
        auto row = store::AnnouncementTable(tx).get();
        if (!row || (!actor && !row->enabled)) return Announcement{};
        return Announcement{std::move(row->content), row->enabled};
    });
}

Result<void> Settings::announce(const Actor& actor, const Announcement& announcement)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed;
    if (announcement.content.size() > longest_value || !is_utf8(announcement.content)) return make_error(Errc::invalid, "announcement.content");
    return context_.store->write([&](store::WriteTx& tx) -> Result<void> {
        store::AnnouncementTable(tx).put({announcement.content, announcement.enabled}, context_.clock->wall());
        audit(tx, context_, actor, "announcement.update", 0, {}, announcement.content.substr(0, 200));
        return {};
    });
}

} // namespace sluice::panel
