#include "forward/udp_batch.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <netinet/udp.h>

namespace sluice::forward {

UdpReceiver::UdpReceiver() : arena_(std::make_unique_for_overwrite<char[]>(batch * buffer_size))
{
    for (std::size_t i = 0; i < batch; ++i) {
        vectors_[i] = {arena_.get() + i * buffer_size, buffer_size};
        headers_[i].msg_hdr.msg_iov = &vectors_[i];
        headers_[i].msg_hdr.msg_iovlen = 1;
    }
}

int UdpReceiver::receive(int socket, bool with_address, std::size_t most)
{
    for (std::size_t i = 0; i < batch; ++i) {
        auto& header = headers_[i].msg_hdr;
        header.msg_name = with_address ? &names_[i] : nullptr;
        header.msg_namelen = with_address ? sizeof names_[i] : 0;
        header.msg_control = controls_[i].bytes.data();
        header.msg_controllen = controls_[i].bytes.size();
        header.msg_flags = 0;
    }
    const int count = ::recvmmsg(socket, headers_.data(), static_cast<unsigned>(std::min(most, batch)), MSG_DONTWAIT, nullptr);
    if (count < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -1;
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
        auto& run = runs_[i];
        auto& header = headers_[i].msg_hdr;
        run = Datagrams{};
        run.data = static_cast<const char*>(vectors_[i].iov_base);
        run.length = headers_[i].msg_len;
        run.size = run.length;
        if (with_address) {
            if (auto from = Endpoint::from_sockaddr(names_[i])) run.from = *from;
        }
        for (auto* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
            if (part->cmsg_level == SOL_UDP && part->cmsg_type == UDP_GRO) {
                int size = 0;
                std::memcpy(&size, CMSG_DATA(part), sizeof size);
                if (size > 0 && static_cast<std::size_t>(size) < run.length) run.size = static_cast<std::size_t>(size);
            } else if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO) {
                in_pktinfo info{};
                std::memcpy(&info, CMSG_DATA(part), sizeof info);
                run.local = IpAddress::from_v4(ntohl(info.ipi_addr.s_addr));
                run.has_local = true;
            } else if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO) {
                in6_pktinfo info{};
                std::memcpy(&info, CMSG_DATA(part), sizeof info);
                std::array<std::uint8_t, 16> bytes{};
                std::memcpy(bytes.data(), &info.ipi6_addr, bytes.size());
                run.local = IpAddress::from_v6(bytes);
                run.has_local = true;
            }
        }
    }
    return count;
}

void UdpSender::begin(int socket, const Endpoint* to, bool socket_is_v6, const IpAddress* local, Meter counted, std::uint16_t& largest_segment)
{
    socket_ = socket;
    counted_.emplace(counted);
    largest_segment_ = &largest_segment;
    name_length_ = to != nullptr ? to->to_sockaddr(name_, socket_is_v6) : 0;
    local_ = local != nullptr ? std::optional<IpAddress>(*local) : std::nullopt;
    v6_ = socket_is_v6;
    message_count_ = piece_count_ = 0;
}

void UdpSender::add(const Datagrams& run)
{
    if (run.size == run.length || run.size <= *largest_segment_) return add_whole(run.data, run.length, run.size);
    for (std::size_t at = 0; at < run.length; at += run.size) { // the kernel joined what it will not cut again
        const auto size = std::min(run.size, run.length - at);
        add_whole(run.data + at, size, size);
    }
}

void UdpSender::add_whole(const char* data, std::size_t length, std::size_t size)
{
    const std::size_t datagrams = size == 0 ? 1 : (length + size - 1) / size;
    if (message_count_ > 0 && size > 0) {
        auto& last = messages_[message_count_ - 1];
        // A run ends with its first shorter datagram, so the last one of a message must be whole for more to follow.
        const bool whole = last.size > 0 && last.bytes % last.size == 0;
        const bool fits = whole && (size == last.size || (datagrams == 1 && size < last.size)) && last.size <= *largest_segment_ &&
                          last.datagrams + datagrams <= most_segments && last.bytes + length <= most_bytes && piece_count_ < batch;
        if (fits) {
            pieces_[piece_count_++] = {const_cast<char*>(data), length};
            ++last.pieces;
            last.bytes += length;
            last.datagrams += datagrams;
            return;
        }
    }
    if (message_count_ == batch || piece_count_ == batch) {
        flush();
        message_count_ = piece_count_ = 0;
    }
    messages_[message_count_++] = {piece_count_, 1, length, size, datagrams};
    pieces_[piece_count_++] = {const_cast<char*>(data), length};
}

