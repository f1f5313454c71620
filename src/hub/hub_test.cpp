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
#include <optional>
#include <thread>
#include <utility>

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

// A node that answers plans from a thread of its own and says what the test makes it say.
class ScriptedEndpoint final : public NodeEndpoint, public std::enable_shared_from_this<ScriptedEndpoint> {
public:
    ~ScriptedEndpoint() override { stop(); }

    void attach_to(Hub& hub, NodeId node)
    {
        auto session = hub.attach(node, shared_from_this());
        const std::lock_guard lock(mutex_);
        session_ = session;
        thread_ = std::thread([this, session] { run(*session); });
    }
    void apply(plan::Plan plan) override
    {
        const std::lock_guard lock(mutex_);
        asked_.push_back(std::move(plan));
        ++applying_;
        changed_.notify_all();
    }
    void booked(std::uint64_t sequence, std::vector<ForwardId> forgotten) override
    {
        const std::lock_guard lock(mutex_);
        booked_ = std::max(booked_, sequence);
        forgotten_.insert(forgotten_.end(), forgotten.begin(), forgotten.end());
    }
    void watch(Milliseconds sample_every) override { sample_every_ms = static_cast<int>(sample_every.count()); }
    void probe(std::vector<plan::TcpPingRequest> requests, Milliseconds, Probed done) override
    {
        std::vector<plan::TcpPingResult> results(requests.size());
        for (std::size_t i = 0; i < requests.size(); ++i) {
            results[i].target = requests[i].target;
            results[i].success = true;
        }
        done(std::move(results));
    }
    void dismiss(link::Farewell reason) override
    {
        dismissed = reason;
        stop();
        std::shared_ptr<Session> session;
        std::optional<plan::Report> last;
        {
            const std::lock_guard lock(mutex_);
            session = std::exchange(session_, nullptr); // they hold each other
            last = std::exchange(last_words_, std::nullopt);
        }
        if (last && session) session->reported(*last);
    }

    void report(std::vector<plan::ForwardCounters> counters, std::optional<plan::HostSample> host = {})
    {
        std::shared_ptr<Session> session;
        plan::Report report;
        {
            const std::lock_guard lock(mutex_);
            session = session_;
            report = {++sequence_, std::move(counters), host};
        }
        session->reported(report);
    }
    void say_last(std::vector<plan::ForwardCounters> counters)
    {
        const std::lock_guard lock(mutex_);
        last_words_ = plan::Report{++sequence_, std::move(counters), {}};
    }
    void answer_again() { apply(plans().back()); }
    void set_held(bool held)
    {
        const std::lock_guard lock(mutex_);
        held_ = held;
        changed_.notify_all();
    }
    void set_fault(plan::Fault fault)
    {
        const std::lock_guard lock(mutex_);
        fault_ = fault;
    }
    void wait_until_applying(int times)
    {
        std::unique_lock lock(mutex_);
        REQUIRE(changed_.wait_for(lock, patience, [&] { return applying_ >= times; }));
    }
    std::vector<plan::Plan> plans() const // answered
    {
        const std::lock_guard lock(mutex_);
        return plans_;
    }
    std::vector<ForwardId> forgotten() const
    {
        const std::lock_guard lock(mutex_);
        return forgotten_;
    }
    std::uint64_t booked() const
    {
        const std::lock_guard lock(mutex_);
        return booked_;
    }
    std::atomic<int> sample_every_ms{0};
    std::atomic<link::Farewell> dismissed{link::Farewell::other};

private:
    void run(Session& session)
    {
        std::unique_lock lock(mutex_);
        for (;;) {
            changed_.wait(lock, [this] { return stopping_ || (!held_ && !asked_.empty()); });
            if (stopping_) return;
            auto plan = std::move(asked_.front());
            asked_.erase(asked_.begin());
            plan::Applied applied{plan.revision, {}};
            for (const auto& forward : plan.forwards) applied.forwards.push_back({forward.id, fault_ == plan::Fault::none, fault_, "scripted"});
            plans_.push_back(std::move(plan));
            lock.unlock();
            session.applied(std::move(applied));
            lock.lock();
        }
    }
    void stop()
    {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
            changed_.notify_all();
        }
        if (thread_.joinable()) thread_.join();
    }

    mutable std::mutex mutex_; // guards everything below
    std::condition_variable changed_;
    std::shared_ptr<Session> session_;
    bool held_ = false;
    bool stopping_ = false;
    int applying_ = 0;
    std::uint64_t sequence_ = 0;
    std::uint64_t booked_ = 0;
    plan::Fault fault_ = plan::Fault::none;
    std::vector<plan::Plan> asked_;
    std::vector<plan::Plan> plans_;
    std::vector<ForwardId> forgotten_;
    std::optional<plan::Report> last_words_;
    std::thread thread_;
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
    plan::ForwardCounters reading(ForwardId forward, std::int64_t up) { return {forward, 1, {{up}, {}}, {}, 0, 0}; }
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
    endpoint->attach_to(*hub, node);
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
    endpoint->attach_to(*hub, node);
    REQUIRE(eventually([&] { return hub->online(node); }));
    const auto id = make_forward(admin, tunnel, 2000);
    REQUIRE(endpoint->plans().back().forwards.size() == 1);
    CHECK(endpoint->plans().back().forwards.front().id == id);
    CHECK(value_of(panel.forwards().get(admin, id)).state == panel::ForwardState::listening);
}

