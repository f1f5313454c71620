// One node's conversation with the panel: the endpoint is scripted, the panel is real. Waits are for conditions with a generous deadline.
#include "hub/hub.hpp"

#include "hub/session.hpp"
#include "panel/testing.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

using namespace sluice;
using namespace sluice::hub;
using sluice::panel::testing::value_of;
using sluice::panel::testing::verdict;

namespace {

constexpr std::chrono::seconds patience{60};

template <class Condition>
bool eventually(Condition condition)
{
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds{2});
    }
    return true;
}

class ScriptedEndpoint final : public NodeEndpoint {
public:
    plan::Applied apply(const plan::Plan& plan) override
    {
        std::unique_lock lock(mutex_);
        ++applying_;
        changed_.notify_all();
        changed_.wait(lock, [this] { return !held_; });
        plans_.push_back(plan);
        if (broken_) throw std::runtime_error("scripted");
        plan::Applied applied{plan.revision, {}};
        for (const auto& forward : plan.forwards) applied.forwards.push_back({forward.id, fault_ == plan::Fault::none, fault_, "scripted"});
        return applied;
    }
    std::vector<plan::ForwardCounters> counters() override
    {
        const std::lock_guard lock(mutex_);
        return counters_;
    }
    plan::HostSample sample() override
    {
        ++samples;
        return {};
    }
    void forget(const std::vector<ForwardId>& forwards) override
    {
        const std::lock_guard lock(mutex_);
        forgotten_.insert(forgotten_.end(), forwards.begin(), forwards.end());
    }
    std::vector<plan::TcpPingResult> probe(const std::vector<plan::TcpPingRequest>& requests, Milliseconds) override
    {
        std::vector<plan::TcpPingResult> results(requests.size());
        for (std::size_t i = 0; i < requests.size(); ++i) {
            results[i].target = requests[i].target;
            results[i].success = true;
        }
        return results;
    }

    void set_held(bool held)
    {
        const std::lock_guard lock(mutex_);
        held_ = held;
        changed_.notify_all();
    }
    void set_broken(bool broken)
    {
        const std::lock_guard lock(mutex_);
        broken_ = broken;
    }
    void set_fault(plan::Fault fault)
    {
        const std::lock_guard lock(mutex_);
        fault_ = fault;
    }
    void set_counters(std::vector<plan::ForwardCounters> counters)
    {
        const std::lock_guard lock(mutex_);
        counters_ = std::move(counters);
    }
    void wait_until_applying(int times)
    {
        std::unique_lock lock(mutex_);
        REQUIRE(changed_.wait_for(lock, patience, [&] { return applying_ >= times; }));
    }
    std::vector<plan::Plan> plans() const
    {
        const std::lock_guard lock(mutex_);
        return plans_;
    }
    std::vector<ForwardId> forgotten() const
    {
        const std::lock_guard lock(mutex_);
        return forgotten_;
    }
    std::atomic<int> samples{0};

private:
    mutable std::mutex mutex_; // guards everything below
    std::condition_variable changed_;
    bool held_ = false;
    bool broken_ = false;
    int applying_ = 0;
    plan::Fault fault_ = plan::Fault::none;
    std::vector<plan::Plan> plans_;
    std::vector<plan::ForwardCounters> counters_;
    std::vector<ForwardId> forgotten_;
};

struct Exchange : panel::testing::Bench {
    NodeId node = add_node("a");
    TunnelId tunnel = add_tunnel("t", {node});
    std::shared_ptr<ScriptedEndpoint> endpoint = std::make_shared<ScriptedEndpoint>();
    std::unique_ptr<Hub> hub = std::make_unique<Hub>(panel);

    Exchange() { panel.connect(*hub); }
    ~Exchange() { hub.reset(); }

    std::uint64_t revision()
    {
        return read([&](store::ReadTx& tx) { return store::NodeTable(tx).find(node)->revision; });
    }
    std::uint64_t bump()
    {
        return write([&](store::WriteTx& tx) { return store::NodeTable(tx).bump_revision({node}).front().second; });
    }
    plan::ForwardCounters reading(ForwardId forward, std::int64_t up) { return {forward, 1, {{up}, {}}, 0, 0}; }
    bool has_event(const std::string& kind)
    {
        const auto kinds = event_kinds();
        return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
    }
};

} // namespace

