#include "agent/handover_text.hpp"

#include "base/text.hpp"

#include <optional>
#include <string_view>
#include <unistd.h>
#include <utility>

namespace sluice::agent {

namespace {

using forward::HeldListener;
using forward::HeldRelay;
using forward::HeldSession;
using forward::HeldTraffic;
using forward::Transport;

constexpr std::string_view first_line = "sluice handover 1";

// Takes descriptors off a parcel in order; closes what nobody took.
class Descriptors {
public:
    explicit Descriptors(std::vector<int> all) : all_(std::move(all)) {}
    ~Descriptors()
    {
        for (std::size_t i = next_; i < all_.size(); ++i) ::close(all_[i]);
    }
    Descriptors(const Descriptors&) = delete;
    Descriptors& operator=(const Descriptors&) = delete;

    std::optional<int> next()
    {
        if (next_ == all_.size()) return std::nullopt;
        return all_[next_++];
    }
    bool all_taken() const { return next_ == all_.size(); }
    void take_back() { next_ = 0; }

private:
    std::vector<int> all_;
    std::size_t next_ = 0;
};

Error not_understood(std::string_view line) { return make_error(Errc::invalid, "handover", "not understood: " + std::string{line.substr(0, 200)}); }

template <class T>
bool read_number(std::string_view text, T& into)
{
    const auto value = parse_int(text);
    if (!value || *value < 0) return false;
    into = static_cast<T>(*value);
    return static_cast<std::int64_t>(into) == *value;
}

bool read_listener(const std::vector<std::string_view>& words, Descriptors& descriptors, HeldListener& listener)
{
    std::size_t count = 0;
    const auto at = words.size() == 4 ? Endpoint::parse(words[2]) : make_error(Errc::invalid, "handover");
    if (!at || (words[1] != "tcp" && words[1] != "udp") || !read_number(words[3], count)) return false;
    listener.transport = words[1] == "tcp" ? Transport::tcp : Transport::udp;
    listener.at = *at;
    for (std::size_t i = 0; i < count; ++i) {
        const auto socket = descriptors.next();
        if (!socket) return false;
        listener.sockets.push_back(*socket);
    }
    return true;
}

std::string flags_of(const HeldRelay& relay)
{
    std::string flags;
    const auto add = [&](bool wanted, char flag) {
        if (wanted) flags += flag;
    };
    add(relay.connecting, 'c');
    add(relay.sniffing, 's');
    add(relay.target < 0, 'n');
    add(relay.up.read_end, 'r');
    add(relay.up.finished, 'f');
    add(relay.down.read_end, 'R');
    add(relay.down.finished, 'F');
    return flags.empty() ? "-" : flags;
}

bool read_relay(const std::vector<std::string_view>& words, Descriptors& descriptors, std::string_view& bytes, HeldRelay& relay)
{
    if (words.size() != 8) return false;
    const auto from = Endpoint::parse(words[3]);
    const auto target = HostPort::parse(words[4]);
    std::size_t up = 0;
    std::size_t down = 0;
    if (!from || (!target && words[4] != "-") || !read_number(words[1], relay.forward.value) || !read_number(words[2], relay.worker)) return false;
    if (!read_number(words[6], up) || !read_number(words[7], down) || up > bytes.size() || down > bytes.size() - up) return false;
    const auto flag = [&](char one) { return words[5].find(one) != std::string_view::npos; };
    if (words[5].find_first_not_of("-csnrfRF") != std::string_view::npos) return false;
    relay.from = *from;
    if (target) relay.target_name = *target;
    relay.connecting = flag('c');
    relay.sniffing = flag('s');
    relay.up = {flag('r'), flag('f'), std::string{bytes.substr(0, up)}};
    relay.down = {flag('R'), flag('F'), std::string{bytes.substr(up, down)}};
    bytes.remove_prefix(up + down);
    const auto client = descriptors.next();
    if (!client) return false;
    relay.client = *client;
    if (flag('n')) return relay.connecting; // whoever relays has both
    const auto socket = descriptors.next();
    if (!socket) return false;
    relay.target = *socket;
    return true;
}

bool read_session(const std::vector<std::string_view>& words, Descriptors& descriptors, HeldSession& session)
{
    if (words.size() != 6) return false;
    const auto client = Endpoint::parse(words[3]);
    const auto target = HostPort::parse(words[5]);
    if (!client || !target || !read_number(words[1], session.forward.value) || !read_number(words[2], session.worker)) return false;
    if (words[4] != "-") {
        const auto local = IpAddress::parse(words[4]);
        if (!local) return false;
        session.local = *local;
    }
    session.client = *client;
    session.target_name = *target;
    const auto socket = descriptors.next();
    if (!socket) return false;
    session.socket = *socket;
    return true;
}

std::string_view next_line(std::string_view& text)
{
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    return line;
}

} // namespace

HandoverChannel::Parcel write_inheritance(const Inheritance& what)
{
    HandoverChannel::Parcel parcel;
    auto& text = parcel.text;
    text = std::string{first_line} + "\norder " + std::to_string(what.order) + "\nworkers " + std::to_string(what.workers) + "\nparent " +
           (what.stand_in  ? "stand_in"
            : what.sibling ? "sibling"
                           : "service") +
           "\nprevious " + what.previous_file + " " + what.previous_version + " " + what.previous_sha256 + "\ncurrent " + what.current_file + " " +
           what.current_version + " " + what.current_sha256 + " " + std::to_string(what.issued) + "\n";
    parcel.descriptors.push_back(what.lock);
    for (const auto& listener : what.listeners) {
        text += std::string{"listen "} + (listener.transport == Transport::tcp ? "tcp " : "udp ") + listener.at.to_text() + " " +
                std::to_string(listener.sockets.size()) + "\n";
        parcel.descriptors.insert(parcel.descriptors.end(), listener.sockets.begin(), listener.sockets.end());
    }
    return parcel;
}

Result<Inheritance> read_inheritance(HandoverChannel::Parcel parcel)
{
    Descriptors descriptors(std::move(parcel.descriptors));
    Inheritance what;
    std::string_view text = parcel.text;
    if (const auto line = next_line(text); line != first_line) return not_understood(line);
    const auto lock = descriptors.next();
    if (!lock) return not_understood("no lock");
    what.lock = *lock;
    while (!text.empty()) {
        const auto line = next_line(text);
        const auto words = split(line, ' ');
        bool good = false;
        if (words[0] == "order" && words.size() == 2) {
            good = read_number(words[1], what.order);
        } else if (words[0] == "workers" && words.size() == 2) {
            good = read_number(words[1], what.workers) && what.workers > 0;
        } else if (words[0] == "parent" && words.size() == 2) {
            what.stand_in = words[1] == "stand_in";
            what.sibling = words[1] == "sibling";
            good = true;
        } else if (words[0] == "previous" && words.size() == 4) {
            what.previous_file = words[1];
            what.previous_version = words[2];
            what.previous_sha256 = words[3];
            good = true;
        } else if (words[0] == "current" && words.size() == 5) {
            what.current_file = words[1];
            what.current_version = words[2];
            what.current_sha256 = words[3];
            good = read_number(words[4], what.issued);
        } else if (words[0] == "listen") {
            HeldListener listener;
            good = read_listener(words, descriptors, listener);
            what.listeners.push_back(std::move(listener));
        }
        if (good) continue;
        descriptors.take_back();
        return not_understood(line);
    }
    if (descriptors.all_taken() && what.workers > 0) return what;
    descriptors.take_back();
    return not_understood("the number of descriptors");
}

HandoverChannel::Parcel write_traffic(const HeldTraffic& traffic)
{
    HandoverChannel::Parcel parcel;
    std::string bytes;
    for (const auto& relay : traffic.relays) {
        parcel.text += "relay " + std::to_string(relay.forward.value) + " " + std::to_string(relay.worker) + " " + relay.from.to_text() + " " +
                       (relay.target_name.host.empty() ? "-" : relay.target_name.to_text()) + " " + flags_of(relay) + " " +
                       std::to_string(relay.up.left.size()) + " " + std::to_string(relay.down.left.size()) + "\n";
        bytes += relay.up.left;
        bytes += relay.down.left;
        parcel.descriptors.push_back(relay.client);
        if (relay.target >= 0) parcel.descriptors.push_back(relay.target);
    }
    for (const auto& session : traffic.sessions) {
        parcel.text += "session " + std::to_string(session.forward.value) + " " + std::to_string(session.worker) + " " + session.client.to_text() +
                       " " + (session.local ? session.local->to_text() : "-") + " " + session.target_name.to_text() + "\n";
        parcel.descriptors.push_back(session.socket);
    }
    parcel.text += "\n" + bytes;
    return parcel;
}

Result<HeldTraffic> read_traffic(HandoverChannel::Parcel parcel)
{
    Descriptors descriptors(std::move(parcel.descriptors));
    HeldTraffic traffic;
    std::string_view text = parcel.text;
    const auto gap = text.rfind("\n", 0) == 0 ? 0 : text.find("\n\n");
    if (gap == std::string_view::npos) return not_understood("no end of lines");
    auto bytes = text.substr(gap + (gap == 0 ? 1 : 2));
    text = text.substr(0, gap);
    while (!text.empty()) {
        const auto line = next_line(text);
        const auto words = split(line, ' ');
        HeldRelay relay;
        HeldSession session;
        if (words[0] == "relay" && read_relay(words, descriptors, bytes, relay)) {
            traffic.relays.push_back(std::move(relay));
        } else if (words[0] == "session" && read_session(words, descriptors, session)) {
            traffic.sessions.push_back(std::move(session));
        } else {
            descriptors.take_back();
            return not_understood(line);
        }
    }
    if (bytes.empty() && descriptors.all_taken()) return traffic;
    descriptors.take_back();
    return not_understood("what follows the last line");
}

} // namespace sluice::agent
