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

bool reaches(domain::TokenScope scope, Reach reach)
{
    switch (reach) {
    case Reach::person: return false;
    case Reach::reading: return true;
    case Reach::forwards: return scope == domain::TokenScope::forwards || scope == domain::TokenScope::all;
    case Reach::nodes: return scope == domain::TokenScope::nodes || scope == domain::TokenScope::all;
    case Reach::everything: return scope == domain::TokenScope::all;
    }
    return false;
}

Reply ok() { return {}; }
Reply ok(Json data) { return {0, {}, std::move(data), std::nullopt}; }
Reply bare(http::Response response) { return {0, {}, std::nullopt, std::move(response)}; }
Reply fail(int code, std::string message) { return {code, std::move(message), std::nullopt, std::nullopt}; }

Reply fail(const Error& error)
{
    if (error.code == Errc::internal || error.code == Errc::unavailable) log::warning("request failed", {{"problem", describe(error)}});
    // Services say "not your role" with the words and the code of the guard.
    const bool role = error.code == Errc::forbidden && error.field == "role";
    return {role ? 403 : code_of(error.code), message_of(error), std::nullopt, std::nullopt};
}

Reply fail_peer(const Error& error)
{
    auto reply = fail(error);
    if (error.code == Errc::forbidden || error.code == Errc::quota_exceeded) reply.code = 403;
    return reply;
}

std::optional<std::int64_t> id_of(const Call& call, const char* key, const char* alias) { return call.body.id(call.body.either(key, alias)); }

std::optional<std::pair<std::size_t, std::size_t>> part_of(const Call& call)
{
    const auto& body = call.body;
    if (!body.has("page") && !body.has("pageSize")) return std::nullopt;
    const auto size = static_cast<std::size_t>(std::clamp<std::int64_t>(body.integer("pageSize", 20), 1, 1000));
    const auto number = static_cast<std::size_t>(std::clamp<std::int64_t>(body.integer("page", 1), 1, 1'000'000));
    return std::pair{(number - 1) * size, size};
}

Page page_of(const Call& call, std::size_t total)
{
    const auto part = part_of(call);
    if (!part) return {0, total, false};
    return {std::min(total, part->first), std::min(total, part->first + part->second), true};
}

Json with_snake_names(Json item)
{
    Json both = item;
    for (auto& [key, value] : item.items()) both[snake(key)] = std::move(value);
    return both;
}

Json paged(Json list, std::size_t total) { return {{"list", std::move(list)}, {"total", total}}; }

Result<CapsPatch> read_caps(const Body& body)
{
    constexpr std::int64_t most_connections = 10'000'000;
    CapsPatch caps;
    const auto count = [&](const char* key, std::int64_t most) -> std::optional<std::uint32_t> {
        const auto value = body.integer(key, 0);
        if (value < 0 || value > most) return std::nullopt;
        return static_cast<std::uint32_t>(value);
    };
    if (body.has("maxConnections") && !(caps.max_connections = count("maxConnections", most_connections)))
        return make_error(Errc::invalid, "forward.max_connections");
    if (body.has("maxClients") && !(caps.max_clients = count("maxClients", domain::most_clients)))
        return make_error(Errc::invalid, "forward.max_clients");
    if (body.has("clientPolicy")) {
        const auto policy = body.text("clientPolicy");
        if (policy != "refuse" && policy != "replace") return make_error(Errc::invalid, "forward.client_policy");
        caps.replace_clients = policy == "replace";
    }
    return caps;
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
