// What the program saw or did by itself. Administrators read everything, everybody what is about him: notices of his quotas, of his expiry, of what was stopped.
// This is also where channels take what they send: events have ascending ids, and say each thing once.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "panel/actor.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::panel {

struct Context;

struct Event {
    std::int64_t id = 0;
    WallTime happened;
    std::string_view severity; // "info", "warning", "error"
    std::string kind;          // "quota.used", "node.online"
    NodeId node;               // none: not about one
    ForwardId forward;
    UserId user;
    std::string details; // a JSON object of texts
};

class Events {
public:
    explicit Events(Context& context) : context_(context) {}

    struct Part {
        std::vector<Event> events; // newest first
        std::size_t total = 0;
    };
    // Without the newest `skip`, at most `count`.
    Result<Part> list(const Actor& actor, std::size_t skip, std::size_t count);

private:
    Context& context_;
};

} // namespace sluice::panel
