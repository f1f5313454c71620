// Batches of datagrams with recvmmsg and sendmmsg. Neighbours of equal size for one destination leave as one send that the kernel cuts
// (UDP_SEGMENT), and runs that the kernel joined (UDP_GRO) come in as one: the per-datagram cost of the network stack is most of what
// forwarding UDP costs.
#pragma once

#include "base/address.hpp"
#include "forward/counters.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <netinet/in.h>
#include <optional>
#include <sys/socket.h>
#include <sys/uio.h>

namespace sluice::forward {

// A run of datagrams: `size` bytes each (the last may be shorter), `length` in all.
struct Datagrams {
    const char* data = nullptr;
    std::size_t length = 0;
    std::size_t size = 0; // of one; equals length for a single one
    Endpoint from;        // peer, on unconnected sockets
    IpAddress local;      // address it was sent to, on sockets with packet info; unspecified otherwise
    bool has_local = false;
};

class UdpReceiver {
public:
    static constexpr std::size_t batch = 32;
    UdpReceiver();

    // Reads one batch of at most `most` runs. Returns the number of runs, 0 when nothing waits, -1 on an error (errno). Valid until the next call.
    int receive(int socket, bool with_address, std::size_t most = batch);
    const Datagrams& operator[](std::size_t index) const { return runs_[index]; }

private:
    static constexpr std::size_t buffer_size = 65536;
    struct Control {
        alignas(cmsghdr) std::array<char, 128> bytes;
    };
    std::unique_ptr<char[]> arena_;
    std::array<mmsghdr, batch> headers_{};
    std::array<iovec, batch> vectors_{};
    std::array<sockaddr_storage, batch> names_{};
    std::array<Control, batch> controls_{};
    std::array<Datagrams, batch> runs_{};
};

// Collects runs for one destination and sends them with as few calls as possible. Datagrams that the system refuses (its buffer is full, the
// peer is gone) are lost, as UDP may. The data must live until flush(). Used by one thread.
class UdpSender {
public:
    // Largest datagram that may be sent in a run. Lowered by what the system refuses; belongs to a socket and outlives its batches.
    static constexpr std::uint16_t any_segment = 65507;

    // `to` null: the socket is connected. `local` null: the system chooses the source address. `counted` and `largest_segment` live until flush().
    void begin(int socket, const Endpoint* to, bool socket_is_v6, const IpAddress* local, Meter counted, std::uint16_t& largest_segment);
    void add(const Datagrams& run);
    void flush();

private:
    static constexpr std::size_t most_segments = 64; // that the kernel cuts
    static constexpr std::size_t most_bytes = 65507; // of one send
    static constexpr std::size_t batch = 64;

    // One send: datagrams of `size` bytes, the last may be shorter.
    struct Message {
        std::size_t first_piece = 0;
        std::size_t pieces = 0;
        std::size_t bytes = 0;
        std::size_t size = 0;
        std::size_t datagrams = 0;
    };

    void add_whole(const char* data, std::size_t length, std::size_t size);
    void prepare(std::size_t index);
    void send_one_by_one(const Message& message);
    ssize_t send_some(std::size_t first);

    int socket_ = -1;
    std::optional<Meter> counted_;
    std::uint16_t* largest_segment_ = nullptr;
    sockaddr_storage name_{};
    socklen_t name_length_ = 0;
    std::optional<IpAddress> local_;
    bool v6_ = false;
    std::size_t message_count_ = 0;
    std::size_t piece_count_ = 0;
    std::array<Message, batch> messages_{};
    std::array<iovec, batch> pieces_{};
    std::array<mmsghdr, batch> headers_{};
    struct Control {
        alignas(cmsghdr) std::array<char, 64> bytes;
    };
    std::array<Control, batch> controls_{};
};

// What a thread needs to move datagrams; 2 MB of buffers, so all listeners of a worker share it.
struct UdpBatch {
    UdpReceiver receiver;
    UdpSender sender;
};
UdpBatch& udp_batch_of_this_thread();

} // namespace sluice::forward
