// Upgrades under way: gives nodes the bytes of the program that they were told to become, and hears how it goes. A node changes its connection in the middle,
// so an order belongs to the node and not to a session. Knows nothing of how a node is reached.
#pragma once

#include "base/id.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "link/messages.hpp"
#include "panel/node_gateway.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace sluice::hub {

// Thread-safe.
class Upgrades {
public:
    using Heard = std::function<void(NodeId, const plan::UpgradeState&)>; // called without a lock held
    explicit Upgrades(Heard heard) : heard_(std::move(heard)) {}
    ~Upgrades();
    Upgrades(const Upgrades&) = delete;
    Upgrades& operator=(const Upgrades&) = delete;

    // What to tell the node: link::Upgrade, or link::Rollback without an offer. Errors: conflict "upgrade.running", unavailable "upgrade.file".
    Result<link::Message> begin(NodeId node, const panel::NodeGateway::Offer* offer);
    // Ends the order, however it ended: the version that runs, or as in NodeGateway::upgrade.
    Result<std::string> wait(std::uint64_t id, std::chrono::steady_clock::time_point until);

    // From a node.
    link::Message read(NodeId node, const link::UpgradeRead& wish);
    void said(NodeId node, const plan::UpgradeState& state);
    // It has connected, and works on this order; any other one that it had will not be answered: the process that had it is gone.
    void returned(NodeId node, std::uint64_t order);

    void stop(); // nobody waits any longer

private:
    struct Order {
        NodeId node;
        int file = -1;
        std::optional<plan::UpgradeState> end; // done or failed
    };
    const Heard heard_;
    std::mutex mutex_; // guards everything below
    std::condition_variable changed_;
    std::map<std::uint64_t, Order> orders_; // each has somebody who waits
    bool stopping_ = false;
};

} // namespace sluice::hub
