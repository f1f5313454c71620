// Who changed what, for administrators. Written by the services themselves (panel/context.hpp, audit()); here it is read.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "panel/actor.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace sluice::panel {

struct Context;

struct Change {
    std::int64_t id = 0;
    WallTime happened;
    UserId user; // none: the program itself or the console
    std::string user_name;
    std::string address;
    std::string action; // "forward.update"
    std::string object; // its id
    std::string before; // what mattered, readable
    std::string after;
};

class History {
public:
    explicit History(Context& context) : context_(context) {}

    struct Part {
        std::vector<Change> changes; // newest first
        std::size_t total = 0;       // of those that `words` fits
    };
    // Those whose actor, address, action, object, before or after contains `words` (empty: all), without the newest `skip`, at most `count`. Errors: forbidden
    // "role".
    Result<Part> list(const Actor& actor, const std::string& words, std::size_t skip, std::size_t count);

private:
    Context& context_;
};

} // namespace sluice::panel
