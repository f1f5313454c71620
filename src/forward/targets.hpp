// The targets of a forward: their addresses, their health, and the order in which a new connection tries them. Only what a target itself
// does (refusing, not answering) marks it as down; nothing that a client does, and no shortage of our own.
#pragma once

#include "base/address.hpp"
#include "base/time.hpp"
#include "plan/plan.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace sluice::forward {

// Why a target is down. A refused connection says nothing about the target's datagrams; silence does.
enum class Trouble : std::uint8_t { none, refused, silent };

// Whether this errno of a connect is the target's doing. Others (ports or memory used up, a firewall here) are not held against it.
bool is_targets_doing(int problem);
Trouble trouble_of(int problem); // of a connect that failed

class Target {
public:
    Target(HostPort name, plan::IpPreference preference, std::string egress = {});

    const HostPort& name() const { return name_; }
    plan::IpPreference preference() const { return preference_; }
    const std::string& egress() const { return egress_; } // where probes leave; as in plan::Forward
    bool literal() const { return literal_; }             // an address: never resolved

    std::vector<Endpoint> addresses() const; // empty: not resolved
    void set_addresses(std::vector<Endpoint> addresses);
    bool resolve_tried() const { return resolve_tried_; }
    void mark_resolve_tried() { resolve_tried_ = true; }

    bool down() const { return trouble_.load(std::memory_order_relaxed) != Trouble::none; }
    void mark_down(Trouble why); // a connect failed: the keeper begins to look after it
    void mark_up();
    // The target's host answered a datagram with "port unreachable". There is nothing to probe with, so it is simply tried again later.
    void refused_datagram(SteadyTime now);
    bool avoid_for_datagrams(SteadyTime now) const;

    std::atomic<std::uint32_t> open{0}; // connections now, for least_connections

    // For the keeper, under its lock.
    SteadyTime next_probe{};
    SteadyTime next_resolve{};
    Milliseconds backoff{0};
    bool resolving = false;

private:
    const HostPort name_;
    const plan::IpPreference preference_;
    const std::string egress_;
    bool literal_ = false;
    mutable std::mutex mutex_; // guards addresses_; taken once per new connection, never per byte
    std::vector<Endpoint> addresses_;
    std::atomic<Trouble> trouble_{Trouble::none};
    std::atomic<SteadyTime::rep> avoid_until_{0};
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
    std::vector<Candidate> order(const IpAddress& client) const;
    // The same for a datagram session: only the best one, for datagrams give no answer that would allow a second try.
    std::vector<Candidate> order_for_datagrams(const IpAddress& client, SteadyTime now) const;
    const std::vector<TargetPtr>& all() const { return targets_; }

private:
    template <class IsDown>
    std::vector<Candidate> order_by(const IpAddress& client, std::size_t limit, IsDown is_down) const;

    std::vector<TargetPtr> targets_;
    plan::Pick pick_;
    mutable std::atomic<std::uint32_t> turn_{0};
};

} // namespace sluice::forward
