// Fuzz target: the stored plan (JSON) and the --forward option. What is accepted is stored in a form that is accepted again and means
// the same, and every value is within what the engine takes.
#include "agent/forward_option.hpp"
#include "link/plan_json.hpp"

#include <cstdlib>

using namespace sluice;

namespace {

void must(bool holds)
{
    if (!holds) std::abort();
}

void check(const plan::Plan& plan)
{
    ForwardId last;
    for (const auto& forward : plan.forwards) {
        must(forward.id > last && forward.port != 0 && !forward.targets.empty());
        must(forward.connect_timeout >= Seconds{0} && forward.udp_idle_timeout >= Seconds{0});
        last = forward.id;
    }
    const auto again = link::decode_plan(link::encode_plan(plan));
    must(again && *again == plan);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    if (const auto plan = link::decode_plan(text)) check(*plan);
    if (const auto plan = agent::plan_of_options({std::string{text}})) check(*plan);
    const auto line = text.find('\n');
    if (line != std::string_view::npos) {
        if (const auto plan = agent::plan_of_options({std::string{text.substr(0, line)}, std::string{text.substr(line + 1)}})) check(*plan);
    }
    return 0;
}
