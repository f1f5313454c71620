// Whether who signs in has to solve a captcha, and whether he did. The challenge itself is another server's work (Cloudflare Turnstile), reached through a
// function that the wiring gives. Settings: captcha_enabled, cloudflare_site_key, cloudflare_secret_key,
// captcha_verify_url.
#pragma once

#include "base/address.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"

#include <functional>
#include <memory>
#include <string>

namespace sluice::panel {

struct Context;

class Captcha {
public:
    // Whether `response` solves a challenge, asked of the server at `url`; false: it does not. Blocks, ten seconds at most. Errors: any.
    using Verifier = std::function<Result<bool>(const std::string& url, const Secret& secret, const std::string& response, const IpAddress& from)>;

    explicit Captcha(Context& context);
    ~Captcha();

    void verify_by(Verifier verifier); // before the first request; without one nothing can be solved but where no secret is set

    bool wanted(); // also when the settings cannot be read

    // The page shows a challenge of another origin: it is wanted, and there is a site key for it.
    bool has_widget();

    // Remembers `id` as solved for five minutes, for one sign-in. Without a stored secret the response must be "ok" (FLVX contract 5.1). Errors: invalid
    // "captcha"; rate_limited "captcha" (args[0] = seconds to wait) after many failures of an address or when too many are being verified.
    Result<void> solve(const std::string& id, const std::string& response, const IpAddress& from);

    // For one sign-in, when wanted(): an id that solve() remembered, or a response that the server accepts. Errors: those of solve().
    Result<void> redeem(const std::string& id_or_response, const IpAddress& from);

    static constexpr const char* usual_url = "https://challenges.cloudflare.com/turnstile/v0/siteverify";

private:
    struct State;
    Result<void> check(const std::string& response, const IpAddress& from, bool ok_without_secret);

    Context& context_;
    std::unique_ptr<State> state_;
};

} // namespace sluice::panel
