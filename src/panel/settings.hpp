// Named settings (FLVX "config") and the announcement.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "panel/actor.hpp"

#include <map>
#include <string>

namespace sluice::panel {

struct Context;

struct Setting {
    std::int64_t id = 0;
    std::string name;
    std::string value;
    WallTime changed;
};

struct Announcement {
    std::string content;
    bool enabled = false;
};

// What put() demands of one setting, whoever brings it. Errors: invalid "setting.name", "setting.value" (more than 64 KiB or not UTF-8), "setting.captcha_url".
Result<void> check_setting(const std::string& name, const std::string& value);
// Belongs to the program and exists for nobody else.
bool is_internal_setting(const std::string& name);

class Settings {
public:
    explicit Settings(Context& context) : context_(context) {}

    // Names that contain "secret" exist only for administrators (`actor` null: nobody signed in). not_found "setting".
    Result<Setting> get(const Actor* actor, const std::string& name);
    Result<std::map<std::string, std::string>> list(const Actor& actor);
    // Upserts all or none. Errors: invalid "setting.name", invalid "setting.value" (more than 64 KiB or not UTF-8).
    Result<void> put(const Actor& actor, const std::map<std::string, std::string>& values);

    // Who has not signed in (`actor` null) sees it only while it is switched on.
    Result<Announcement> announcement(const Actor* actor);
    Result<void> announce(const Actor& actor, const Announcement& announcement);

private:
    Context& context_;
};

} // namespace sluice::panel
