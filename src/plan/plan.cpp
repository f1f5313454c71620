#include "plan/plan.hpp"

#include "plan/report.hpp"

namespace sluice::plan {

std::string_view to_text(Pick pick)
{
    switch (pick) {
    case Pick::first: return "first";
    case Pick::round_robin: return "round_robin";
    case Pick::random: return "random";
    case Pick::source_hash: return "source_hash";
    case Pick::least_connections: return "least_connections";
    }
    return "first";
}

std::string_view to_text(Fault fault)
{
    switch (fault) {
    case Fault::none: return "none";
    case Fault::address_in_use: return "address_in_use";
    case Fault::address_not_local: return "address_not_local";
    case Fault::permission_denied: return "permission_denied";
    case Fault::family_unsupported: return "family_unsupported";
    case Fault::no_descriptors: return "no_descriptors";
    case Fault::target_unresolved: return "target_unresolved";
    case Fault::other: return "other";
    }
    return "other";
}

} // namespace sluice::plan
