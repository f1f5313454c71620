#include "api/flvx/route.hpp"

#include "api/flvx/messages.hpp"
#include "base/log.hpp"

#include <algorithm>

namespace sluice::flvx {

namespace {

std::string snake(const std::string& camel)
{
    std::string out;
    for (const char c : camel) {
        if (c >= 'A' && c <= 'Z') {
            out += '_';
            out += static_cast<char>(c - 'A' + 'a');
        } else {
            out += c;
        }
    }
    return out;
}

} // namespace

Reply ok() { return {}; }
Reply ok(Json data) { return {0, {}, std::move(data), std::nullopt}; }
Reply bare(http::Response response) { return {0, {}, std::nullopt, std::move(response)}; }
Reply fail(int code, std::string message) { return {code, std::move(message), std::nullopt, std::nullopt}; }

Reply fail(const Error& error)
{
    if (error.code == Errc::internal || error.code == Errc::unavailable) log::warning("request failed", {{"problem", describe(error)}});
    return {code_of(error.code), message_of(error), std::nullopt, std::nullopt};
}

std::optional<std::int64_t> id_of(const Call& call, const char* key, const char* alias) { return call.body.id(call.body.either(key, alias)); }

Json listing(const Call& call, Json items)
{
    const auto& body = call.body;
    if (!body.has("page") && !body.has("pageSize")) return items;
    const auto size = static_cast<std::size_t>(std::clamp<std::int64_t>(body.integer("pageSize", 20), 1, 1000));
    const auto page = static_cast<std::size_t>(std::clamp<std::int64_t>(body.integer("page", 1), 1, 1'000'000));
    Json list = Json::array();
    for (std::size_t i = (page - 1) * size; i < std::min(items.size(), page * size); ++i) {
        Json item = items[i];
        for (const auto& [key, value] : items[i].items()) item[snake(key)] = value;
        list.push_back(std::move(item));
    }
    return {{"list", std::move(list)}, {"total", items.size()}};
}

std::optional<std::int64_t> epoch_or_null(const std::optional<WallTime>& time)
{
    if (!time) return std::nullopt;
    return to_epoch_ms(*time);
}

Json or_null(const std::optional<std::string>& text) { return text ? Json(*text) : Json(nullptr); }
Json or_null(const std::optional<std::int64_t>& number) { return number ? Json(*number) : Json(nullptr); }

std::optional<std::string> text_or_null(const Body& body, const char* key)
{
    auto text = body.text(key);
    if (text.empty()) return std::nullopt;
    return text;
}

} // namespace sluice::flvx
