// One TCP connection and its target's: connect, then two pumps. A pump copies through the worker's scratch buffer while exchanges are small, and
// splices through a borrowed pipe when it carries bulk.
#pragma once

#include "forward/handover.hpp"
#include "forward/runtime.hpp"
#include "forward/worker.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::forward {

enum class RelayEnd { closed, client_failed, target_failed, no_target, blocked, idle, cut };
std::string_view to_text(RelayEnd end);

class TcpRelay final : public Handler {
public:
    using OnEnd = std::function<void(TcpRelay&)>; // called once; the owner buries the relay

    TcpRelay(Worker& worker, Runtime& runtime, WishPtr wish, Descriptor client, const Endpoint& from);
    ~TcpRelay() override;

    // Begins to connect. May end at once.
    void start(OnEnd on_end);
    void cut() { end(RelayEnd::cut); }
    const Endpoint& from() const { return from_; }

    // As it is between two turns, for a successor; goes on as if nothing had been asked. Absent: it has ended, or cannot be shown.
    std::optional<HeldRelay> show();
    // Instead of start(): goes on where another process stopped.
    void take_over(HeldRelay held, TargetPtr target, OnEnd on_end);

    void on_event(int which, std::uint32_t events) override;
    void on_turn() override;
    void on_tick(SteadyTime now) override;

private:
    enum Side { client = 0, target = 1 };
    enum class State { connecting, relaying, ended };

    // One direction. `from` and `to` are sides.
    struct Pump {
        Side from = client;
        bool readable = false;
        bool writable = false;
        bool peer_closing = false; // RDHUP or HUP was seen: a short read no longer means "nothing there"
        bool finished = false;     // end of file read and passed on
        bool read_end = false;     // end of file read
        bool splicing = false;
        std::uint8_t large_reads = 0;
        std::uint8_t small_reads = 0;
        std::uint32_t left_size = 0; // bytes read but not yet written, in `left` or in `pipe`
        std::uint32_t left_at = 0;
        std::unique_ptr<char[]> left;
        Pipe pipe;
    };
    enum class Progress { blocked, again, finished, failed };

    int descriptor(Side side) const { return side == client ? client_.get() : target_.get(); }
    static Side other(Side side) { return side == client ? target : client; }
    void connect_next();
    void connected();
    bool bring_back(Pump& pump); // what is in a pipe into memory
    static HeldPump shown(const Pump& pump);
    static void take_over(Pump& pump, HeldPump held);
    bool may_read_client();
    void pump_both();
    Progress pump(Pump& pump, std::size_t& budget);
    Progress pump_on(Pump& pump, std::size_t& budget);
    Progress copy_some(Pump& pump, std::size_t& budget);
    Progress splice_some(Pump& pump, std::size_t& budget);
    Progress write_left(Pump& pump);
    static Direction direction(const Pump& pump) { return pump.from == client ? Direction::up : Direction::down; }
    const SpeedLimits& speed_limits() const { return runtime_.speed_limits[worker_.index()]; }
    bool held_back(Pump& pump, std::size_t& budget);
    Meter meter(const Pump& pump) const { return pump.from == client ? up_meter(slot_) : down_meter(slot_); }
    void failed(Side side);
    void connect_failed(int problem);
    void after_read(Pump& pump, std::size_t bytes, std::size_t asked);
    void pass_on_end(Pump& pump);
    void end(RelayEnd why);

    Worker& worker_;
    Runtime& runtime_;
    const WishPtr wish_;
    Slot& slot_;
    Descriptor client_;
    Descriptor target_;
    const Endpoint from_;
    OnEnd on_end_;
    State state_ = State::connecting;
    bool sniffing_ = false;
    bool undecided_ = false; // the client said something that may become a blocked protocol
    std::array<Source, 2> sources_{};
    std::array<Pump, 2> pumps_{};
    std::vector<Candidate> candidates_; // not yet tried, best last
    TargetPtr current_;
    SteadyTime started_; // of the connect that is under way; later of the client's first undecided bytes
    SteadyTime moved_;   // last byte or change of state
};

} // namespace sluice::forward