TEST_CASE_FIXTURE(Exchange, "a node is online when it has applied the committed plan, and offline when it left")
{
    CHECK_FALSE(hub->online(node));
    endpoint->set_held(true);
    hub->attach(node, endpoint);
    endpoint->wait_until_applying(1);
    CHECK_FALSE(hub->online(node));
    endpoint->set_held(false);
    CHECK(eventually([&] { return hub->online(node); }));
    CHECK(endpoint->plans().front().revision == revision());
    CHECK(eventually([&] { return live.online(node); })); // told a moment later
    hub->detach(node);
    CHECK_FALSE(hub->online(node));
    CHECK_FALSE(live.online(node));
    CHECK(event_kinds() == std::vector<std::string>{"node.offline", "node.online"});
}

TEST_CASE_FIXTURE(Exchange, "a forward that a service makes is on the node when the service answers")
{
    hub->attach(node, endpoint);
    REQUIRE(eventually([&] { return hub->online(node); }));
    const auto id = make_forward(admin, tunnel, 2000);
    REQUIRE(endpoint->plans().back().forwards.size() == 1);
    CHECK(endpoint->plans().back().forwards.front().id == id);
    CHECK(value_of(panel.forwards().get(admin, id)).state == panel::ForwardState::listening);
}

TEST_CASE_FIXTURE(Exchange, "who waits for a revision gets the answer of that plan or a newer one")
{
    hub->attach(node, endpoint);
    const auto wanted = bump();
    const auto applied = value_of(hub->converge(node, wanted, patience));
    CHECK(applied.revision >= wanted);
}

TEST_CASE_FIXTURE(Exchange, "waiting ends with the deadline, and at once for a node that is not there")
{
    CHECK(verdict(hub->converge(node, 1, patience)) == "node_offline node");
    endpoint->set_held(true);
    hub->attach(node, endpoint);
    CHECK(verdict(hub->converge(node, 1, Milliseconds{20})) == "timeout node");
    endpoint->set_held(false);
}

TEST_CASE_FIXTURE(Exchange, "who waits hears it when the node leaves")
{
    hub->attach(node, endpoint);
    REQUIRE(eventually([&] { return hub->online(node); }));
    endpoint->set_broken(true);
    auto waiting = std::async(std::launch::async, [&] { return verdict(hub->converge(node, bump(), patience)); });
    endpoint->wait_until_applying(2);
    hub->detach(node);
    CHECK(waiting.get() == "node_offline node");
}

TEST_CASE_FIXTURE(Exchange, "changes that come while a plan is applied are one plan, the newest")
{
    endpoint->set_held(true);
    hub->attach(node, endpoint);
    endpoint->wait_until_applying(1);
    std::uint64_t newest = 0;
    for (int i = 0; i < 50; ++i) {
        newest = bump();
        hub->plan_changed(std::vector{node});
    }
    endpoint->set_held(false);
    CHECK(value_of(hub->converge(node, newest, patience)).revision == newest);
    CHECK(endpoint->plans().size() == 2);
}

TEST_CASE_FIXTURE(Exchange, "a node that returns gets what was changed while it was away")
{
    hub->attach(node, endpoint);
    REQUIRE(eventually([&] { return hub->online(node); }));
    hub->detach(node);
    const auto newest = bump();
    const auto returned = std::make_shared<ScriptedEndpoint>();
    hub->attach(node, returned);
    CHECK(eventually([&] { return hub->online(node); }));
    CHECK(returned->plans().front().revision == newest);
}

TEST_CASE_FIXTURE(Exchange, "a second connection of a node replaces the first")
{
    hub->attach(node, endpoint);
    REQUIRE(eventually([&] { return hub->online(node); }));
    const auto second = std::make_shared<ScriptedEndpoint>();
    hub->attach(node, second);
    const auto wanted = bump();
    value_of(hub->converge(node, wanted, patience));
    CHECK(second->plans().back().revision == wanted);
    CHECK(endpoint->plans().back().revision < wanted);
}

TEST_CASE_FIXTURE(Exchange, "counters are booked every second, once, and a deleted forward is forgotten when it rests")
{
    hub->attach(node, endpoint);
    REQUIRE(eventually([&] { return hub->online(node); }));
    const auto id = make_forward(admin, tunnel, 2000);
    const auto used = [&] { return user(admin.user).used.up.value; };
    endpoint->set_counters({reading(id, 100)});
    clock.advance(Seconds{1});
    CHECK(eventually([&] { return used() == 100; }));
    value_of(panel.forwards().remove(admin, id));
    endpoint->set_counters({reading(id, 130)});
    CHECK(eventually([&] {
        clock.advance(Seconds{1});
        return used() == 130;
    }));
    CHECK(eventually([&] {
        clock.advance(Seconds{1});
        const auto forgotten = endpoint->forgotten();
        return std::find(forgotten.begin(), forgotten.end(), id) != forgotten.end();
    }));
}

