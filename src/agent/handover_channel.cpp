#include "agent/handover_channel.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sluice::agent {

namespace {

constexpr std::size_t descriptors_at_once = 200; // the kernel takes 253 with a message
constexpr std::int64_t most_descriptors = 4'000'000;
constexpr off_t largest_text = off_t{1} << 32U;

Error failed(const std::string& what) { return make_error(Errc::unavailable, "handover", what); }
Error failed_with(const char* what) { return failed(std::string{what} + ": " + std::strerror(errno)); }

// A text of any size travels as a file without a name: "LENGTH-OF-DESCRIPTOR-LIST", the file, then the descriptors.
struct TextFile {
    explicit TextFile(int value) : descriptor(value) {}
    ~TextFile()
    {
        if (descriptor >= 0) ::close(descriptor);
    }
    TextFile(const TextFile&) = delete;
    TextFile& operator=(const TextFile&) = delete;

    bool write(std::string_view text) const
    {
        while (!text.empty()) {
            const auto wrote = ::write(descriptor, text.data(), text.size());
            if (wrote < 0 && errno == EINTR) continue;
            if (wrote <= 0) return false;
            text.remove_prefix(static_cast<std::size_t>(wrote));
        }
        return true;
    }
    bool read(std::string& text) const
    {
        struct stat info{};
        if (::fstat(descriptor, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size > largest_text) return false;
        text.resize(static_cast<std::size_t>(info.st_size));
        for (std::size_t have = 0; have < text.size();) {
            const auto got = ::pread(descriptor, text.data() + have, text.size() - have, static_cast<off_t>(have));
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0) return false;
            have += static_cast<std::size_t>(got);
        }
        return true;
    }
    int descriptor;
};

struct Letter {
    explicit Letter(std::string_view words) : room{}
    {
        body = {room_of(words), words.size()};
        message.msg_iov = &body;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
    }
    char* room_of(std::string_view words)
    {
        std::copy(words.begin(), words.end(), room.begin());
        return room.data();
    }
    void attach(const int* descriptors, std::size_t count)
    {
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
        auto* head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(count * sizeof(int));
        std::memcpy(CMSG_DATA(head), descriptors, count * sizeof(int));
    }
    void detach_into(std::vector<int>& descriptors)
    {
        for (auto* head = CMSG_FIRSTHDR(&message); head != nullptr; head = CMSG_NXTHDR(&message, head)) {
            if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
            const auto count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            const auto before = descriptors.size();
            descriptors.resize(before + count);
            std::memcpy(descriptors.data() + before, CMSG_DATA(head), count * sizeof(int));
        }
    }

    std::array<char, 64> room;
    iovec body{};
    msghdr message{};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(descriptors_at_once * sizeof(int))> control{};
};

} // namespace

HandoverChannel::~HandoverChannel()
{
    if (socket_ >= 0) ::close(socket_);
}

Result<std::pair<HandoverChannel, HandoverChannel>> HandoverChannel::make()
{
    int ends[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) return failed_with("socketpair");
    return std::pair{HandoverChannel{ends[0]}, HandoverChannel{ends[1]}};
}

Result<void> HandoverChannel::wait(short events, Deadline until) const
{
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
        if (left <= 0) return make_error(Errc::timeout, "handover", "no answer in time");
        pollfd one{socket_, events, 0};
        const int ready = ::poll(&one, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000)));
        if (ready > 0) return {};
        if (ready < 0 && errno != EINTR) return failed_with("poll");
    }
}

Result<void> HandoverChannel::send(std::string_view text, const std::vector<int>& descriptors, Deadline until)
{
    const TextFile file(::memfd_create("sluice-handover", MFD_CLOEXEC));
    if (file.descriptor < 0 || !file.write(text)) return failed_with("memfd");
    const auto deliver = [&](Letter& letter) -> Result<void> {
        for (;;) {
            if (::sendmsg(socket_, &letter.message, MSG_NOSIGNAL) >= 0) return {};
            if (errno == EINTR) continue;
            // Descriptors under way are limited, too; the other process takes them off.
            if (errno != EAGAIN && errno != EWOULDBLOCK && errno != ETOOMANYREFS) return failed_with("the other process is gone");
            if (auto ready = wait(POLLOUT, until); !ready) return ready;
        }
    };
    Letter first(std::to_string(descriptors.size()));
    first.attach(&file.descriptor, 1);
    if (auto sent = deliver(first); !sent) return sent;
    for (std::size_t at = 0; at < descriptors.size(); at += descriptors_at_once) {
        Letter more("+");
        more.attach(descriptors.data() + at, std::min(descriptors_at_once, descriptors.size() - at));
        if (auto sent = deliver(more); !sent) return sent;
    }
    return {};
}

Result<HandoverChannel::Parcel> HandoverChannel::receive(Deadline until)
{
    Parcel parcel;
    std::int64_t wanted = -1; // descriptors; the first letter says how many
    std::vector<int> got;
    const auto give_up = [&](Error error) {
        for (const int one : got) ::close(one);
        for (const int one : parcel.descriptors) ::close(one);
        return error;
    };
    while (wanted < 0 || parcel.descriptors.size() < static_cast<std::size_t>(wanted)) {
        if (const auto ready = wait(POLLIN, until); !ready) return give_up(ready.error());
        Letter letter("");
        letter.body.iov_len = letter.room.size();
        const auto length = ::recvmsg(socket_, &letter.message, MSG_CMSG_CLOEXEC);
        if (length < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (length <= 0) return give_up(failed("the other process is gone"));
        letter.detach_into(got);
        const std::string_view words(letter.room.data(), static_cast<std::size_t>(length));
        if ((letter.message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return give_up(failed("no descriptor left"));
        if (wanted < 0) {
            wanted = parse_int(words).value_or(-1);
            if (wanted < 0 || wanted > most_descriptors || got.size() != 1) return give_up(failed("not a parcel"));
            const TextFile file(std::exchange(got, {}).front());
            if (!file.read(parcel.text)) return give_up(failed("a parcel without a text"));
        } else {
            if (words != "+" || got.empty()) return give_up(failed("not a parcel"));
            parcel.descriptors.insert(parcel.descriptors.end(), got.begin(), got.end());
            got.clear();
        }
    }
    return parcel;
}

bool HandoverChannel::wait_end(Deadline until)
{
    while (wait(POLLIN, until)) {
        char byte = 0;
        const auto got = ::recv(socket_, &byte, 1, 0);
        if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) return true;
    }
    return false;
}

} // namespace sluice::agent
