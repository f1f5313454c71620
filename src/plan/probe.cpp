#include "plan/probe.hpp"

namespace sluice::plan {

std::string_view to_text(ProbeFault fault)
{
    switch (fault) {
    case ProbeFault::none: return "none";
    case ProbeFault::bad_target: return "bad_target";
    case ProbeFault::name_not_found: return "name_not_found";
    case ProbeFault::refused: return "refused";
    case ProbeFault::timed_out: return "timed_out";
    case ProbeFault::unreachable: return "unreachable";
    case ProbeFault::closed_early: return "closed_early";
    case ProbeFault::not_permitted: return "not_permitted";
    case ProbeFault::other: return "other";
    }
    return "other";
}

} // namespace sluice::plan
