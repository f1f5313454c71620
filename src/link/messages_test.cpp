#include "link/messages.hpp"

#include "link/frames.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::link;

namespace {

plan::Forward some_forward(std::int64_t id)
{
    plan::Forward forward;
    forward.id = ForwardId{id};
    forward.port = 8080;
    forward.targets = {{"2001:db8::1", 80}, {"example.org", 443}};
    forward.sources.deny = {*Cidr::parse("10.0.0.0/8")};
    forward.egress_interface = "eth0";
    return forward;
}

std::vector<Message> one_of_each()
{
    plan::TcpPingResult pinged;
    pinged.target = {"example.org", 443};
    pinged.success = true;
    pinged.average_ms = 12.25;
    pinged.loss_percent = 25;
    pinged.fault = plan::ProbeFault::timed_out;
    pinged.detail = "no answer";
    plan::HostSample host;
    host.taken = from_epoch_ms(1'700'000'000'123);
    host.cpu_percent = 12.5;
    host.memory_total = 1ULL << 40U;
    host.descriptor_limit = UINT64_MAX; // RLIM_INFINITY
    plan::ForwardCounters counters;
    counters.id = ForwardId{7};
    counters.epoch = UINT64_MAX - 3;
    counters.traffic = {{INT64_MAX}, {12}};
    counters.connections = 9;
    counters.open_connections = 2;
    counters.carried = {{3}, {4}};
    plan::TcpPingRequest request;
    request.target = {"::1", 22};
    request.through_listener = true;
    return {
        Hello{1, 0, "0.1.0", "amd64", {"udp"}, 9, Secret{"a token"}},
        Welcome{1, 3, NodeId{4}, "Zürich", 99},
        Refused{Refusal::token_expired},
        plan::Plan{12, {some_forward(1), some_forward(2)}, {{plan::LimitId{3}, 125'000, 0}}, {}},
        plan::Applied{12, {{ForwardId{1}, true, plan::Fault::none, ""}, {ForwardId{2}, false, plan::Fault::address_in_use, "tcp 0.0.0.0:80"}}},
        plan::Report{3, {counters}, host},
        Booked{3, {ForwardId{5}, ForwardId{6}}},
        Watch{Milliseconds{2000}},
        Probe{8, Milliseconds{5000}, {request}},
        ProbeResult{8, {pinged}},
        Upgrade{3, plan::to_text(plan::Release{"1.2.3", "amd64", 9, std::string(64, '0'), 1}), std::string(44, '\x07'), std::string(64, '\xff')},
        Rollback{4},
        UpgradeRead{3, 131'072},
        UpgradeData{3, 131'072, std::string(1000, '\0')},
        plan::UpgradeState{3, plan::UpgradeStage::failed, 40, "1.2.2", "the disk is full"},
        Ping{1},
        Pong{1},
        Goodbye{Farewell::removed},
    };
}

} // namespace

TEST_CASE("every message comes back as it was")
{
    const auto all = one_of_each();
    REQUIRE(all.size() == std::variant_size_v<Message>);
    for (const auto& message : all) {
        CAPTURE(name_of(message));
        const auto text = encode(message);
        const auto again = decode(text);
        REQUIRE(again);
        CHECK(again->index() == message.index());
        CHECK(encode(*again) == text);
    }
}

TEST_CASE("a hello without a token has none, and a token does not come back in another message")
{
    const auto hello = decode(encode(Hello{}));
    REQUIRE(hello);
    CHECK_FALSE(std::get<Hello>(*hello).token);
}

TEST_CASE("fields of a newer version are ignored, words of one mean other")
{
    const auto ping = decode(R"({"type":"ping","id":3,"colour":"green"})");
    REQUIRE(ping);
    CHECK(std::get<Ping>(*ping).id == 3);
    const auto goodbye = decode(R"({"type":"goodbye","reason":"gone_fishing"})");
    REQUIRE(goodbye);
    CHECK(std::get<Goodbye>(*goodbye).reason == Farewell::other);
    const auto applied = decode(R"({"type":"applied","revision":1,"forwards":[{"id":1,"listening":false,"fault":"moon_phase"}]})");
    REQUIRE(applied);
    CHECK(std::get<plan::Applied>(*applied).forwards[0].fault == plan::Fault::other);
}

TEST_CASE("what is malformed is refused with the field that is wrong")
{
    const std::pair<const char*, const char*> cases[] = {
        {"", "json"},
        {"[]", "json"},
        {"{}", "json"},
        {R"({"type":7})", "json"},
        {R"({"type":"exec","command":"id"})", "type"},
        {R"({"type":"ping"})", "json"},
        {R"({"type":"ping","id":-1})", "id"},
        {R"({"type":"ping","id":1.5})", "id"},
        {R"({"type":"ping","id":18446744073709551615})", "id"},
        {R"({"type":"watch","sample_every_ms":0})", "sample_every_ms"},
        {R"({"type":"report","sequence":0,"counters":[]})", "sequence"},
        {R"({"type":"report","sequence":1,"counters":[{"id":1,"epoch":1,"up":-1,"down":0,"connections":0,"open":0}]})", "up"},
        {R"({"type":"booked","sequence":1,"forgotten":[0]})", "forgotten"},
        {R"({"type":"probe","id":1,"deadline_ms":9999999,"requests":[]})", "deadline_ms"},
        {R"({"type":"plan","version":1,"revision":1,"forwards":[{}]})", "json"},
        {R"({"type":"upgrade","id":0,"release":"","key":"","signature":""})", "id"},
        {R"({"type":"upgrade","id":1,"release":"","key":"not base64!","signature":""})", "key"},
        {R"({"type":"upgrade_read","id":1,"offset":99999999999})", "offset"},
        {R"({"type":"upgrade_state","id":1,"stage":"done","percent":101,"version":"","detail":""})", "percent"},
        {R"({"type":"welcome","major":1,"minor":0,"node":0,"name":"","revision":0})", "node"},
    };
    for (const auto& [text, field] : cases) {
        CAPTURE(text);
        const auto message = decode(text);
        REQUIRE_FALSE(message);
        CHECK(message.error().code == Errc::invalid);
        CHECK(message.error().args.at(0) == field);
    }
}

TEST_CASE("no message can name a file, an address to load from or a command")
{
    // A promise of docs/SECURITY.md, kept by the list itself: whoever adds a message has to come by here. An upgrade names a release, which is bytes with a
    // hash and a signature; where they come from is not said, for it is this link.
    std::vector<std::string> names;
    for (const auto& message : one_of_each()) names.emplace_back(name_of(message));
    const std::vector<std::string> known{"hello",        "welcome",      "refused",       "plan",         "applied", "report",
                                         "booked",       "watch",        "probe",         "probe_result", "upgrade", "rollback",
                                         "upgrade_read", "upgrade_data", "upgrade_state", "ping",         "pong",    "goodbye"};
    CHECK(names == known);
}

TEST_CASE("frames come out whole however the bytes arrive")
{
    FrameReader reader(100);
    const auto bytes = frame("one") + frame("two") + frame(std::string(100, 'x'));
    std::vector<std::string> seen;
    for (const char byte : bytes) {
        reader.feed({&byte, 1});
        std::string text;
        while (reader.next(text) == FrameReader::Next::frame) seen.push_back(text);
    }
    CHECK(seen == std::vector<std::string>{"one", "two", std::string(100, 'x')});
    CHECK(reader.held() == 0);
}

TEST_CASE("an empty frame and one above the limit are broken before they are read")
{
    std::string text;
    FrameReader empty(100);
    empty.feed(std::string(4, '\0'));
    CHECK(empty.next(text) == FrameReader::Next::broken);
    FrameReader large(100);
    large.feed(frame(std::string(101, 'x')).substr(0, 4));
    CHECK(large.next(text) == FrameReader::Next::broken);
}
