#include "probe/turnstile.hpp"

#include "probe/http_post.hpp"

#include <nlohmann/json.hpp>

namespace sluice::probe {

Result<bool> verify_turnstile(const std::string& url, const Secret& secret, const std::string& response, const IpAddress& from, Deadline deadline)
{
    const auto answer = post_form(url, {{"secret", secret.reveal()}, {"response", response}, {"remoteip", from.to_text()}}, deadline);
    if (!answer) return answer.error();
    const auto json = nlohmann::json::parse(answer->body, nullptr, false);
    // A refusal comes with 200 or 400; what it says counts.
    if (!json.is_object() || !json.contains("success") || !json["success"].is_boolean())
        return make_error(Errc::unavailable, "http", "the answer is not Turnstile's: status " + std::to_string(answer->status));
    return json["success"].get<bool>();
}

} // namespace sluice::probe
