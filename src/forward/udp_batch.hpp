// Batches of datagrams with recvmmsg and sendmmsg. Neighbours of equal size for one destination leave as one send that the kernel cuts
// (UDP_SEGMENT), and runs that the kernel joined (UDP_GRO) come in as one: the per-datagram cost of the network stack is most of what
// forwarding UDP costs.
#pragma once

#include "base/address.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <netinet/in.h>
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

    // Reads one batch. Returns the number of runs, 0 when nothing waits, -1 on an error (errno). Valid until the next call.
    int receive(int socket, bool with_address);
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

// Collects runs for one destination and sends them with as few calls as possible. The data must live until flush().
class UdpSender {
public:
    // What a flush delivered. Datagrams that the system refused (its buffer is full, the peer is gone) are lost, as UDP may.
    struct Sent {
        std::uint64_t bytes = 0;
    };

    // `to` null: the socket is connected. `local` null: the system chooses the source address.
    void begin(int socket, const Endpoint* to, bool socket_is_v6, const IpAddress* local, bool may_segment);
    void add(const Datagrams& run);
    Sent flush();
    bool segment_refused() const { return segment_refused_; } // this socket cannot; do not ask again

private:
    static constexpr std::size_t most_pieces = 64;
    static constexpr std::size_t most_bytes = 65000;
    void send_pieces();
    void send_message(iovec* pieces, std::size_t count, std::size_t bytes, std::size_t segment);

    int socket_ = -1;
    bool may_segment_ = true;
    bool segment_refused_ = false;
    sockaddr_storage name_{};
    socklen_t name_length_ = 0;
    bool has_local_ = false;
    IpAddress local_;
    bool v6_ = false;
    std::array<iovec, most_pieces> pieces_{};
    std::size_t count_ = 0;
    std::size_t bytes_ = 0;
    std::size_t size_ = 0;
    bool closed_ = false; // a shorter one ended the run
    Sent sent_;
};

} // namespace sluice::forward
