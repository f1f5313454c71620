// From errors to this dialect's codes and words. Nothing is decided by these texts; they are made last.
#pragma once

#include "base/error.hpp"

#include <string>

namespace sluice::flvx {

// FLVX contract 1.8. No default: a new Errc stops the build here.
constexpr int code_of(Errc code)
{
    switch (code) {
    case Errc::unauthenticated: return 401;
    case Errc::forbidden:
    case Errc::invalid:
    case Errc::not_found:
    case Errc::conflict:
    case Errc::quota_exceeded:
    case Errc::rate_limited:
    case Errc::node_offline:
    case Errc::timeout:
    case Errc::unavailable: return -1;
    case Errc::internal: return -2;
    }
    return -2;
}

// Exact strings of the contract (4.2, 7, 13) where it has one, plain words in its language elsewhere.
std::string message_of(const Error& error);

} // namespace sluice::flvx
