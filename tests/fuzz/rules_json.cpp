// Fuzz target: JSON of other panels.
#include "rules/rule.hpp"
#include "rules_must_hold.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using sluice::rules::Format;
    sluice::rules::must_hold({reinterpret_cast<const char*>(data), size},
                             {Format::flvx, Format::nyanpass, Format::nginx_proxy_manager, Format::realm});
    return 0;
}
