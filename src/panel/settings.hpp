// Named settings (FLVX "config") and the announcement.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "panel/actor.hpp"

#include <functional>
#include <map>
#include <string>
#include <utility>

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

// What put() demands of one setting, whoever brings it. Errors: invalid "setting.name", "setting.value" (more than 64 KiB or not UTF-8), "setting.captcha_url", "setting.admin_addresses".
Result<void> check_setting(const std::string& name, const std::string& value);
// Belongs to the program and exists for nobody else.
bool is_internal_setting(const std::string& name);

class Settings {
public:
    explicit Settings(Context& context) : context_(context) {}

    // Names that contain "secret" exist only for administrators (`actor` null: nobody signed in). not_found "setting".
    Result<Setting> get(const Actor* actor, const std::string& name);
    Result<std::map<std::string, std::string>> list(const Actor& actor);
    // Upserts all or none. Errors: those of check_setting(), invalid "setting.own_address" (the actor would shut himself out; args[0]: his address).
    Result<void> put(const Actor& actor, const std::map<std::string, std::string>& values);

    // Who has not signed in (`actor` null) sees it only while it is switched on.
    Result<Announcement> announcement(const Actor* actor);
    Result<void> announce(const Actor& actor, const Announcement& announcement);

    struct Unlocked {
        bool captcha = false;   // was on
        bool addresses = false; // were limited
    };
    // Console: switches the captcha off and empties the list of administrators' addresses, whoever asks.
    Result<Unlocked> unlock();

    // Called after put() changed something; set before the first request.
    void when_changed(std::function<void()> callback) { changed_ = std::move(callback); }

private:
    Context& context_;
    std::function<void()> changed_ = [] {};
};

} // namespace sluice::panel