TEST_CASE_FIXTURE(Exchange, "who waits for a revision gets the answer of that plan or a newer one")
{
    endpoint->attach_to(*hub, node);
    const auto wanted = bump();
    const auto applied = value_of(hub->converge(node, wanted, patience));
    CHECK(applied.revision >= wanted);
}

TEST_CASE_FIXTURE(Exchange, "waiting ends with the deadline, and at once for a node that is not there")
{
    CHECK(verdict(hub->converge(node, 1, patience)) == "node_offline node");
    endpoint->set_held(true);
    endpoint->attach_to(*hub, node);
    CHECK(verdict(hub->converge(node, 1, Milliseconds{20})) == "timeout node");
    endpoint->set_held(false);
}

TEST_CASE_FIXTURE(Exchange, "who waits hears it when the node leaves")
{
    endpoint->attach_to(*hub, node);
    REQUIRE(eventually([&] { return hub->online(node); }));
    endpoint->set_held(true);
    auto waiting = std::async(std::launch::async, [&] { return verdict(hub->converge(node, bump(), patience)); });
    endpoint->wait_until_applying(2);
    hub->detach(node);
    CHECK(waiting.get() == "node_offline node");
}

TEST_CASE_FIXTURE(Exchange, "changes that come while a plan is applied are one plan, the newest")
{
    endpoint->set_held(true);
    endpoint->attach_to(*hub, node);
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
    endpoint->attach_to(*hub, node);
    REQUIRE(eventually([&] { return hub->online(node); }));
    hub->detach(node);
    const auto newest = bump();
    const auto returned = std::make_shared<ScriptedEndpoint>();
    returned->attach_to(*hub, node);
    CHECK(eventually([&] { return hub->online(node); }));
    CHECK(returned->plans().front().revision == newest);
}

TEST_CASE_FIXTURE(Exchange, "a second connection of a node replaces the first")
{
    endpoint->attach_to(*hub, node);
    REQUIRE(eventually([&] { return hub->online(node); }));
    const auto second = std::make_shared<ScriptedEndpoint>();
    second->attach_to(*hub, node);
    const auto wanted = bump();
    value_of(hub->converge(node, wanted, patience));
    CHECK(second->plans().back().revision == wanted);
    CHECK(endpoint->plans().back().revision < wanted);
}

TEST_CASE_FIXTURE(Exchange, "reports are booked once and answered, and a deleted forward is forgotten when it rests")
{
    endpoint->attach_to(*hub, node);
    REQUIRE(eventually([&] { return hub->online(node); }));
    const auto id = make_forward(admin, tunnel, 2000);
    const auto used = [&] { return user(admin.user).used.up.value; };
    endpoint->report({reading(id, 100)});
    CHECK(eventually([&] { return endpoint->booked() == 1; }));
    CHECK(used() == 100);
    endpoint->report({reading(id, 100)}); // said again
    CHECK(eventually([&] { return endpoint->booked() == 2; }));
    CHECK(used() == 100);
    value_of(panel.forwards().remove(admin, id));
    endpoint->report({reading(id, 130)});
    CHECK(eventually([&] { return endpoint->booked() == 3; }));
    CHECK(used() == 130);
    endpoint->report({}); // nothing moves any more
    CHECK(eventually([&] {
        const auto forgotten = endpoint->forgotten();
        return std::find(forgotten.begin(), forgotten.end(), id) != forgotten.end();
    }));
}

