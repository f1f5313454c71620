#include "agent/handover_text.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <thread>
#include <unistd.h>

using namespace sluice;
using namespace sluice::agent;

namespace {

int some_descriptor() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }
bool is_open(int descriptor) { return ::fcntl(descriptor, F_GETFD) >= 0; }

Inheritance some_inheritance()
{
    Inheritance what;
    what.order = 7;
    what.workers = 2;
    what.sibling = true;
    what.previous_version = "0.1.0";
    what.current_file = "sluice-0011223344556677";
    what.current_version = "0.2.0";
    what.current_sha256 = std::string(64, 'a');
    what.issued = 1'800'000'000'000;
    what.lock = some_descriptor();
    what.listeners = {{forward::Transport::tcp, *Endpoint::parse("[::]:80"), {some_descriptor(), some_descriptor()}},
                      {forward::Transport::udp, *Endpoint::parse("192.0.2.1:53"), {some_descriptor(), some_descriptor()}}};
    return what;
}

forward::HeldTraffic some_traffic()
{
    forward::HeldTraffic traffic;
    forward::HeldRelay relay;
    relay.forward = ForwardId{9};
    relay.worker = 1;
    relay.from = *Endpoint::parse("[2001:db8::1]:5000");
    relay.target_name = *HostPort::parse("example.org:443");
    relay.sniffing = true;
    relay.up = {true, false, std::string("a\n\nb\0c", 6)};
    relay.down = {false, true, "answer"};
    relay.client = some_descriptor();
    relay.target = some_descriptor();
    traffic.relays.push_back(relay);
    forward::HeldRelay young;
    young.forward = ForwardId{9};
    young.from = *Endpoint::parse("192.0.2.7:1");
    young.connecting = true;
    young.client = some_descriptor();
    traffic.relays.push_back(young);
    forward::HeldSession session;
    session.forward = ForwardId{10};
    session.client = *Endpoint::parse("192.0.2.8:2");
    session.local = *IpAddress::parse("192.0.2.1");
    session.target_name = *HostPort::parse("[2001:db8::2]:53");
    session.socket = some_descriptor();
    traffic.sessions.push_back(session);
    return traffic;
}

} // namespace

TEST_CASE("a successor reads what it inherits")
{
    const auto what = some_inheritance();
    const auto read = read_inheritance(write_inheritance(what));
    REQUIRE(read);
    CHECK(read->order == 7);
    CHECK(read->workers == 2);
    CHECK(read->sibling);
    CHECK_FALSE(read->stand_in);
    CHECK(read->previous_file == "-");
    CHECK(read->current_sha256 == what.current_sha256);
    CHECK(read->issued == what.issued);
    CHECK(read->lock == what.lock);
    REQUIRE(read->listeners.size() == 2);
    CHECK(read->listeners[1].at == what.listeners[1].at);
    CHECK(read->listeners[1].sockets == what.listeners[1].sockets);
}

TEST_CASE("connections come over with everything that was read of them")
{
    const auto traffic = some_traffic();
    const auto read = read_traffic(write_traffic(traffic));
    REQUIRE(read);
    REQUIRE(read->relays.size() == 2);
    const auto& relay = read->relays[0];
    CHECK(relay.up.left == traffic.relays[0].up.left);
    CHECK(relay.down.left == "answer");
    CHECK(relay.up.read_end);
    CHECK_FALSE(relay.up.finished);
    CHECK(relay.down.finished);
    CHECK(relay.sniffing);
    CHECK(relay.from == traffic.relays[0].from);
    CHECK(relay.target_name == traffic.relays[0].target_name);
    CHECK(relay.target == traffic.relays[0].target);
    CHECK(read->relays[1].connecting);
    CHECK(read->relays[1].target == -1);
    REQUIRE(read->sessions.size() == 1);
    CHECK(read->sessions[0].local == traffic.sessions[0].local);
    CHECK(read->sessions[0].target_name == traffic.sessions[0].target_name);
    CHECK(read_traffic(write_traffic({}))->relays.empty());
}

TEST_CASE("what is not understood is refused whole, and nothing stays open")
{
    const auto damaged = [](auto write, auto change, auto read) {
        auto parcel = write();
        change(parcel);
        const auto descriptors = parcel.descriptors;
        CHECK_FALSE(read(std::move(parcel)));
        for (const int one : descriptors) CHECK_FALSE(is_open(one));
    };
    using Parcel = HandoverChannel::Parcel;
    const auto write_one = [] { return write_inheritance(some_inheritance()); };
    damaged(write_one, [](Parcel& parcel) { parcel.text.replace(0, 17, "sluice handover 2"); }, read_inheritance);
    damaged(write_one, [](Parcel& parcel) { parcel.text += "more 1\n"; }, read_inheritance);
    damaged(write_one, [](Parcel& parcel) { parcel.descriptors.push_back(some_descriptor()); }, read_inheritance);
    damaged(
        write_one,
        [](Parcel& parcel) {
            ::close(parcel.descriptors.back());
            parcel.descriptors.pop_back();
        },
        read_inheritance);
    const auto write_other = [] { return write_traffic(some_traffic()); };
    damaged(write_other, [](Parcel& parcel) { parcel.text.pop_back(); }, read_traffic);
    damaged(write_other, [](Parcel& parcel) { parcel.text += "x"; }, read_traffic);
    damaged(write_other, [](Parcel& parcel) { parcel.text.insert(0, "stream 1 2\n"); }, read_traffic);
    damaged(write_other, [](Parcel& parcel) { parcel.descriptors.push_back(some_descriptor()); }, read_traffic);
}

TEST_CASE("parcels of any size cross between two processes, and an end is noticed")
{
    using std::chrono::steady_clock;
    const auto until = steady_clock::now() + std::chrono::seconds(60);
    auto ends = HandoverChannel::make();
    REQUIRE(ends);
    auto& [here, there] = *ends;
    std::vector<int> many;
    for (int i = 0; i < 450; ++i) many.push_back(some_descriptor());
    const std::string text(3'000'000, 'x');
    std::thread sender([&near = here, &text, &many, until] { CHECK(near.send(text, many, until)); });
    const auto parcel = there.receive(until);
    sender.join();
    REQUIRE(parcel);
    CHECK(parcel->text == text);
    CHECK(parcel->descriptors.size() == many.size());
    for (const int one : parcel->descriptors) {
        CHECK(is_open(one));
        ::close(one);
    }
    for (const int one : many) ::close(one);
    CHECK(there.receive(steady_clock::now()).error().code == Errc::timeout);
    CHECK_FALSE(there.wait_end(steady_clock::now() + std::chrono::milliseconds(1)));
    {
        const HandoverChannel gone(std::move(here));
    }
    CHECK(there.wait_end(until));
    CHECK(there.receive(until).error().code == Errc::unavailable);
}
