// Counters in a memory-mapped file: a store into the mapping is safe the moment it happens, whatever kills the process.
//
//   header (4096 bytes): magic "SLUICECT", version, epoch
//   slots (64 bytes each, one per forward and worker): forward id, worker, up, down, connections, bytes being sent up and down
//
// A slot is one cache line and has one writer, so counting needs no lock and no atomic read-modify-write. A kill can fall between the system
// call that delivers and the store that counts. So a worker notes what it is about to send; the next process counts that note as delivered.
// After a kill a slot is therefore never short of what was delivered, and over by at most one send.
#pragma once

#include "base/bytes.hpp"
#include "base/id.hpp"
#include "base/result.hpp"
#include "plan/report.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace sluice::forward {

// Slots from this worker number on count what is carried for a forward at a later place of a tunnel (plan::ForwardCounters::carried).
inline constexpr unsigned first_carried_slot = 2000;

struct alignas(64) Slot {
    std::int64_t forward = 0; // 0: free
    std::uint64_t worker = 0;
    std::uint64_t up = 0;
    std::uint64_t down = 0;
    std::uint64_t connections = 0;
    std::uint64_t sending_up = 0; // noted before a send, cleared after it was counted
    std::uint64_t sending_down = 0;
    std::uint64_t unused = 0;

    // By the owning worker only; readers see whole values.
    static void add(std::uint64_t& field, std::uint64_t amount)
    {
        const std::atomic_ref<std::uint64_t> shared(field);
        shared.store(shared.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
    }
    static void note(std::uint64_t& field, std::uint64_t amount) { std::atomic_ref<std::uint64_t>(field).store(amount, std::memory_order_relaxed); }
};
static_assert(sizeof(Slot) == 64);

// One direction of a slot.
struct Meter {
    std::uint64_t& counted;
    std::uint64_t& sending;

    // Calls `send`, which is about to deliver `bytes`, and counts what it says it delivered (negative: nothing).
    template <class Send>
    auto deliver(std::size_t bytes, Send&& send) const
    {
        Slot::note(sending, bytes);
        const auto sent = send();
        if (sent > 0) Slot::add(counted, static_cast<std::uint64_t>(sent));
        Slot::note(sending, 0);
        return sent;
    }
};
inline Meter up_meter(Slot& slot) { return {slot.up, slot.sending_up}; }
inline Meter down_meter(Slot& slot) { return {slot.down, slot.sending_down}; }

class CounterFile {
public:
    // Maps the file, or makes a new one with a new epoch. A file that is not ours or damaged is kept aside as NAME.damaged-N.
    // Another process may still count in it (`shared`): what it is sending is its own to count, until settle(). Errors: unavailable "counters".
    static Result<std::unique_ptr<CounterFile>> open(const std::string& path, bool shared = false);
    ~CounterFile();
    CounterFile(const CounterFile&) = delete;
    CounterFile& operator=(const CounterFile&) = delete;

    // The slot of a forward on a worker; made when missing. Stays where it is until forgotten. Errors: unavailable "counters".
    Result<Slot*> slot(ForwardId forward, unsigned worker);
    // Zeroes and frees the slots of a forward. The caller knows that no worker writes them any more.
    void forget(ForwardId forward);

    // The other process is gone: what it was sending when it ended counts as delivered. Before anything here counts.
    void settle();

    std::uint64_t epoch() const { return epoch_; }
    // Sum over workers, ascending by forward; open_connections is not known here and 0.
    std::vector<plan::ForwardCounters> snapshot() const;

private:
    CounterFile() = default;
    Result<void> grow(); // maps one more chunk
    Result<void> map_chunk(std::size_t index);
    void index_chunk(std::size_t index);
    static void count_what_was_being_sent(Slot& slot);

    int file_ = -1;
    bool shared_ = false;
    std::uint64_t epoch_ = 0;
    mutable std::mutex mutex_;  // guards everything below; never taken while counting
    std::vector<Slot*> chunks_; // each holds slots_per_chunk slots
    std::vector<Slot*> free_;
    std::unordered_map<ForwardId, std::vector<Slot*>> by_forward_;
};

} // namespace sluice::forward
