// A stream as its end on this node uses it, whichever side opened it.
#pragma once

#include "tunnel/mux.hpp"

#include <cstddef>
#include <span>

namespace sluice::tunnel {

class Line {
public:
    virtual ~Line() = default;
    virtual void opened() = 0;                              // the target is connected; of a stream that came in
    virtual void ready() = 0;                               // take() would give something
    virtual void consumed(std::size_t bytes) = 0;           // of what on_data() gave
    virtual bool datagram(std::span<const char> bytes) = 0; // false: dropped
    virtual void reset(Reason reason) = 0;                  // no call comes back after it
};

// A stream that a neighbour opened.
class InLine final : public Line {
public:
    InLine(Mux& mux, StreamId id) : mux_(&mux), id_(id) {}
    void opened() override { mux_->opened(id_); }
    void ready() override { mux_->ready(id_); }
    void consumed(std::size_t bytes) override { mux_->consumed(id_, bytes); }
    bool datagram(std::span<const char> bytes) override { return mux_->datagram(id_, bytes); }
    void reset(Reason reason) override { mux_->reset(id_, reason); }

private:
    Mux* mux_; // lives until it called the end's on_end(), after which nothing here is called
    StreamId id_;
};

} // namespace sluice::tunnel
