// Fuzz target: a panel and a node that talk while somebody decides what happens to their bytes and when. Each byte of the input is one step. Nobody may
// crash, grow without bound, hear something that was not said, or speak after the end.
#include "link/session.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

using namespace sluice;

namespace {

void must(bool holds)
{
    if (!holds) std::abort();
}

struct End {
    link::Session session;
    std::string wire; // what the other said and this end has not received
    std::uint64_t said = 0;
    std::uint64_t heard = 0;
    bool ended = false;
};

void look(End& end, SteadyTime now)
{
    for (auto& event : end.session.take_events()) {
        must(!end.ended);
        if (std::holds_alternative<link::Ended>(event)) {
            end.ended = true;
            continue;
        }
        const auto& message = std::get<link::Message>(event);
        if (std::holds_alternative<link::Hello>(message)) must(end.session.welcome(now, {1, 0, NodeId{1}, "n", 0}));
        std::uint64_t number = 0;
        if (const auto* report = std::get_if<plan::Report>(&message)) number = report->sequence;
        if (const auto* plan = std::get_if<plan::Plan>(&message)) number = plan->revision;
        if (number == 0) continue;
        must(number == end.heard + 1); // in order, without a gap
        end.heard = number;
    }
    must(end.ended == end.session.ended());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    static const auto panel_key = net::Identity::make();
    static const auto node_key = net::Identity::make();
    SteadyTime now{std::chrono::hours(1)};
    End panel{link::Session::panel(panel_key, {}, now), {}, 0, 0, false};
    End agent{link::Session::agent(node_key, panel_key.fingerprint(), {}, {}, now), {}, 0, 0, false};
    for (std::size_t i = 0; i < size && i < 4096; ++i) {
        auto& here = (data[i] & 1U) != 0 ? panel : agent;
        auto& there = (data[i] & 1U) != 0 ? agent : panel;
        there.wire += here.session.take_output();
        const auto amount = static_cast<std::size_t>(data[i] >> 4U);
        switch (data[i] >> 1U & 7U) {
        case 0: // everything arrives
        case 1: here.session.received(now, std::exchange(here.wire, {})); break;
        case 2: // a piece
            here.session.received(now, here.wire.substr(0, amount * 37 + 1));
            here.wire.erase(0, amount * 37 + 1);
            break;
        case 3: // one bit is changed
            if (!here.wire.empty()) here.wire[amount * 41 % here.wire.size()] ^= static_cast<char>(1U << (amount & 7U));
            break;
        case 4: // some is lost, or comes twice
            if ((amount & 1U) != 0)
                here.wire.erase(0, amount);
            else
                here.wire += here.wire.substr(0, amount * 8);
            break;
        case 5:
            if (here.session.open()) {
                plan::Plan plan;
                plan.revision = here.said + 1;
                const bool sent = &here == &panel ? here.session.send(now, plan) : here.session.send(now, plan::Report{here.said + 1, {}, {}});
                if (sent) ++here.said;
            }
            break;
        case 6:
            now += Seconds{static_cast<int>(amount)};
            panel.session.tick(now);
            agent.session.tick(now);
            break;
        default: // the input itself, as if it came from the peer
            here.session.received(now, {reinterpret_cast<const char*>(data) + i, std::min<std::size_t>(amount, size - i)});
        }
        look(panel, now);
        look(agent, now);
        must(panel.heard <= agent.said && agent.heard <= panel.said);
    }
    if (!panel.ended) panel.session.lost("over");
    if (!agent.ended) agent.session.leave(now, link::Farewell::stopping);
    look(panel, now);
    look(agent, now);
    must(panel.ended && agent.ended);
    must(!panel.session.send(now, plan::Plan{}));
    return 0;
}
