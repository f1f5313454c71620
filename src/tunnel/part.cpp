#include "tunnel/part.hpp"

#include "tunnel/exit.hpp"
#include "tunnel/middle.hpp"

#include <algorithm>
#include <optional>

namespace sluice::tunnel {

namespace {

constexpr std::size_t most_strangers = 256;

unsigned wanted_carriers(const Loop& loop, const TunnelWish& wish) { return wish.one_loop ? 2 : std::max(2U, loop.count); }

} // namespace

Part::Part(Loop& loop, TunnelWishPtr wish) : loop_(loop), wish_(std::move(wish)), place_(wish_->plan.pick) { make_links(); }

Part::~Part()
{
    alive_.reset();
    loop_.streams.cut_if([this](const LiveStream& one) { return one.tunnel == wish_->plan.id; }, Reason::cut);
    for (auto* links : {&next_, &previous_}) {
        for (auto& [key, link] : *links) link->stop();
    }
    carriers_.end_all(Reason::cut);
}

std::unique_ptr<Link> Part::make_link(const plan::Neighbour& neighbour, bool next)
{
    forward::TargetPtr address;
    if (neighbour.dial) address = wish_->neighbours.at(neighbour.dial->address);
    return std::make_unique<Link>(loop_, carriers_, wish_->plan.id, neighbour, wish_->plan.egress_interface, next, wanted_carriers(loop_, *wish_),
                                  address, next ? &place_ : nullptr,
                                  [this](Carrier& carrier, StreamId id, Open& open) { stream(carrier, id, open); });
}

// Links that are as they were stay; the order of the next place is the plan's.
void Part::make_links()
{
    std::vector<Link*> fresh;
    const auto renew = [&](std::map<Fingerprint, std::unique_ptr<Link>>& links, const std::vector<plan::Neighbour>& wished, bool next) {
        std::map<Fingerprint, std::unique_ptr<Link>> kept;
        for (const auto& neighbour : wished) {
            auto old = links.find(neighbour.key);
            if (old != links.end() && old->second->neighbour() == neighbour) {
                kept[neighbour.key] = std::move(old->second);
                links.erase(old);
            } else {
                kept[neighbour.key] = make_link(neighbour, next);
                fresh.push_back(kept[neighbour.key].get());
            }
        }
        links.swap(kept);
        if (next) {
            std::vector<Link*> order;
            for (const auto& neighbour : wished) order.push_back(links.at(neighbour.key).get());
            place_.set_links(std::move(order));
        }
        for (auto& [key, left] : kept) {
            if (left) left->stop();
        }
    };
    renew(next_, wish_->plan.next, true);
    renew(previous_, wish_->plan.previous, false);
    for (auto* link : fresh) link->start();
}

void Part::use(TunnelWishPtr wish)
{
    const bool other_way_out = wish->plan.egress_interface != wish_->plan.egress_interface;
    wish_ = std::move(wish);
    place_.set_pick(wish_->plan.pick);
    if (other_way_out) {
        place_.set_links({});
        for (auto* links : {&next_, &previous_}) {
            for (auto& [key, link] : *links) link->stop();
            links->clear();
        }
    }
    make_links();
    loop_.streams.cut_if(
        [this](const LiveStream& one) { return one.tunnel == wish_->plan.id && !wish_->plan.previous.empty() && !may_pass(one.forward); },
        Reason::cut);
}

bool Part::may_pass(ForwardId forward) const
{
    if (wish_->plan.next.empty()) return wish_->exits.contains(forward);
    return std::binary_search(wish_->plan.passes.begin(), wish_->plan.passes.end(), forward);
}

Carrier::Role Part::role_of(const Fingerprint& key)
{
    if (const auto found = next_.find(key); found != next_.end() && !found->second->neighbour().dial) return found->second->role();
    if (const auto found = previous_.find(key); found != previous_.end() && !found->second->neighbour().dial) return found->second->role();
    return {};
}

void Part::accepted(forward::Descriptor socket)
{
    if (strangers_ >= most_strangers || loop_.budget->exhausted(1)) return forward::close_with_reset(socket);
    ++strangers_;
    loop_.budget->add(1);
    const std::weak_ptr<bool> alive = alive_;
    auto wire = Wire::listening(*loop_.contexts, wish_->plan.websocket,
                                [this, alive](const Fingerprint& key) { return !alive.expired() && role_of(key).owner != nullptr; });
    const auto stranger = std::make_shared<bool>(true);
    auto carrier = std::make_shared<Carrier>(
        loop_.io, *loop_.clock, std::move(socket), std::move(wire),
        Hello{protocol_version, wish_->plan.id, static_cast<std::uint16_t>(wanted_carriers(loop_, *wish_))},
        [this, alive, stranger](const Fingerprint& key) {
            if (alive.expired()) return Carrier::Role{};
            if (std::exchange(*stranger, false)) --strangers_;
            return role_of(key);
        },
        [this, alive, stranger, budget = loop_.budget](Carrier& gone) {
            budget->remove(1);
            if (alive.expired()) return;
            if (std::exchange(*stranger, false)) --strangers_;
            carriers_.remove(gone);
        });
    carriers_.add(std::move(carrier)).start();
}

void Part::stream(Carrier& carrier, StreamId id, Open& open)
{
    auto& mux = carrier.mux();
    if (!may_pass(open.forward)) return mux.reset(id, Reason::not_authorised);
    // Somebody else's tunnel is counted as a whole: its forwards have numbers of their own panel.
    auto* slot = loop_.carried(wish_->plan.counter.value_or(open.forward));
    if (slot == nullptr) return mux.reset(id, Reason::overloaded); // what cannot be counted is not carried
    if (wish_->plan.counter) forward::Slot::add(slot->connections, 1);
    loop_.streams_seen->fetch_add(1, std::memory_order_relaxed);
    if (!wish_->plan.next.empty()) {
        const auto middle = std::make_shared<Middle>(loop_, wish_->plan.id, place_, mux, id, open, *slot);
        loop_.streams.add(middle);
        mux.attach(id, middle->end());
        return middle->start();
    }
    const auto& wish = wish_->exits.at(open.forward);
    if (!(open.kind == StreamKind::tcp ? wish->plan.tcp : wish->plan.udp)) return mux.reset(id, Reason::not_authorised);
    if (loop_.budget->exhausted(1)) return mux.reset(id, Reason::overloaded);
    if (open.kind == StreamKind::tcp) {
        const auto exit = std::make_shared<ExitTcp>(loop_, wish_->plan.id, wish, mux, id, open, *slot);
        loop_.streams.add(exit);
        mux.attach(id, exit->end());
        return exit->start();
    }
    const auto exit = std::make_shared<ExitUdp>(loop_, wish_->plan.id, wish, mux, id, *slot);
    loop_.streams.add(exit);
    mux.attach(id, exit->end());
    exit->start(open.client);
}

void Part::tick(SteadyTime now)
{
    carriers_.tick(now);
    for (auto* links : {&next_, &previous_}) {
        for (auto& [key, link] : *links) link->tick(now);
    }
    place_.tick(now);
}

} // namespace sluice::tunnel
