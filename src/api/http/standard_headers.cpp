#include "api/http/standard_headers.hpp"

#include <array>
#include <cstdio>

namespace sluice::http {

void add_standard_headers(Headers& headers, const Surroundings& around)
{
    const auto add = [&](std::string_view name, std::string_view value) {
        if (!headers.has(name)) headers.add(std::string{name}, std::string{value});
    };
    add("Date", around.date);
    if (!around.request_id.empty()) add("X-Request-Id", around.request_id);
    if (!around.page)
        add("Content-Security-Policy", answer_policy);
    else if (around.page_origin.empty())
        add("Content-Security-Policy", page_policy);
    else
        add("Content-Security-Policy", page_policy_with(around.page_origin));
    add("X-Content-Type-Options", "nosniff");
    add("Referrer-Policy", "no-referrer");
    add("Cross-Origin-Opener-Policy", "same-origin");
    add("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()");
    if (around.hsts) add("Strict-Transport-Security", "max-age=31536000");
    if (!around.page) add("Cache-Control", "no-store");
}

std::string page_policy_with(const std::string& origin)
{
    constexpr std::string_view scripts = "script-src 'self'";
    std::string policy{page_policy};
    policy.insert(policy.find(scripts) + scripts.size(), " " + origin);
    return policy + "; frame-src " + origin;
}

std::string http_date(WallTime time)
{
    static constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date{day};
    const std::chrono::weekday weekday{day};
    const std::chrono::hh_mm_ss clock{std::chrono::floor<Seconds>(time - day)};
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%s, %02u %s %04d %02d:%02d:%02d GMT", days[weekday.c_encoding()], static_cast<unsigned>(date.day()),
                  months[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()), static_cast<int>(clock.hours().count()),
                  static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()));
    return text.data();
}

std::string render_head(int status, const Headers& headers)
{
    std::string head = "HTTP/1.1 " + std::to_string(status) + ' ';
    head += reason_phrase(status);
    head += "\r\n";
    for (const auto& [name, value] : headers.all()) {
        head += name;
        head += ": ";
        head += value;
        head += "\r\n";
    }
    head += "\r\n";
    return head;
}

} // namespace sluice::http
