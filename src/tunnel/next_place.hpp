// The neighbours of a tunnel on one loop: a link per neighbour keeps its carriers (dials them, or waits for them when the neighbour dials), and the next
// place chooses among the links of parallel nodes. A neighbour that fails is passed over and tried again within a second.
#pragma once

#include "forward/counters.hpp"
#include "forward/descriptor_budget.hpp"
#include "forward/keeper.hpp"
#include "forward/targets.hpp"
#include "plan/plan.hpp"
#include "tunnel/carrier.hpp"
#include "tunnel/live_stream.hpp"
#include "tunnel/outbound.hpp"

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace sluice::tunnel {

using net::awaitable;
using net::error_code;

// One loop, and what everything on it shares.
struct Loop {
    unsigned index = 0;
    unsigned count = 1; // of loops
    const Clock* clock = nullptr;
    const WireContexts* contexts = nullptr;
    forward::DescriptorBudget* budget = nullptr;
    forward::Keeper* keeper = nullptr;
    std::atomic<std::uint64_t>* streams_seen = nullptr;
    std::function<forward::Slot*(ForwardId)> carried; // counts what passes here of a forward that entered elsewhere; null: it cannot be counted
    asio::io_context io{1};
    LiveStreams streams;

    // It is over. It is destroyed soon, but not in the middle of one of its functions.
    void finished(LiveStream& stream)
    {
        streams.remove(stream);
        if (std::exchange(sweep_posted, true)) return;
        asio::post(io, [this] {
            sweep_posted = false;
            streams.sweep();
        });
    }
    bool sweep_posted = false;
};

// Carriers of one tunnel on one loop, whatever they are for.
class CarrierSet {
public:
    Carrier& add(std::shared_ptr<Carrier> carrier);
    void remove(Carrier& carrier);
    void tick(SteadyTime now);
    void end_all(Reason reason);
    void end_of(const CarrierOwner& owner, Reason reason); // also those that have not said hello yet

private:
    std::map<Carrier*, std::shared_ptr<Carrier>> all_;
};

// One neighbour.
class Link final : public CarrierOwner {
public:
    using OnStream = std::function<void(Carrier&, StreamId, Open&)>;

    // `next`: we open streams there. Else streams come from it and go to `on_stream`. `address` when we dial.
    Link(Loop& loop, CarrierSet& carriers, TunnelId tunnel, plan::Neighbour neighbour, std::string egress, bool next, unsigned wanted,
         forward::TargetPtr address, NextPlace* place, OnStream on_stream);
    ~Link() override;

    const plan::Neighbour& neighbour() const { return neighbour_; }
    void start();
    void stop(); // ends its carriers
    void tick(SteadyTime now);

    // For the place.
    Carrier* free_carrier(StreamKind kind);
    bool healthy() const; // has a usable carrier, or nothing says that it could not
    void wait(Outbound& outbound);
    void forget(Outbound& outbound);

    Carrier::Role role() { return {this, next_}; }

private:
    void carrier_open(Carrier& carrier) override;
    void carrier_gone(Carrier& carrier) override;
    void carrier_has_room(Carrier& carrier) override;
    void carrier_wanted(Carrier& carrier, std::uint16_t carriers) override;
    void carrier_stream(Carrier& carrier, StreamId stream, Open& open) override { on_stream_(carrier, stream, open); }

    std::size_t desired() const;
    void maintain();
    void dial();
    awaitable<void> connect_until_done(std::weak_ptr<bool> alive);
    void dial_failed(std::string_view problem);
    void serve_waiting();

    Loop& loop_;
    CarrierSet& set_;
    const TunnelId tunnel_;
    const plan::Neighbour neighbour_;
    const std::string egress_;
    const bool next_;
    const unsigned wanted_; // carriers that we tell a dialling neighbour to keep
    const forward::TargetPtr address_;
    NextPlace* const place_;
    const OnStream on_stream_;
    std::vector<Carrier*> usable_;
    std::size_t connecting_ = 0; // sockets and handshakes on their way
    std::deque<Outbound*> waiting_;
    std::size_t extra_ = 0; // spare carriers that the neighbour asked for
    bool failing_ = false;  // the last attempt failed and no carrier is left
    bool stopped_ = false;
    bool serving_ = false;
    Milliseconds backoff_{0};
    asio::steady_timer again_;
    bool again_waits_ = false;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

class NextPlace {
public:
    explicit NextPlace(plan::Pick pick) : pick_(pick) {}

    void set_links(std::vector<Link*> links) { links_ = std::move(links); }
    void set_pick(plan::Pick pick) { pick_ = pick; }
    // Gives it a carrier or a place in a queue. False: there is no node left to try; the caller ends it.
    bool place(Outbound& outbound);
    void forget(Outbound& outbound);
    void link_usable(); // somebody waits for any link
    void link_failed(std::deque<Outbound*> waiting);
    void tick(SteadyTime now);
    bool empty() const { return links_.empty(); }

private:
    std::vector<Link*> order();
    plan::Pick pick_;
    std::vector<Link*> links_;
    std::size_t turn_ = 0;
    std::deque<Outbound*> waiting_; // no link is healthy
};

} // namespace sluice::tunnel
