// From bytes that passed to bytes that are billed.
#pragma once

#include "base/bytes.hpp"
#include "domain/tunnel.hpp"

namespace sluice::domain {

// FLVX contract 4.1: per direction trunc(bytes * ratio) * factor, truncated before the multiplication. Negative input bills nothing.
Traffic billed(const Billing& billing, const Traffic& passed);

} // namespace sluice::domain
