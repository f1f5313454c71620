#include "forward/client_book.hpp"

#include <algorithm>

namespace sluice::forward {

namespace {

IpAddress household_of(const IpAddress& address)
{
    if (!address.is_v6()) return address;
    auto bytes = address.bytes();
    std::fill(bytes.begin() + 8, bytes.end(), std::uint8_t{0});
    return IpAddress::from_v6(bytes);
}

} // namespace

ClientPtr ClientBook::add(const IpAddress& address)
{
    auto& client = clients_[address];
    if (!client) client = std::make_shared<Client>(Client{address, ++arrivals_, 0});
    ++client->open;
    return client;
}

ClientBook::Entered ClientBook::enter(const IpAddress& from, std::uint32_t most, bool replace)
{
    const auto address = household_of(from);
    const std::lock_guard lock(mutex_);
    if (clients_.contains(address) || clients_.size() < most) return {add(address), nullptr};
    if (!replace) return {};
    const auto oldest =
        std::min_element(clients_.begin(), clients_.end(), [](const auto& a, const auto& b) { return a.second->arrival < b.second->arrival; });
    auto replaced = std::move(oldest->second);
    clients_.erase(oldest);
    return {add(address), std::move(replaced)};
}

ClientPtr ClientBook::join(const IpAddress& from)
{
    const std::lock_guard lock(mutex_);
    return add(household_of(from));
}

void ClientBook::leave(const ClientPtr& client)
{
    if (!client) return;
    const std::lock_guard lock(mutex_);
    if (--client->open != 0) return;
    // One that was replaced may have come back as another.
    if (const auto found = clients_.find(client->address); found != clients_.end() && found->second == client) clients_.erase(found);
}

} // namespace sluice::forward
