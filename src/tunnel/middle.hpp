// A place between entry and exit: what comes on one stream leaves on another. The next place is what the plan says; nothing is read of the bytes.
#pragma once

#include "tunnel/byte_queue.hpp"
#include "tunnel/next_place.hpp"

namespace sluice::tunnel {

class Middle final : public LiveStream {
public:
    Middle(Loop& loop, TunnelId tunnel, NextPlace& next, Mux& mux, StreamId stream, Open& open, forward::Slot& slot);
    ~Middle() override;
    StreamEnd& end() { return before_; }
    void start();

    void cut(Reason reason) override;
    void tick(SteadyTime) override {} // both neighbours have deadlines of their own

private:
    // One of the two streams. What it brings is kept for the other; credit goes back when the other one has taken it.
    struct Half final : StreamEnd {
        Half(Middle& of, std::uint64_t& counts) : middle(of), counted(counts) {}
        Taken take(std::span<char> into) override;
        void on_opened() override;
        void on_data(std::span<const char> bytes) override;
        void on_datagram(std::span<const char> bytes) override;
        void on_finish() override;
        void on_end(Reason reason) override;

        Middle& middle;
        std::uint64_t& counted; // what came from here
        Half* other = nullptr;
        Line* line = nullptr;
        ByteQueue kept;        // came from here, for the other
        bool finished = false; // nothing more comes from here
        bool gone = false;
    };
    void half_gone(Half& half, Reason reason);

    Loop& loop_;
    Half before_;
    Half after_;
    InLine in_;
    Outbound out_;
    bool over_ = false;
};

} // namespace sluice::tunnel
