#include "agent/plan_file.hpp"
#include "base/file.hpp"

#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>

namespace sluice::agent {

namespace {

plan::Plan full_plan()
{
    plan::Plan plan;
    plan.revision = 12;
    plan::Forward forward;
    forward.id = ForwardId{3};
    forward.port = 8080;
    forward.tcp_address = IpAddress::parse("127.0.0.1").value();
    forward.udp = false;
    forward.targets = {{"web.example", 80}, {"2001:db8::1", 81}};
    forward.pick = plan::Pick::least_connections;
    forward.preference = plan::IpPreference::v6;
    forward.egress_interface = "eth1";
    forward.sources = {{Cidr::parse("10.0.0.0/8").value()}, {Cidr::parse("10.1.0.0/16").value()}};
    forward.max_connections = 100;
    forward.blocks = {true, false, true};
    forward.idle_timeout = Seconds{600};
    forward.speed_limits = {plan::LimitId{4}};
    plan.speed_limits = {{plan::LimitId{4}, 125'000, 0}};
    plan.forwards.push_back(forward);
    return plan;
}

// What a released version wrote. It stays readable.
constexpr auto golden =
    R"({"forwards":[{"allow":["10.0.0.0/8"],"block_http":true,"block_socks":true,"block_tls":false,"connect_timeout":10,)"
    R"("deny":["10.1.0.0/16"],"egress_interface":"eth1","half_closed_timeout":300,"id":3,"idle_timeout":600,"max_connections":100,)"
    R"("pick":4,"port":8080,"preference":2,"speed_limits":[4],"targets":["web.example:80","[2001:db8::1]:81"],"tcp":true,"tcp_address":"127.0.0.1",)"
    R"("udp":false,"udp_address":"::","udp_idle_timeout":60}],"revision":12,"speed_limits":[{"down":0,"id":4,"up":125000}],"version":1})";

class File {
public:
    File() { REQUIRE(::mkdtemp(folder_.data()) != nullptr); }
    ~File() { std::filesystem::remove_all(folder_); }
    std::string path() const { return folder_ + "/plan.json"; }
    void write(std::string_view text) const { std::ofstream(path(), std::ios::binary) << text; }

private:
    std::string folder_ = (std::filesystem::temp_directory_path() / "sluice-plan-XXXXXX").string();
};

} // namespace

TEST_CASE("a node's part in a tunnel reads back as it was")
{
    Fingerprint key;
    key.bytes.fill(9);
    plan::Tunnel tunnel;
    tunnel.id = TunnelId{4};
    tunnel.port = 30001;
    tunnel.address = IpAddress::parse("127.0.0.1").value();
    tunnel.websocket = true;
    tunnel.pick = plan::Pick::random;
    tunnel.egress_interface = "eth0";
    tunnel.passes = {ForwardId{3}, ForwardId{8}};
    tunnel.previous.push_back({key, std::nullopt, true});
    tunnel.next.push_back({key, plan::Dial{{"proxy.example", 443}, true, true, "www.example.com", {"h2"}, "/chat"}, false});
    auto plan = full_plan();
    plan.forwards[0].tunnel = tunnel.id;
    plan.forwards[0].targets.clear();
    auto exit = full_plan().forwards[0];
    exit.port = 0;
    tunnel.exits.push_back(exit);
    plan.tunnels.push_back(tunnel);
    const File file;
    REQUIRE(store_plan(file.path(), plan));
    CHECK(load_plan(file.path()).value() == plan);

    const auto refused = [&](auto change) {
        auto wrong = plan;
        change(wrong);
        REQUIRE(store_plan(file.path(), wrong));
        return !load_plan(file.path());
    };
    CHECK(refused([](plan::Plan& wrong) { wrong.tunnels[0].next[0].dial->path = "/a b"; }));
    CHECK(refused([](plan::Plan& wrong) { wrong.tunnels[0].next[0].dial->path = "chat"; }));
    CHECK(refused([](plan::Plan& wrong) { wrong.tunnels[0].next[0].dial->server_name = "x\r\ny"; }));
    CHECK(refused([](plan::Plan& wrong) { wrong.tunnels[0].passes = {ForwardId{8}, ForwardId{3}}; }));
    CHECK(refused([](plan::Plan& wrong) { wrong.tunnels.push_back(wrong.tunnels[0]); }));
    CHECK(refused([](plan::Plan& wrong) { wrong.forwards[0].targets = {{"direct.example", 80}}; })); // one way or the other
    CHECK(refused([](plan::Plan& wrong) { wrong.forwards[0].tunnel.reset(); }));
}

TEST_CASE("a plan on disk reads back as it was, privately")
{
    const File file;
    REQUIRE(store_plan(file.path(), full_plan()));
    CHECK(load_plan(file.path()).value() == full_plan());
    CHECK((std::filesystem::status(file.path()).permissions() & std::filesystem::perms::others_all) == std::filesystem::perms::none);
    REQUIRE(store_plan(file.path(), plan::Plan{}));
    CHECK(load_plan(file.path()).value() == plan::Plan{});
}

TEST_CASE("the form on disk does not change unnoticed")
{
    const File file;
    REQUIRE(store_plan(file.path(), full_plan()));
    CHECK(read_file(file.path()).value() == golden);
    file.write(golden);
    CHECK(load_plan(file.path()).value() == full_plan());
}

TEST_CASE("no file is not a wrong file")
{
    const File file;
    const auto none = load_plan(file.path());
    REQUIRE_FALSE(none);
    CHECK(none.error().code == Errc::not_found);
}

TEST_CASE("what is not a plan is refused with the field that is wrong")
{
    const File file;
    const auto refused = [&](std::string text) {
        file.write(text);
        const auto plan = load_plan(file.path());
        REQUIRE_FALSE(plan);
        CHECK(plan.error().code == Errc::invalid);
        CHECK(plan.error().field == "plan");
        return plan.error().args.empty() ? std::string{} : plan.error().args[0];
    };
    const auto with = [&](std::string_view from, std::string_view to) {
        std::string text = golden;
        const auto at = text.find(from);
        REQUIRE(at != std::string::npos);
        return refused(text.replace(at, from.size(), to));
    };
    for (const auto* text : {"", "{", "[]", "null", "\xff\xfe", R"({"version":1})"}) refused(text);
    CHECK(with(R"("version":1)", R"("version":2)") == "version");
    CHECK(with(R"("port":8080)", R"("port":0)") == "port");
    CHECK(with(R"("port":8080)", R"("port":65536)") == "port");
    CHECK(with(R"("port":8080)", R"("port":80.5)") == "port");
    CHECK(with(R"("id":3)", R"("id":0)") == "id");
    CHECK(with(R"("id":3)", R"("id":18446744073709551615)") == "id");
    CHECK(with(R"("pick":4)", R"("pick":5)") == "pick");
    CHECK(with(R"("preference":2)", R"("preference":-1)") == "preference");
    CHECK(with(R"(["web.example:80","[2001:db8::1]:81"])", "[]") == "targets");
    CHECK(with(R"("web.example:80")", R"("web.example")") == "targets");
    CHECK(with(R"("10.0.0.0/8")", R"("10.0.0.0/33")") == "allow");
    CHECK(with(R"("tcp_address":"127.0.0.1")", R"("tcp_address":"here")") == "tcp_address");
    CHECK(with(R"("idle_timeout":600)", R"("idle_timeout":-1)") == "idle_timeout");
    with(R"("tcp":true)", R"("tcp":1)");
    with(R"("port":8080,)", "");
}

TEST_CASE("a plan without speed limits, as it was written before there were any, reads as one without")
{
    auto old = full_plan();
    old.speed_limits.clear();
    old.forwards[0].speed_limits.clear();
    std::string text = golden;
    for (const std::string part : {R"("speed_limits":[4],)", R"("speed_limits":[{"down":0,"id":4,"up":125000}],)"})
        text.erase(text.find(part), part.size());
    const File file;
    file.write(text);
    CHECK(load_plan(file.path()).value() == old);
}

TEST_CASE("caps read back as they were; one that the plan does not have is refused")
{
    auto plan = full_plan();
    plan.forwards[0].connection_cap = plan::CapId{2};
    plan.forwards[0].max_clients = 3;
    plan.forwards[0].replace_clients = true;
    plan.connection_caps = {{plan::CapId{2}, 50}};
    const File file;
    REQUIRE(store_plan(file.path(), plan));
    CHECK(load_plan(file.path()).value() == plan);
    plan.connection_caps.clear();
    REQUIRE(store_plan(file.path(), plan));
    CHECK_FALSE(load_plan(file.path()));
}

TEST_CASE("a forward with a speed limit that the plan does not have is refused")
{
    std::string text = golden;
    text.replace(text.find(R"("speed_limits":[4])"), std::string_view{R"("speed_limits":[4])"}.size(), R"("speed_limits":[5])");
    const File file;
    file.write(text);
    CHECK(load_plan(file.path()).error().code == Errc::invalid);
}

} // namespace sluice::agent
