// The targets of a forward: their addresses, their health, and the order in which a new connection tries them. Only what a target itself
// does (refusing, not answering) marks it as down; nothing that a client does.
#pragma once

#include "base/address.hpp"
#include "base/time.hpp"
#include "plan/plan.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace sluice::forward {

class Target {
public:
    Target(HostPort name, plan::IpPreference preference);

    const HostPort& name() const { return name_; }
    plan::IpPreference preference() const { return preference_; }
    bool literal() const { return literal_; } // an address: never resolved

    std::vector<Endpoint> addresses() const; // empty: not resolved
    void set_addresses(std::vector<Endpoint> addresses);
    bool resolve_tried() const { return resolve_tried_; }
    void mark_resolve_tried() { resolve_tried_ = true; }

    bool down() const { return down_.load(std::memory_order_relaxed); }
    void mark_down(); // a connect failed: the keeper begins to look after it
    void mark_up();

    std::atomic<std::uint32_t> open{0}; // connections now, for least_connections

    // For the keeper, who alone uses them.
    SteadyTime next_probe{};
    SteadyTime next_resolve{};
    Milliseconds backoff{0};

private:
    const HostPort name_;
    const plan::IpPreference preference_;
    bool literal_ = false;
    mutable std::mutex mutex_; // guards addresses_; taken once per new connection, never per byte
    std::vector<Endpoint> addresses_;
    std::atomic<bool> down_{false};
    std::atomic<bool> resolve_tried_{false};
};

using TargetPtr = std::shared_ptr<Target>;

struct Candidate {
    TargetPtr target;
    Endpoint address;
};

class TargetSet {
public:
    TargetSet(std::vector<TargetPtr> targets, plan::Pick pick) : targets_(std::move(targets)), pick_(pick) {}

    // Everything worth trying for this client, best first, at most `limit`: healthy targets in the order of the pick, then those that are down
    // (when all are down, trying is better than refusing).
    std::vector<Candidate> order(const IpAddress& client, std::size_t limit = 8) const;
    const std::vector<TargetPtr>& all() const { return targets_; }

private:
    std::vector<TargetPtr> targets_;
    plan::Pick pick_;
    mutable std::atomic<std::uint32_t> turn_{0};
};

} // namespace sluice::forward
