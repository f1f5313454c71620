#include "tunnel/middle.hpp"

namespace sluice::tunnel {

Middle::Middle(Loop& loop, TunnelId through, NextPlace& next, Mux& mux, StreamId stream, Open& open, forward::Slot& slot)
    : LiveStream(through, open.forward),
      loop_(loop),
      before_(*this, slot.up),
      after_(*this, slot.down),
      in_(mux, stream),
      out_(next, Open{open.kind, open.tunnel, open.forward, open.client, {}}, after_)
{
    before_.other = &after_;
    before_.line = &in_;
    after_.other = &before_;
    after_.line = &out_;
    forward::Slot::add(slot.up, open.first_bytes.size());
    before_.kept.push(open.first_bytes);
}

Middle::~Middle() = default;

void Middle::start() { out_.start(loop_.clock->steady()); }

void Middle::cut(Reason reason)
{
    if (over_) return;
    over_ = true;
    if (!before_.gone) in_.reset(reason);
    if (!after_.gone) out_.reset(reason);
    loop_.finished(*this);
}

// An orderly end of one half still leaves bytes for the other.
void Middle::half_gone(Half& half, Reason reason)
{
    if (over_) return;
    half.gone = true;
    const bool orderly = reason == Reason::closed && half.finished && half.other->finished;
    if (orderly && !half.other->gone) return;
    over_ = true;
    if (!half.other->gone) half.other->line->reset(reason);
    loop_.finished(*this);
}

StreamEnd::Taken Middle::Half::take(std::span<char> into)
{
    auto& from = *other;
    const auto size = from.kept.pop_into(into);
    if (size > 0 && !from.gone) from.line->consumed(size);
    return {size, from.finished && from.kept.empty()};
}

void Middle::Half::on_opened()
{
    if (!other->gone) other->line->opened();
}

void Middle::Half::on_data(std::span<const char> bytes)
{
    forward::Slot::add(counted, bytes.size());
    kept.push(bytes);
    if (!other->gone) other->line->ready();
}

void Middle::Half::on_datagram(std::span<const char> bytes)
{
    forward::Slot::add(counted, bytes.size());
    if (!other->gone) other->line->datagram(bytes);
}

void Middle::Half::on_finish()
{
    finished = true;
    if (!other->gone) other->line->ready();
}

void Middle::Half::on_end(Reason reason) { middle.half_gone(*this, reason); }

} // namespace sluice::tunnel
