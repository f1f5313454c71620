#include "base/error.hpp"

namespace sluice {

std::string_view to_text(Errc code)
{
    switch (code) {
    case Errc::invalid: return "invalid";
    case Errc::unauthenticated: return "unauthenticated";
    case Errc::forbidden: return "forbidden";
    case Errc::not_found: return "not_found";
    case Errc::conflict: return "conflict";
    case Errc::quota_exceeded: return "quota_exceeded";
    case Errc::rate_limited: return "rate_limited";
    case Errc::node_offline: return "node_offline";
    case Errc::timeout: return "timeout";
    case Errc::unavailable: return "unavailable";
    case Errc::internal: return "internal";
    }
    return "internal";
}

Error make_error(Errc code, std::string field, std::string detail, std::vector<std::string> args)
{
    return Error{code, std::move(field), std::move(detail), std::move(args)};
}

std::string describe(const Error& error)
{
    std::string text{to_text(error.code)};
    if (!error.field.empty()) text += " field=" + error.field;
    for (const auto& arg : error.args) text += " arg=" + arg;
    if (!error.detail.empty()) text += ": " + error.detail;
    return text;
}

} // namespace sluice
