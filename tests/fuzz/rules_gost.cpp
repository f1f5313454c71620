// Fuzz target: gost's command lines and YAML.
#include "rules/rule.hpp"
#include "rules_must_hold.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using sluice::rules::Format;
    sluice::rules::must_hold({reinterpret_cast<const char*>(data), size}, {Format::gost_url, Format::gost_yaml});
    return 0;
}
