// Committed state -> what one node should be doing.
#pragma once

#include "base/result.hpp"
#include "plan/plan.hpp"

namespace sluice::panel {

struct Context;

class Plans {
public:
    explicit Plans(Context& context) : context_(context) {}

    // The plan of a node at its committed revision. not_found "node".
    Result<plan::Plan> compile(NodeId node);

private:
    Context& context_;
};

} // namespace sluice::panel