TEST_CASE_FIXTURE(Exchange, "reports that come faster than they are booked become one, with the newest values")
{
    endpoint->attach_to(*hub, node);
    REQUIRE(eventually([&] { return hub->online(node); }));
    const auto id = make_forward(admin, tunnel, 2000);
    for (std::int64_t up = 1; up <= 500; ++up) endpoint->report({reading(id, up)});
    CHECK(eventually([&] { return endpoint->booked() == 500; }));
    CHECK(user(admin.user).used.up.value == 500);
}

TEST_CASE_FIXTURE(Exchange, "a node that returns and reports everything again is billed for what is new")
{
    endpoint->attach_to(*hub, node);
    REQUIRE(eventually([&] { return hub->online(node); }));
    const auto id = make_forward(admin, tunnel, 2000);
    endpoint->report({reading(id, 100)});
    REQUIRE(eventually([&] { return endpoint->booked() == 1; }));
    hub->detach(node);
    const auto returned = std::make_shared<ScriptedEndpoint>();
    returned->attach_to(*hub, node);
    returned->report({reading(id, 140)});
    REQUIRE(eventually([&] { return returned->booked() == 1; }));
    CHECK(user(admin.user).used.up.value == 140);
    hub->detach_all();
}

TEST_CASE_FIXTURE(Exchange, "leaving books what was counted last")
{
    endpoint->attach_to(*hub, node);
    REQUIRE(eventually([&] { return hub->online(node); }));
    const auto id = make_forward(admin, tunnel, 2000);
    endpoint->say_last({reading(id, 77)});
    hub->detach_all();
    CHECK(user(admin.user).used.up.value == 77);
    CHECK(endpoint->dismissed == link::Farewell::stopping);
}

TEST_CASE_FIXTURE(Exchange, "a deleted node is told so, and its session ends")
{
    endpoint->attach_to(*hub, node);
    REQUIRE(eventually([&] { return hub->online(node); }));
    value_of(panel.nodes().remove(admin, node));
    CHECK(endpoint->dismissed == link::Farewell::removed);
    CHECK(eventually([&] { return !hub->online(node); }));
    CHECK_FALSE(live.online(node));
    hub->tick();
    CHECK(verdict(hub->converge(node, 1, patience)) == "node_offline node");
}

TEST_CASE_FIXTURE(Exchange, "what begins to fail and what works again is an event each, once")
{
    endpoint->attach_to(*hub, node);
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
    endpoint->attach_to(*hub, node);
    REQUIRE(eventually([&] { return hub->online(node); }));
    make_forward(admin, tunnel, 2000);
    endpoint->set_fault(plan::Fault::address_in_use);
    value_of(hub->converge(node, bump(), patience));
    CHECK(eventually([&] { return has_event("forward.failed"); }));
    endpoint->set_fault(plan::Fault::none);
    endpoint->answer_again(); // a node says it by itself
    CHECK(eventually([&] { return has_event("forward.works"); }));
}

TEST_CASE_FIXTURE(Exchange, "hosts are measured once a minute, and every two seconds while somebody watches")
{
    endpoint->attach_to(*hub, node);
    CHECK(endpoint->sample_every_ms == 60'000);
    const int handle = live.subscribe([](const panel::LiveEvent&) {});
    hub->tick();
    CHECK(endpoint->sample_every_ms == 2'000);
    const auto second = std::make_shared<ScriptedEndpoint>();
    second->attach_to(*hub, node);
    CHECK(second->sample_every_ms == 2'000); // who comes later is told, too
    live.unsubscribe(handle);
    hub->tick();
    CHECK(second->sample_every_ms == 60'000);
    plan::HostSample host;
    host.cpu_percent = 12;
    second->report({}, host);
    CHECK(eventually([&] { return live.sample(node).has_value(); }));
    hub->detach_all();
}

TEST_CASE_FIXTURE(Exchange, "probes are answered in the order of the jobs, offline nodes among them")
{
    endpoint->attach_to(*hub, node);
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

TEST_CASE_FIXTURE(Exchange, "a node whose version cannot upgrade itself, and one that is away, are told apart at once")
{
    endpoint->attach_to(*hub, node);
    const auto away = add_node("b");
    const auto answers = hub->upgrade(
        {node, away}, [](std::string_view) -> Result<panel::NodeGateway::Offer> { return make_error(Errc::internal, "test"); }, patience);
    REQUIRE(answers.size() == 2);
    CHECK(answers[0].error().field == "upgrade.unsupported");
    CHECK(answers[1].error().code == Errc::node_offline);
}
