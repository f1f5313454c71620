// Cloudflare Turnstile: asks its server whether somebody solved a challenge (developers.cloudflare.com/turnstile/get-started/server-side-validation).
#pragma once

#include "base/address.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "probe/tcp_ping.hpp"

#include <string>

namespace sluice::probe {

// False: not solved, used before, or too old. Errors: those of post_form(), and unavailable "http" for an answer that is none of Turnstile's.
Result<bool> verify_turnstile(const std::string& url, const Secret& secret, const std::string& response, const IpAddress& from, Deadline deadline);

} // namespace sluice::probe
