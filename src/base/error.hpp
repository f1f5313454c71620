// The one vocabulary of failures. Every room reports with these codes; each API dialect renders them in its own
// words, so no message text ever decides what a program does.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice {

enum class Errc {
    invalid,         // the input is wrong; `field` names which part
    unauthenticated, // nobody, or a credential that no longer counts
    forbidden,       // somebody, but not allowed
    not_found,       // `field` names the noun that is missing
    conflict,        // taken, duplicate, or in a state that excludes the request
    quota_exceeded,  // a traffic, count or time allowance is used up; `field` names which
    rate_limited,    // too many attempts; try later
    node_offline,    // the node that has to act is not connected
    timeout,         // no answer before the deadline
    unavailable,     // a resource of the machine refused (port taken, disk full, no descriptor)
    internal,        // a bug or a broken disk
};

// A stable name for logs, such as "not_found".
std::string_view to_text(Errc code);

// `field` is a stable dotted key ("tunnel", "forward.port"); `args` are values that a rendered message may name (a
// node's name, a port). `detail` is for the log only and never reaches a client.
struct Error {
    Errc code = Errc::internal;
    std::string field;
    std::string detail;
    std::vector<std::string> args;
};

// One line for logs: code, field, detail.
std::string describe(const Error& error);

Error make_error(Errc code, std::string field, std::string detail = {}, std::vector<std::string> args = {});

} // namespace sluice
