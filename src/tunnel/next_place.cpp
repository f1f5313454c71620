#include "tunnel/next_place.hpp"

#include "base/random.hpp"

#include <algorithm>

namespace sluice::tunnel {

namespace {

constexpr auto patience = std::chrono::seconds(5); // of a stream that waits for a carrier
constexpr std::size_t most_waiting = 4096;

} // namespace

Carrier& CarrierSet::add(std::shared_ptr<Carrier> carrier)
{
    auto& added = *carrier;
    all_.emplace(&added, std::move(carrier));
    return added;
}

void CarrierSet::remove(Carrier& carrier) { all_.erase(&carrier); }

void CarrierSet::tick(SteadyTime now)
{
    std::vector<std::shared_ptr<Carrier>> now_there;
    now_there.reserve(all_.size());
    for (const auto& [key, carrier] : all_) now_there.push_back(carrier);
    for (const auto& carrier : now_there) carrier->tick(now);
}

void CarrierSet::end_all(Reason reason)
{
    while (!all_.empty()) {
        const auto first = all_.begin()->second;
        first->end(reason);
        all_.erase(first.get()); // it said so itself, unless it was over before
    }
}

void CarrierSet::end_of(const CarrierOwner& owner, Reason reason)
{
    std::vector<std::shared_ptr<Carrier>> ending;
    for (const auto& [key, carrier] : all_) {
        if (carrier->is_of(owner)) ending.push_back(carrier);
    }
    for (const auto& carrier : ending) carrier->end(reason);
}

std::vector<Link*> NextPlace::order()
{
    auto sorted = links_;
    switch (pick_) {
    case plan::Pick::random:
        for (std::size_t i = sorted.size(); i > 1; --i) std::swap(sorted[i - 1], sorted[random_below(i)]);
        break;
    case plan::Pick::first: break;
    default: { // turns among the healthy ones
        std::stable_partition(sorted.begin(), sorted.end(), [](const Link* link) { return link->healthy(); });
        const auto healthy = static_cast<std::size_t>(std::count_if(sorted.begin(), sorted.end(), [](const Link* link) { return link->healthy(); }));
        if (healthy > 1)
            std::rotate(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(turn_++ % healthy),
                        sorted.begin() + static_cast<std::ptrdiff_t>(healthy));
        break;
    }
    }
    std::stable_partition(sorted.begin(), sorted.end(), [](const Link* link) { return link->healthy(); });
    return sorted;
}

bool NextPlace::place(Outbound& outbound)
{
    bool untried = false;
    for (auto* link : order()) {
        if (outbound.tried(*link)) continue;
        untried = true;
        if (!link->healthy()) break; // the rest is not, either
        if (auto* carrier = link->free_carrier(outbound.kind())) {
            outbound.begin_on(*link, *carrier);
        } else {
            link->wait(outbound);
        }
        return true;
    }
    if (!untried || waiting_.size() >= most_waiting) return false;
    outbound.waiting = true;
    outbound.waits_on = nullptr;
    waiting_.push_back(&outbound);
    return true;
}

void NextPlace::forget(Outbound& outbound)
{
    outbound.waiting = false;
    if (auto* link = std::exchange(outbound.waits_on, nullptr)) return link->forget(outbound);
    std::erase(waiting_, &outbound);
}

void NextPlace::link_usable()
{
    link_failed(std::exchange(waiting_, {})); // each finds its place anew
}

void NextPlace::link_failed(std::deque<Outbound*> waiting)
{
    // All of them into our queue first: placing one may end others, which then leave the queue by themselves.
    for (auto* outbound : waiting) {
        outbound->waits_on = nullptr;
        outbound->waiting = true;
    }
    waiting_.insert(waiting_.begin(), waiting.begin(), waiting.end());
    for (auto count = waiting.size(); count > 0 && !waiting_.empty(); --count) {
        auto* outbound = waiting_.front();
        waiting_.pop_front();
        outbound->waiting = false;
        if (!place(*outbound)) outbound->give_up(Reason::no_next_hop);
    }
}

void NextPlace::tick(SteadyTime now)
{
    while (!waiting_.empty() && now - waiting_.front()->waiting_since() >= patience) {
        auto* outbound = waiting_.front();
        waiting_.pop_front();
        outbound->waiting = false;
        outbound->give_up(Reason::no_next_hop);
    }
}

} // namespace sluice::tunnel
