#include "api/flvx/token.hpp"

#include "base/random.hpp"
#include "base/text.hpp"
#include "panel/vault.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <cstdio>

namespace sluice::flvx {

namespace {

using nlohmann::json;
constexpr std::size_t longest_token = 4096;

// Characters whose base64 may hold '+' or '/' in its url form would confuse clients that decode without the url alphabet.
std::string escape(const std::string& ascii_json)
{
    std::string out;
    for (const char c : ascii_json) {
        if (c == '<' || c == '>' || c == '&' || c == '~' || c == '?') {
            std::array<char, 8> code{};
            std::snprintf(code.data(), code.size(), "\\u%04x", static_cast<unsigned char>(c));
            out += code.data();
        } else {
            out += c;
        }
    }
    return out;
}

std::int64_t seconds(WallTime time) { return to_epoch_ms(time) / 1000; }

} // namespace

std::string make_token(const Secret& key, const domain::User& user, WallTime now)
{
    const json header{{"alg", "HS256"}, {"typ", "JWT"}};
    const json payload{
        {"sub", std::to_string(user.id.value)},
        {"iat", seconds(now)},
        {"exp", seconds(now + token_lifetime)},
        {"user", user.name},
        {"name", user.name},
        {"role_id", user.role == domain::Role::admin ? 0 : 1},
        {"jti", random_hex(8)},
    };
    const auto text = to_base64url(header.dump()) + "." + to_base64url(escape(payload.dump(-1, ' ', true)));
    return text + "." + to_base64url(panel::hmac_sha256(key, text));
}

std::optional<std::string> check_token(const Secret& key, std::string_view token, WallTime now)
{
    if (token.size() > longest_token) return std::nullopt;
    const auto parts = split(token, '.');
    if (parts.size() != 3) return std::nullopt;
    const auto signature = from_base64url(parts[2]);
    const auto signed_text = token.substr(0, parts[0].size() + 1 + parts[1].size());
    if (!signature || !panel::equal_in_constant_time(*signature, panel::hmac_sha256(key, signed_text))) return std::nullopt;
    const auto payload = json::parse(from_base64url(parts[1]).value_or(""), nullptr, false);
    if (!payload.is_object()) return std::nullopt;
    const auto expires = payload.find("exp");
    if (expires == payload.end() || !expires->is_number_integer() || expires->get<std::int64_t>() <= seconds(now)) return std::nullopt;
    return token_hash(token);
}

std::string token_hash(std::string_view token) { return panel::sha256(token); }

} // namespace sluice::flvx