void UdpSender::prepare(std::size_t index)
{
    const auto& message = messages_[index];
    auto& control = controls_[index].bytes;
    auto& header = headers_[index].msg_hdr;
    header = {};
    header.msg_name = name_length_ > 0 ? &name_ : nullptr;
    header.msg_namelen = name_length_;
    header.msg_iov = &pieces_[message.first_piece];
    header.msg_iovlen = message.pieces;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    std::size_t used = 0;
    auto* part = CMSG_FIRSTHDR(&header);
    const auto put = [&](int level, int type, const void* data, std::size_t size) {
        part->cmsg_level = level;
        part->cmsg_type = type;
        part->cmsg_len = CMSG_LEN(size);
        std::memcpy(CMSG_DATA(part), data, size);
        used += CMSG_SPACE(size);
        part = reinterpret_cast<cmsghdr*>(control.data() + used);
    };
    if (message.datagrams > 1) {
        const auto size = static_cast<std::uint16_t>(message.size);
        put(SOL_UDP, UDP_SEGMENT, &size, sizeof size);
    }
    if (local_ && !v6_) {
        in_pktinfo info{};
        std::memcpy(&info.ipi_spec_dst, local_->bytes().data(), 4);
        put(IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
    } else if (local_) {
        in6_pktinfo info{};
        sockaddr_storage mapped{};
        Endpoint{*local_, 0}.to_sockaddr(mapped, true);
        sockaddr_in6 v6{};
        std::memcpy(&v6, &mapped, sizeof v6);
        info.ipi6_addr = v6.sin6_addr;
        put(IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
    }
    header.msg_controllen = used;
    if (used == 0) header.msg_control = nullptr;
}

// sendmmsg() of the messages from `first` on; what it returns. Counts what went out.
ssize_t UdpSender::send_some(std::size_t first)
{
    std::size_t bytes = 0;
    for (std::size_t i = first; i < message_count_; ++i) bytes += messages_[i].bytes;
    ssize_t sent = 0;
    counted_->deliver(bytes, [&] {
        sent = ::sendmmsg(socket_, &headers_[first], static_cast<unsigned>(message_count_ - first), MSG_NOSIGNAL | MSG_DONTWAIT);
        std::size_t delivered = 0;
        for (ssize_t i = 0; i < sent; ++i) delivered += messages_[first + static_cast<std::size_t>(i)].bytes;
        return static_cast<ssize_t>(delivered);
    });
    return sent;
}

void UdpSender::flush()
{
    for (std::size_t i = 0; i < message_count_; ++i) prepare(i);
    std::size_t next = 0;
    bool asked_again = false;
    while (next < message_count_) {
        const auto sent = send_some(next);
        if (sent > 0) {
            next += static_cast<std::size_t>(sent);
            asked_again = false;
            continue;
        }
        const auto& message = messages_[next];
        if (errno == EINTR) continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) break; // the way out is full
        if (errno == ECONNREFUSED && name_length_ == 0 && !asked_again) {
            asked_again = true; // the error was an earlier datagram's; asking again sends this one
            continue;
        }
        asked_again = false;
        if (message.datagrams > 1 && (errno == EIO || errno == EINVAL || errno == EMSGSIZE || errno == EOPNOTSUPP)) {
            // Too large for this route, or not possible on this device at all.
            const bool only_size = (errno == EINVAL || errno == EMSGSIZE) && message.size > 1200;
            *largest_segment_ = only_size ? static_cast<std::uint16_t>(message.size - 1) : std::uint16_t{0};
            send_one_by_one(message);
        }
        ++next;
    }
    message_count_ = piece_count_ = 0;
}

void UdpSender::send_one_by_one(const Message& message)
{
    UdpSender single;
    single.socket_ = socket_;
    single.counted_.emplace(*counted_);
    single.largest_segment_ = largest_segment_;
    single.name_ = name_;
    single.name_length_ = name_length_;
    single.local_ = local_;
    single.v6_ = v6_;
    for (std::size_t i = 0; i < message.pieces; ++i) {
        const auto& piece = pieces_[message.first_piece + i];
        for (std::size_t at = 0; at < piece.iov_len; at += message.size) {
            const auto size = std::min(message.size, piece.iov_len - at);
            single.add_whole(static_cast<const char*>(piece.iov_base) + at, size, size);
        }
    }
    single.flush();
}

UdpBatch& udp_batch_of_this_thread()
{
    thread_local UdpBatch batch;
    return batch;
}

} // namespace sluice::forward
