#include "base/log.hpp"

#include "base/text.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <unistd.h>

namespace sluice::log {

namespace {

std::atomic<Level> current_level{Level::info};
std::atomic<Format> current_format{Format::text};
std::atomic<bool> current_journald{false};
std::atomic<int> current_descriptor{2};

int priority(Level level)
{
    switch (level) {
    case Level::debug: return 7;
    case Level::info: return 6;
    case Level::warning: return 4;
    case Level::error: return 3;
    }
    return 6;
}

std::string timestamp(std::int64_t epoch_ms)
{
    const std::time_t seconds = epoch_ms / 1000;
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                  parts.tm_hour, parts.tm_min, parts.tm_sec, static_cast<int>(epoch_ms % 1000));
    return text.data();
}

// The code point of a character that steers a terminal or a viewer (C1 controls, line and paragraph separators, changes of writing
// direction), 0 for any other. `rest` is well-formed UTF-8; all of them have two or three bytes.
unsigned steering(std::string_view rest)
{
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(rest[at]); };
    if (byte(0) == 0xC2 && byte(1) < 0xA0) return byte(1);
    if (byte(0) != 0xE2) return 0;
    const unsigned point = 0x2000U | (byte(1) & 0x3FU) << 6U | (byte(2) & 0x3FU);
    const bool steers = (point >= 0x2028 && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069) || point == 0x200E || point == 0x200F;
    return steers ? point : 0;
}

void append_escape(std::string& out, unsigned point)
{
    std::array<char, 8> escape{};
    std::snprintf(escape.data(), escape.size(), "\\u%04x", point & 0xFFFFU);
    out += escape.data();
}

void append_quoted(std::string& out, std::string_view text)
{
    const bool readable = is_utf8(text);
    out += '"';
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (c == '\n') {
            out += "\\n";
        } else if (byte < 0x20 || byte == 0x7F || (byte >= 0x80 && !readable)) {
            append_escape(out, byte);
        } else if (const unsigned point = byte >= 0x80 ? steering(text.substr(at)) : 0; point != 0) {
            append_escape(out, point);
            at += point < 0x800 ? 1 : 2;
        } else {
            out += c;
        }
    }
    out += '"';
}

bool needs_quotes(std::string_view text)
{
    if (text.empty() || !is_utf8(text)) return true;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const auto byte = static_cast<unsigned char>(text[at]);
        if (byte <= 0x20 || byte == 0x7F || byte == '"' || byte == '\\' || byte == '=') return true;
        if (byte >= 0x80 && steering(text.substr(at)) != 0) return true;
    }
    return false;
}

} // namespace

std::string_view to_text(Level level)
{
    switch (level) {
    case Level::debug: return "debug";
    case Level::info: return "info";
    case Level::warning: return "warning";
    case Level::error: return "error";
    }
    return "info";
}

void configure(const Settings& settings)
{
    current_level = settings.level;
    current_format = settings.format;
    current_journald = settings.journald;
    current_descriptor = settings.descriptor;
}

bool enabled(Level level) { return level >= current_level.load(std::memory_order_relaxed); }

std::string render(const Settings& settings, Level level, std::int64_t epoch_ms, std::string_view event, Fields fields)
{
    std::string line;
    if (settings.journald) line += "<" + std::to_string(priority(level)) + ">";
    if (settings.format == Format::json) {
        line += "{\"time\":\"" + timestamp(epoch_ms) + "\",\"level\":\"" + std::string{to_text(level)} + "\",\"event\":";
        append_quoted(line, event);
        for (const auto& field : fields) {
            line += ',';
            append_quoted(line, field.name());
            line += ':';
            if (field.bare())
                line += field.value();
            else
                append_quoted(line, field.value());
        }
        return line + "}";
    }
    if (!settings.journald) line += timestamp(epoch_ms) + " ";
    line += to_text(level);
    line += ' ';
    line += event;
    for (const auto& field : fields) {
        line += ' ';
        line += field.name();
        line += '=';
        if (field.bare() || !needs_quotes(field.value()))
            line += field.value();
        else
            append_quoted(line, field.value());
    }
    return line;
}

void write(Level level, std::string_view event, Fields fields)
{
    if (!enabled(level)) return;
    const Settings settings{current_level, current_format, current_journald, current_descriptor};
    const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
    const auto line = render(settings, level, now, event, fields) + "\n";
    // A full disk or a closed pipe must not stop the program that reports it.
    std::string_view rest = line;
    while (!rest.empty()) {
        const auto wrote = ::write(settings.descriptor, rest.data(), rest.size());
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return;
        rest.remove_prefix(static_cast<std::size_t>(wrote));
    }
}

} // namespace sluice::log
