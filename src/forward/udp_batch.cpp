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

int UdpReceiver::receive(int socket, bool with_address)
{
    for (std::size_t i = 0; i < batch; ++i) {
        auto& header = headers_[i].msg_hdr;
        header.msg_name = with_address ? &names_[i] : nullptr;
        header.msg_namelen = with_address ? sizeof names_[i] : 0;
        header.msg_control = controls_[i].bytes.data();
        header.msg_controllen = controls_[i].bytes.size();
        header.msg_flags = 0;
    }
    const int count = ::recvmmsg(socket, headers_.data(), batch, MSG_DONTWAIT, nullptr);
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

void UdpSender::begin(int socket, const Endpoint* to, bool socket_is_v6, const IpAddress* local, bool may_segment)
{
    socket_ = socket;
    may_segment_ = may_segment;
    segment_refused_ = false;
    name_length_ = to != nullptr ? to->to_sockaddr(name_, socket_is_v6) : 0;
    has_local_ = local != nullptr;
    if (has_local_) local_ = *local;
    v6_ = socket_is_v6;
    count_ = bytes_ = size_ = 0;
    closed_ = false;
    sent_ = {};
}

void UdpSender::add(const Datagrams& run)
{
    std::size_t at = 0;
    do {
        const auto size = std::min(run.size, run.length - at);
        const bool fits = count_ > 0 && !closed_ && may_segment_ && size > 0 && size <= size_ && count_ < most_pieces && bytes_ + size <= most_bytes;
        if (count_ > 0 && !fits) send_pieces();
        if (count_ == 0) size_ = size;
        pieces_[count_++] = {const_cast<char*>(run.data) + at, size};
        bytes_ += size;
        closed_ = size < size_;
        at += size;
    } while (at < run.length);
}

UdpSender::Sent UdpSender::flush()
{
    if (count_ > 0) send_pieces();
    return sent_;
}

void UdpSender::send_pieces()
{
    const auto count = count_;
    const auto bytes = bytes_;
    count_ = bytes_ = 0;
    closed_ = false;
    if (count > 1 && may_segment_) {
        send_message(pieces_.data(), count, bytes, size_);
        if (!segment_refused_) return;
        may_segment_ = false;
    }
    for (std::size_t i = 0; i < count; ++i) send_message(&pieces_[i], 1, pieces_[i].iov_len, 0);
}

void UdpSender::send_message(iovec* pieces, std::size_t count, std::size_t bytes, std::size_t segment)
{
    alignas(cmsghdr) std::array<char, 128> control{};
    msghdr message{};
    message.msg_name = name_length_ > 0 ? &name_ : nullptr;
    message.msg_namelen = name_length_;
    message.msg_iov = pieces;
    message.msg_iovlen = count;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    std::size_t used = 0;
    auto* part = CMSG_FIRSTHDR(&message);
    const auto put = [&](int level, int type, const void* data, std::size_t size) {
        part->cmsg_level = level;
        part->cmsg_type = type;
        part->cmsg_len = CMSG_LEN(size);
        std::memcpy(CMSG_DATA(part), data, size);
        used += CMSG_SPACE(size);
        part = CMSG_NXTHDR(&message, part);
    };
    if (segment > 0) {
        const auto size = static_cast<std::uint16_t>(segment);
        put(SOL_UDP, UDP_SEGMENT, &size, sizeof size);
    }
    if (has_local_ && !v6_) {
        in_pktinfo info{};
        const auto& address = local_.bytes();
        std::memcpy(&info.ipi_spec_dst, address.data(), 4);
        put(IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
    } else if (has_local_) {
        in6_pktinfo info{};
        sockaddr_storage mapped{};
        Endpoint{local_, 0}.to_sockaddr(mapped, true);
        sockaddr_in6 v6{};
        std::memcpy(&v6, &mapped, sizeof v6);
        info.ipi6_addr = v6.sin6_addr;
        put(IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
    }
    message.msg_controllen = used;
    if (used == 0) message.msg_control = nullptr;
    ssize_t wrote = 0;
    do {
        wrote = ::sendmsg(socket_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (wrote < 0 && errno == EINTR);
    if (wrote >= 0) {
        sent_.bytes += bytes;
    } else if (segment > 0 && (errno == EIO || errno == EINVAL || errno == EMSGSIZE || errno == EOPNOTSUPP)) {
        segment_refused_ = true;
    } else if (segment == 0 && errno == ECONNREFUSED && name_length_ == 0) {
        // An earlier datagram was refused; the error was about that one, and asking again sends this one.
        wrote = ::sendmsg(socket_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (wrote >= 0) sent_.bytes += bytes;
    }
}

} // namespace sluice::forward
