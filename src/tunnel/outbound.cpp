#include "tunnel/outbound.hpp"

#include "tunnel/next_place.hpp"

#include <algorithm>
#include <array>

namespace sluice::tunnel {

namespace {

constexpr std::size_t most_early = 32; // datagrams

} // namespace

Outbound::Outbound(NextPlace& place, Open open, StreamEnd& owner) : place_(place), open_(std::move(open)), owner_(owner) {}

Outbound::~Outbound() { reset(Reason::cut); }

void Outbound::start(SteadyTime now)
{
    waiting_since_ = now;
    place_.place(*this);
}

bool Outbound::tried(const Link& link) const { return std::find(tried_.begin(), tried_.end(), &link) != tried_.end(); }

void Outbound::begin_on(Link& link, Carrier& carrier)
{
    // What the client has said by now travels with the open.
    if (open_.kind == StreamKind::tcp && open_.first_bytes.empty() && !owner_finished_) {
        std::array<char, most_first_bytes> first;
        const auto taken = owner_.take(first);
        if (over_) return;
        open_.first_bytes.assign(first.data(), taken.size);
        owner_finished_ = taken.finished;
    }
    tried_.push_back(&link);
    link_ = &link;
    carrier_ = &carrier;
    id_ = carrier.mux().open(open_, *this);
    if (id_ == 0) return on_end(Reason::overloaded);
    if (owner_finished_) carrier.mux().ready(id_);
    for (const auto& one : early_) carrier.mux().datagram(id_, one);
}

StreamEnd::Taken Outbound::take(std::span<char> into)
{
    if (opened_) return owner_.take(into);
    if (owner_finished_) return {0, true};
    const auto room = std::min(into.size(), most_first_bytes - std::min(most_first_bytes, open_.first_bytes.size()));
    if (room == 0) return {}; // on_opened() goes on
    const auto taken = owner_.take(into.first(room));
    open_.first_bytes.append(into.data(), taken.size);
    owner_finished_ = taken.finished;
    return taken;
}

void Outbound::on_opened()
{
    if (opened_) return;
    opened_ = true;
    open_.first_bytes.clear();
    open_.first_bytes.shrink_to_fit();
    early_ = {};
    owner_.on_opened();
    if (!over_) ready(); // what waited for this, and what was said between two attempts
}

void Outbound::on_end(Reason reason)
{
    carrier_ = nullptr;
    id_ = 0;
    if (!opened_ && is_paths_fault(reason)) {
        if (place_.place(*this)) return;
    }
    give_up(reason);
}

void Outbound::give_up(Reason reason)
{
    if (over_) return;
    over_ = true;
    leave();
    owner_.on_end(reason);
}

void Outbound::ready()
{
    if (id_ != 0) carrier_->mux().ready(id_);
}

void Outbound::consumed(std::size_t bytes)
{
    if (id_ != 0) carrier_->mux().consumed(id_, bytes);
}

bool Outbound::datagram(std::span<const char> bytes)
{
    if (over_) return false;
    const bool kept = !opened_ && early_.size() < most_early;
    if (kept) early_.emplace_back(bytes.data(), bytes.size());
    return id_ == 0 ? kept : carrier_->mux().datagram(id_, bytes);
}

void Outbound::reset(Reason reason)
{
    if (over_) return;
    over_ = true;
    if (id_ != 0) carrier_->mux().reset(id_, reason);
    id_ = 0;
    leave();
}

void Outbound::leave()
{
    if (waiting) place_.forget(*this);
}

} // namespace sluice::tunnel
