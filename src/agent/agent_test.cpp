#include "agent/agent.hpp"
#include "agent/plan_file.hpp"
#include "forward/testing.hpp"

#include <csignal>
#include <fstream>
#include <sys/resource.h>

namespace sluice::agent {

using namespace forward::testing;

namespace {

// A node's folder and its clock; starts and stops the agent.
class Node {
public:
    Node() { options_.folder = folder.file(""); }
    Agent& start()
    {
        options_.workers = 1;
        options_.clock = &clock;
        options_.retry_every = Milliseconds{20};
        agent_.reset();
        agent_ = std::move(Agent::start(options_).value());
        return *agent_;
    }
    void stop() { agent_.reset(); }
    std::string plan_path() const { return options_.folder + "/plan.json"; }

    TemporaryFolder folder;
    HeldClock clock;

private:
    AgentOptions options_;
    std::unique_ptr<Agent> agent_;
};

plan::Plan plan_for(const Server& server, std::uint64_t revision)
{
    plan::Plan plan;
    plan.revision = revision;
    plan::Forward forward;
    forward.id = ForwardId{1};
    forward.port = free_port();
    forward.tcp_address = forward.udp_address = address("127.0.0.1");
    forward.targets = {server.name()};
    plan.forwards.push_back(forward);
    return plan;
}

bool serves(const plan::Plan& plan, const Server& server)
{
    const auto client = connect_to(loopback(plan.forwards[0].port));
    if (!client) return false;
    const auto target = server.accept();
    return send_all(client, "hi") && receive(target, 2) == "hi";
}

} // namespace

TEST_CASE("a plan is made real, kept on disk and made real again at the next start without a panel")
{
    Node node;
    Server server;
    const auto plan = plan_for(server, 7);
    {
        auto& agent = node.start();
        const auto applied = agent.apply(plan);
        CHECK(applied.revision == 7);
        CHECK(applied.forwards.at(0).listening);
        CHECK(serves(plan, server));
        CHECK(load_plan(node.plan_path()).value() == plan);
    }
    auto& agent = node.start();
    CHECK(agent.applied().revision == 7);
    CHECK(agent.applied().forwards.at(0).listening);
    CHECK(serves(plan, server));
    CHECK(eventually([&] { return agent.counters().at(0).traffic.up.value == 4; })); // both lives; a target has bytes before they are counted
}

TEST_CASE("a plan that cannot be stored is not promised; what ran before goes on")
{
    Node node;
    Server server;
    const auto first = plan_for(server, 1);
    auto second = plan_for(server, 2);
    auto& agent = node.start();
    REQUIRE(agent.apply(first).revision == 1);
    // A folder in the file's place: it can be neither replaced nor written.
    std::filesystem::remove(node.plan_path());
    std::filesystem::create_directories(node.plan_path() + "/in-the-way");
    const auto applied = agent.apply(second);
    CHECK(applied.revision == 1);
    CHECK(applied.forwards.at(0).listening);
    CHECK(serves(first, server));
    CHECK_FALSE(connect_to(loopback(second.forwards[0].port)));
    std::filesystem::remove_all(node.plan_path());
    CHECK(agent.apply(second).revision == 2);
    CHECK(serves(second, server));
}

TEST_CASE("a full disk does not keep a node from the plan that it has")
{
    Node node;
    Server server;
    const auto plan = plan_for(server, 3);
    node.start().apply(plan);
    node.stop();
    // Nothing new can be written: no file may grow. The write that would be too long fails instead of killing the process.
    const auto handler = ::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    rlimit full = before;
    full.rlim_cur = 0;
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &full) == 0);
    auto& agent = node.start();
    const auto applied = agent.applied();
    const auto refused = agent.apply(plan_for(server, 4));
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
    ::signal(SIGXFSZ, handler);
    CHECK(applied.revision == 3);
    CHECK(applied.forwards.at(0).listening);
    CHECK(refused.revision == 3);
    CHECK(serves(plan, server));
    CHECK(load_plan(node.plan_path()).value() == plan);
}

TEST_CASE("a stored plan that cannot be read is left out and the next one replaces it")
{
    Node node;
    Server server;
    std::ofstream(node.plan_path()) << R"({"version":1,"revision":5,"forwards":[{"id":)";
    auto& agent = node.start();
    CHECK(agent.applied().forwards.empty());
    const auto plan = plan_for(server, 6);
    CHECK(agent.apply(plan).forwards.at(0).listening);
    CHECK(load_plan(node.plan_path()).value() == plan);
}

TEST_CASE("a forward whose port is taken listens as soon as it is free, without a new plan")
{
    Node node;
    Server server;
    const auto plan = plan_for(server, 1);
    auto& agent = node.start();
    {
        const Server taken(plan.forwards[0].port);
        const auto applied = agent.apply(plan);
        CHECK_FALSE(applied.forwards.at(0).listening);
        CHECK(applied.forwards.at(0).fault == plan::Fault::address_in_use);
        CHECK(agent.applied().forwards == applied.forwards);
    }
    CHECK(eventually([&] { return agent.applied().forwards.at(0).listening; }));
    CHECK(serves(plan, server));
}

TEST_CASE("a stopping agent takes no plan and forgets nothing")
{
    Node node;
    Server server;
    const auto plan = plan_for(server, 1);
    auto& agent = node.start();
    agent.apply(plan);
    REQUIRE(serves(plan, server));
    agent.stop(Milliseconds{0});
    agent.stop(Milliseconds{0});
    auto later = plan;
    later.revision = 2;
    CHECK(agent.apply(later).revision == 1);
    agent.forget({ForwardId{1}});
    CHECK(agent.counters().at(0).traffic.up.value == 2);
    CHECK_FALSE(connect_to(loopback(plan.forwards[0].port)));
}

TEST_CASE("a sample tells of the host and of the forwards")
{
    Node node;
    Server server;
    const auto plan = plan_for(server, 1);
    auto& agent = node.start();
    agent.apply(plan);
    const auto client = connect_to(loopback(plan.forwards[0].port));
    const auto target = server.accept();
    const auto sample = agent.sample();
    CHECK(sample.open_connections == 1);
    CHECK(sample.memory_total > 0);
    CHECK(sample.memory_used > 0);
    CHECK(sample.open_descriptors > 5);
    CHECK(sample.descriptor_limit >= sample.open_descriptors);
    CHECK(sample.uptime_seconds > 0);
    CHECK(sample.taken == node.clock.wall());
}

TEST_CASE("a node answers probes from where its traffic runs")
{
    Node node;
    Server server;
    const RefusingPort nobody;
    plan::TcpPingRequest good;
    good.target = server.name();
    good.count = 1;
    auto bad = good;
    bad.target = nobody.name();
    const auto results = node.start().probe({good, bad}, Milliseconds{30'000});
    REQUIRE(results.size() == 2);
    CHECK(results[0].success);
    CHECK_FALSE(results[1].success);
    CHECK(results[1].loss_percent == 100);
    CHECK(results[1].fault == plan::ProbeFault::refused);
}

} // namespace sluice::agent