TEST_CASE_FIXTURE(Exchange, "leaving books what was counted last")
{
    hub->attach(node, endpoint);
    REQUIRE(eventually([&] { return hub->online(node); }));
    const auto id = make_forward(admin, tunnel, 2000);
    endpoint->set_counters({reading(id, 77)});
    hub->detach_all();
    CHECK(user(admin.user).used.up.value == 77);
}

TEST_CASE_FIXTURE(Exchange, "an endpoint that throws ends neither its session nor the panel")
{
    endpoint->set_broken(true);
    hub->attach(node, endpoint);
    endpoint->wait_until_applying(1);
    CHECK_FALSE(hub->online(node));
    endpoint->set_broken(false);
    CHECK(verdict(hub->converge(node, bump(), patience)) == "ok");
    CHECK(hub->online(node));
}

TEST_CASE_FIXTURE(Exchange, "a plan that could not be applied is tried again, without anybody changing anything")
{
    endpoint->set_broken(true);
    hub->attach(node, endpoint);
    endpoint->wait_until_applying(1);
    endpoint->set_broken(false);
    CHECK(eventually([&] {
        clock.advance(Session::retry_every);
        return hub->online(node);
    }));
}

TEST_CASE_FIXTURE(Exchange, "what begins to fail and what works again is an event each, once")
{
    hub->attach(node, endpoint);
    REQUIRE(eventually([&] { return hub->online(node); }));
    make_forward(admin, tunnel, 2000);
    endpoint->set_fault(plan::Fault::address_in_use);
    value_of(hub->converge(node, bump(), patience));
    value_of(hub->converge(node, bump(), patience));
    CHECK(eventually([&] { return has_event("forward.failed"); }));
    endpoint->set_fault(plan::Fault::none);
    value_of(hub->converge(node, bump(), patience));
    CHECK(eventually([&] { return has_event("forward.works"); }));
    const auto kinds = event_kinds();
    CHECK(std::count(kinds.begin(), kinds.end(), "forward.failed") == 1);
}

TEST_CASE_FIXTURE(Exchange, "a forward that comes to work by itself is seen to work, without anybody changing anything")
{
    hub->attach(node, endpoint);
    REQUIRE(eventually([&] { return hub->online(node); }));
    make_forward(admin, tunnel, 2000);
    endpoint->set_fault(plan::Fault::address_in_use);
    value_of(hub->converge(node, bump(), patience));
    CHECK(eventually([&] { return has_event("forward.failed"); }));
    endpoint->set_fault(plan::Fault::none);
    CHECK(eventually([&] {
        clock.advance(Session::retry_every);
        return has_event("forward.works");
    }));
}

TEST_CASE_FIXTURE(Exchange, "hosts are sampled once a minute, and every two seconds while somebody watches")
{
    hub->attach(node, endpoint);
    REQUIRE(eventually([&] { return endpoint->samples >= 1; }));
    const int first = endpoint->samples;
    clock.advance(Seconds{60});
    CHECK(eventually([&] { return endpoint->samples == first + 1; }));
    const int handle = live.subscribe([](const panel::LiveEvent&) {});
    CHECK(eventually([&] {
        clock.advance(Seconds{2});
        return endpoint->samples >= first + 3;
    }));
    live.unsubscribe(handle);
}

TEST_CASE_FIXTURE(Exchange, "probes are answered in the order of the jobs, offline nodes among them")
{
    hub->attach(node, endpoint);
    const auto away = add_node("b");
    const auto job = [](NodeId at, const char* host) {
        panel::NodeGateway::ProbeJob made;
        made.node = at;
        made.request.target = {host, 80};
        return made;
    };
    const auto answers = hub->probe({job(node, "one"), job(away, "two"), job(node, "three")}, patience);
    REQUIRE(answers.size() == 3);
    CHECK(answers[0]->target.host == "one");
    CHECK(answers[1].error().code == Errc::node_offline);
    CHECK(answers[2]->target.host == "three");
}
