#include "hub/upgrades.hpp"

#include "base/random.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace sluice::hub {

Upgrades::~Upgrades()
{
    for (auto& [id, order] : orders_) {
        if (order.file >= 0) ::close(order.file);
    }
}

Result<link::Message> Upgrades::begin(NodeId node, const panel::NodeGateway::Offer* offer)
{
    const std::lock_guard lock(mutex_);
    if (stopping_) return make_error(Errc::node_offline, "node");
    if (std::any_of(orders_.begin(), orders_.end(), [&](const auto& entry) { return entry.second.node == node; }))
        return make_error(Errc::conflict, "upgrade.running");
    Order order;
    order.node = node;
    if (offer != nullptr) {
        order.file = ::open(offer->path.c_str(), O_RDONLY | O_CLOEXEC); // the same bytes until the end, whatever happens to the name
        if (order.file < 0) return make_error(Errc::unavailable, "upgrade.file", offer->path + ": " + std::strerror(errno));
    }
    // Random: a node that speaks about an order of the panel before this one does not mean ours.
    const auto id = random_below(std::uint64_t{1} << 62U) + 1;
    orders_.emplace(id, order);
    if (offer == nullptr) return link::Message{link::Rollback{id}};
    return link::Message{link::Upgrade{id, offer->release, offer->key, offer->signature}};
}

Result<std::string> Upgrades::wait(std::uint64_t id, std::chrono::steady_clock::time_point until)
{
    std::unique_lock lock(mutex_);
    const auto found = orders_.find(id);
    if (found == orders_.end()) return make_error(Errc::internal, "upgrade");
    changed_.wait_until(lock, until, [&] { return stopping_ || found->second.end; });
    const auto order = found->second;
    orders_.erase(found);
    if (order.file >= 0) ::close(order.file);
    if (!order.end) return make_error(Errc::timeout, "node");
    if (order.end->stage == plan::UpgradeStage::done) return order.end->version;
    return make_error(Errc::unavailable, "upgrade.failed", order.end->detail, {order.end->detail});
}

link::Message Upgrades::read(NodeId node, const link::UpgradeRead& wish)
{
    link::UpgradeData data{wish.id, wish.offset, {}};
    const std::lock_guard lock(mutex_);
    const auto found = orders_.find(wish.id);
    if (found == orders_.end() || found->second.node != node || found->second.file < 0) return data;
    data.bytes.resize(link::upgrade_piece);
    const auto got = ::pread(found->second.file, data.bytes.data(), data.bytes.size(), static_cast<off_t>(wish.offset));
    data.bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return data;
}

void Upgrades::said(NodeId node, const plan::UpgradeState& state)
{
    {
        const std::lock_guard lock(mutex_);
        const auto found = orders_.find(state.id);
        if (found == orders_.end() || found->second.node != node) return; // nobody waits for it any more
        if (state.stage == plan::UpgradeStage::done || state.stage == plan::UpgradeStage::failed) {
            found->second.end = state;
            changed_.notify_all();
        }
    }
    heard_(node, state);
}

void Upgrades::returned(NodeId node, std::uint64_t order)
{
    const std::lock_guard lock(mutex_);
    for (auto& [id, one] : orders_) {
        if (one.node != node || id == order || one.end) continue;
        one.end = plan::UpgradeState{id, plan::UpgradeStage::failed, 0, {}, "the node started anew in the middle"};
    }
    changed_.notify_all();
}

void Upgrades::stop()
{
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
}

} // namespace sluice::hub
