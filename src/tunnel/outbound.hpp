// A stream on its way to the next place: waits for a carrier, keeps the first bytes or datagrams until the far end is connected, and tries another node of
// the place when the path, not the target, failed before that. What it never does is to go anywhere else: without a next place it ends.
#pragma once

#include "tunnel/carrier.hpp"
#include "tunnel/line.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::tunnel {

class Link;
class NextPlace;

class Outbound final : public StreamEnd, public Line {
public:
    // `owner` is asked for bytes and hears what comes, as if it were the end of the stream itself. Both outlive the call that ends it.
    Outbound(NextPlace& place, Open open, StreamEnd& owner);
    ~Outbound() override;
    void start(SteadyTime now); // may call owner.on_end()

    // Line
    void opened() override {}
    void ready() override;
    void consumed(std::size_t bytes) override;
    bool datagram(std::span<const char> bytes) override;
    void reset(Reason reason) override;

    // For the place.
    void begin_on(Link& link, Carrier& carrier);
    void give_up(Reason reason);
    StreamKind kind() const { return open_.kind; }
    bool tried(const Link& link) const;
    SteadyTime waiting_since() const { return waiting_since_; }
    Link* waits_on = nullptr; // in this link's queue; null with `waiting`: in the place's
    bool waiting = false;

private:
    Taken take(std::span<char> into) override;
    void on_opened() override;
    void on_data(std::span<const char> bytes) override { owner_.on_data(bytes); }
    void on_datagram(std::span<const char> bytes) override { owner_.on_datagram(bytes); }
    void on_finish() override { owner_.on_finish(); }
    void on_end(Reason reason) override;
    void leave();

    NextPlace& place_;
    Open open_;                      // first_bytes: what was said before the far end is connected, for another try
    std::vector<std::string> early_; // datagrams, likewise
    StreamEnd& owner_;
    Carrier* carrier_ = nullptr;
    Link* link_ = nullptr;
    StreamId id_ = 0;
    bool opened_ = false;
    bool over_ = false;
    bool owner_finished_ = false; // within the first bytes
    std::vector<const Link*> tried_;
    SteadyTime waiting_since_{};
};

} // namespace sluice::tunnel
