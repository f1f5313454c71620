// One line per event. Text for people, JSON for machines; the field names are the same in both. Thread-safe; a line is written
// with one write(2), so lines never mix. Values are escaped: a client cannot forge a line.
#pragma once

#include "base/secret.hpp"

#include <cmath>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace sluice::log {

enum class Level { debug, info, warning, error };
enum class Format { text, json };

std::string_view to_text(Level level);

struct Settings {
    Level level = Level::info;
    Format format = Format::text;
    bool journald = false; // prefix each line with its syslog priority, e.g. "<6>", and leave the time to the journal
    int descriptor = 2;
};

// Takes effect at once, for every thread.
void configure(const Settings& settings);
bool enabled(Level level);

// A named value of an event, such as {"node", 3}.
class Field {
public:
    Field(std::string_view name, std::string_view value) : name_(name), value_(value) {}
    Field(std::string_view name, const char* value) : name_(name), value_(value) {}
    Field(std::string_view name, const std::string& value) : name_(name), value_(value) {}
    Field(std::string_view name, const Secret& value) : name_(name), value_(sluice::to_text(value)) {}
    Field(std::string_view name, bool value) : name_(name), value_(value ? "true" : "false"), bare_(true) {}
    template <std::integral T>
    Field(std::string_view name, T value) : name_(name), value_(std::to_string(value)), bare_(true)
    {
    }
    // JSON has no word for what is not finite, so that is quoted.
    Field(std::string_view name, double value) : name_(name), value_(std::to_string(value)), bare_(std::isfinite(value)) {}

    std::string_view name() const { return name_; }
    std::string_view value() const { return value_; }
    bool bare() const { return bare_; } // a number or boolean: unquoted in JSON

private:
    std::string_view name_;
    std::string value_;
    bool bare_ = false;
};

using Fields = std::initializer_list<Field>;

// `event` is a short stable phrase ("ready", "forward failed"); everything that varies is a field.
void write(Level level, std::string_view event, Fields fields = {});

inline void debug(std::string_view event, Fields fields = {})
{
    if (enabled(Level::debug)) write(Level::debug, event, fields);
}
inline void info(std::string_view event, Fields fields = {}) { write(Level::info, event, fields); }
inline void warning(std::string_view event, Fields fields = {}) { write(Level::warning, event, fields); }
inline void error(std::string_view event, Fields fields = {}) { write(Level::error, event, fields); }

// The line without its newline; pure, for tests.
std::string render(const Settings& settings, Level level, std::int64_t epoch_ms, std::string_view event, Fields fields);

} // namespace sluice::log
