// This node's part in one tunnel, on one loop: its links to neighbours, and the decision what becomes of a stream that comes in. Every stream is
// checked against the plan: its tunnel, its forward, and that the neighbour is of the place before.
#pragma once

#include "forward/runtime.hpp"
#include "plan/plan.hpp"
#include "tunnel/next_place.hpp"

#include <map>
#include <memory>

namespace sluice::tunnel {

// A tunnel of the plan with what this node knows of its addresses. Shared by the loops, never changed.
struct TunnelWish {
    plan::Tunnel plan;
    std::map<ForwardId, forward::WishPtr> exits;
    std::map<HostPort, forward::TargetPtr> neighbours; // where dials go
    bool one_loop = false;                             // a next node that dials us can only be on one loop, so all of the tunnel is
};
using TunnelWishPtr = std::shared_ptr<const TunnelWish>;

class Part {
public:
    Part(Loop& loop, TunnelWishPtr wish);
    ~Part();
    Part(const Part&) = delete;
    Part& operator=(const Part&) = delete;

    void use(TunnelWishPtr wish); // what did not change is not touched; streams that lost their right are cut
    void accepted(forward::Descriptor socket);
    void tick(SteadyTime now);
    NextPlace& place() { return place_; }

private:
    void make_links();
    std::unique_ptr<Link> make_link(const plan::Neighbour& neighbour, bool next);
    void stream(Carrier& carrier, StreamId id, Open& open);
    bool may_pass(ForwardId forward) const;
    Carrier::Role role_of(const Fingerprint& key);

    Loop& loop_;
    TunnelWishPtr wish_;
    NextPlace place_;
    CarrierSet carriers_;
    std::map<Fingerprint, std::unique_ptr<Link>> previous_;
    std::map<Fingerprint, std::unique_ptr<Link>> next_;
    std::size_t strangers_ = 0; // accepted, not yet proven
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

} // namespace sluice::tunnel
