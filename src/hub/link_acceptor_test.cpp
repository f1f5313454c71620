// Nodes that come over the link, with a real panel and hub and in-memory wires; the far end is a link session that the test drives.
#include "hub/link_acceptor.hpp"

#include "hub/link_peer.hpp"
#include "hub/session.hpp"
#include "panel/testing.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

using namespace sluice;
using namespace sluice::hub;
using sluice::panel::testing::value_of;

namespace {

constexpr std::chrono::seconds patience{60};

class MemoryWire final : public Wire {
public:
    bool send(std::string bytes) override
    {
        const std::lock_guard lock(mutex_);
        if (closed_) return false;
        bytes_ += bytes;
        return true;
    }
    void close() override
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
    }
    std::string take()
    {
        const std::lock_guard lock(mutex_);
        return std::exchange(bytes_, {});
    }
    bool closed()
    {
        const std::lock_guard lock(mutex_);
        return closed_;
    }

private:
    std::mutex mutex_; // guards both below
    std::string bytes_;
    bool closed_ = false;
};

// A node of the simulation: applies what it gets, counts what the test makes pass, reports absolute values until they are booked.
struct FarNode {
    explicit FarNode(net::Identity key) : identity(std::move(key)) {}

    void dial(LinkAcceptor& acceptor, const Fingerprint& pin, SteadyTime now, std::optional<Secret> token = {})
    {
        link::Hello hello;
        hello.program_version = "1.2.3";
        hello.token = std::move(token);
        session.emplace(link::Session::agent(identity, pin, std::move(hello), {}, now));
        wire = std::make_shared<MemoryWire>();
        peer = acceptor.opened(wire, "192.0.2.7:5000");
        ended.reset();
        welcome.reset();
        sent = 0;
    }
    void cut(LinkAcceptor& acceptor)
    {
        if (peer) acceptor.closed(peer);
        peer.reset();
        session.reset();
    }
    // Moves bytes both ways and reacts once.
    void turn(LinkAcceptor& acceptor, SteadyTime now)
    {
        if (!session) return;
        session->received(now, wire->take());
        for (auto& event : session->take_events()) {
            if (auto* end = std::get_if<link::Ended>(&event)) {
                ended = *end;
                continue;
            }
            auto& message = std::get<link::Message>(event);
            if (const auto* hello = std::get_if<link::Welcome>(&message)) welcome = *hello;
            if (const auto* wish = std::get_if<plan::Plan>(&message)) {
                plan = *wish;
                plan::Applied applied{wish->revision, {}};
                for (const auto& forward : wish->forwards) applied.forwards.push_back({forward.id, true, plan::Fault::none, {}});
                (void)session->send(now, applied);
            }
            if (const auto* booked = std::get_if<link::Booked>(&message)) {
                if (booked->sequence >= sent) sent = 0;
                for (const auto id : booked->forgotten) counters.erase(id);
                ++answers;
            }
            if (const auto* probe = std::get_if<link::Probe>(&message)) {
                link::ProbeResult result{probe->id, {}};
                for (const auto& request : probe->requests) {
                    plan::TcpPingResult one;
                    one.target = request.target;
                    one.success = true;
                    result.results.push_back(one);
                }
                (void)session->send(now, result);
            }
        }
        if (session->open() && sent == 0 && !counters.empty()) {
            sent = ++sequence;
            plan::Report report{sent, {}, {}};
            for (const auto& [id, up] : counters) report.counters.push_back({id, 1, {{up}, {}}, {}, 0, 0});
            (void)session->send(now, report);
        }
        const auto bytes = session->take_output();
        if (!bytes.empty()) acceptor.received(peer, bytes);
        if (wire->closed() && !session->ended()) session->received(now, wire->take());
    }

    net::Identity identity;
    std::optional<link::Session> session;
    std::shared_ptr<MemoryWire> wire;
    std::shared_ptr<LinkPeer> peer;
    std::optional<link::Ended> ended;
    std::optional<link::Welcome> welcome;
    plan::Plan plan;
    std::map<ForwardId, std::int64_t> counters;
    std::uint64_t sequence = 0;
    std::uint64_t sent = 0;
    int answers = 0;
};

struct Office : panel::testing::Bench {
    NodeId node = add_node("berlin");
    net::Identity identity = net::Identity::make();
    std::unique_ptr<Hub> hub = std::make_unique<Hub>(panel);
    std::unique_ptr<LinkAcceptor> acceptor = std::make_unique<LinkAcceptor>(panel, *hub, identity);

    Office()
    {
        panel.connect(*hub);
        panel.enrolment().use_pins({identity.fingerprint().to_text(), {}});
        value_of(panel.settings().put(admin, {{"ip", "203.0.113.7:6365"}}));
    }
    ~Office()
    {
        acceptor->stop();
        hub->detach_all();
    }
    Secret token(NodeId of)
    {
        const auto text = value_of(panel.enrolment().install_line(admin, of));
        const auto at = text.find("SLUICE_TOKEN=") + 13;
        return Secret{text.substr(at, text.find(' ', at) - at)};
    }
    bool until(std::vector<FarNode*> all, const std::function<bool()>& condition)
    {
        const auto deadline = std::chrono::steady_clock::now() + patience;
        while (!condition()) {
            if (std::chrono::steady_clock::now() > deadline) return false;
            for (auto* one : all) one->turn(*acceptor, clock.steady());
            std::this_thread::sleep_for(std::chrono::milliseconds{1});
        }
        return true;
    }
    // Made while the node has its turns, for the answer waits for it.
    ForwardId forward_on(FarNode& far, TunnelId tunnel, std::uint16_t port)
    {
        ForwardId made;
        std::atomic<bool> done{false};
        std::thread request([&] {
            made = make_forward(admin, tunnel, port);
            done = true;
        });
        const bool there = until({&far}, [&] { return done.load(); });
        request.join();
        REQUIRE(there);
        REQUIRE(far.plan.forwards.size() == 1);
        return made;
    }
    void enrol(FarNode& far, NodeId as)
    {
        far.dial(*acceptor, identity.fingerprint(), clock.steady(), token(as));
        REQUIRE(until({&far}, [&] { return hub->online(as); }));
    }
};

} // namespace

TEST_CASE_FIXTURE(Office, "a machine with a token becomes the node, and is the node without one")
{
    FarNode far(net::Identity::make());
    enrol(far, node);
    CHECK(far.welcome->node == node);
    CHECK(far.welcome->name == "berlin");
    CHECK(read([&](store::ReadTx& tx) { return store::NodeTable(tx).find(node)->version; }) == "1.2.3");
    far.cut(*acceptor);
    CHECK(until({}, [&] { return !hub->online(node); }));
    far.dial(*acceptor, identity.fingerprint(), clock.steady());
    CHECK(until({&far}, [&] { return hub->online(node); }));
}

TEST_CASE_FIXTURE(Office, "strangers are refused with the reason")
{
    const auto refused = [&](std::optional<Secret> token) {
        FarNode far(net::Identity::make());
        far.dial(*acceptor, identity.fingerprint(), clock.steady(), std::move(token));
        REQUIRE(until({&far}, [&] { return far.ended.has_value(); }));
        return far.ended->refusal;
    };
    CHECK(refused({}) == link::Refusal::unknown_key);
    CHECK(refused(Secret{"made up"}) == link::Refusal::token_unknown);
    const auto used = token(node);
    FarNode first(net::Identity::make());
    first.dial(*acceptor, identity.fingerprint(), clock.steady(), used);
    REQUIRE(until({&first}, [&] { return hub->online(node); }));
    CHECK(refused(used) == link::Refusal::token_used);
    const auto late = token(node);
    clock.advance(panel::Enrolment::token_life);
    CHECK(refused(late) == link::Refusal::token_expired);
}

TEST_CASE_FIXTURE(Office, "a forward that is made is on the node when the answer comes, and its traffic is booked")
{
    FarNode far(net::Identity::make());
    enrol(far, node);
    const auto tunnel = add_tunnel("t", {node});
    const auto made = forward_on(far, tunnel, 2000);
    far.counters[made] = 5000;
    CHECK(until({&far}, [&] { return user(admin.user).used.up.value == 5000; }));
    far.cut(*acceptor);
    far.counters[made] = 8000; // passed while the panel was away
    far.dial(*acceptor, identity.fingerprint(), clock.steady());
    CHECK(until({&far}, [&] { return user(admin.user).used.up.value == 8000; }));
}

TEST_CASE_FIXTURE(Office, "probes run on the node")
{
    FarNode far(net::Identity::make());
    enrol(far, node);
    panel::NodeGateway::ProbeJob job;
    job.node = node;
    job.request.target = {"example.org", 80};
    std::vector<Result<plan::TcpPingResult>> answers;
    bool done = false;
    std::mutex mutex;
    std::thread asker([&] {
        auto got = hub->probe({job}, Milliseconds{30'000});
        const std::lock_guard lock(mutex);
        answers = std::move(got);
        done = true;
    });
    CHECK(until({&far}, [&] {
        const std::lock_guard lock(mutex);
        return done;
    }));
    asker.join();
    REQUIRE(answers.size() == 1);
    REQUIRE(answers[0]);
    CHECK(answers[0]->target.host == "example.org");
}

TEST_CASE_FIXTURE(Office, "a node that is deleted or enrolled anew is told so at once")
{
    FarNode far(net::Identity::make());
    enrol(far, node);
    FarNode other(net::Identity::make());
    other.dial(*acceptor, identity.fingerprint(), clock.steady(), token(node));
    CHECK(until({&far, &other}, [&] { return far.ended.has_value() && other.welcome.has_value(); }));
    CHECK(far.ended->farewell == link::Farewell::revoked);
    REQUIRE(until({&other}, [&] { return hub->online(node); }));
    value_of(panel.nodes().remove(admin, node));
    CHECK(until({&other}, [&] { return other.ended.has_value(); }));
    CHECK(other.ended->farewell == link::Farewell::removed);
}

TEST_CASE_FIXTURE(Office, "the same key once more replaces the connection before")
{
    FarNode far(net::Identity::make());
    enrol(far, node);
    FarNode copy(far.identity);
    copy.dial(*acceptor, identity.fingerprint(), clock.steady());
    CHECK(until({&far, &copy}, [&] { return far.ended.has_value() && copy.welcome.has_value(); }));
    CHECK(far.ended->farewell == link::Farewell::replaced);
    CHECK(until({&copy}, [&] { return hub->online(node); }));
}

TEST_CASE_FIXTURE(Office, "garbage, silence and slowness end strangers, and only them")
{
    const auto wire = std::make_shared<MemoryWire>();
    const auto peer = acceptor->opened(wire, "192.0.2.9:1");
    acceptor->received(peer, "GET / HTTP/1.1\r\n\r\n");
    CHECK(wire->closed());
    const auto silent_wire = std::make_shared<MemoryWire>();
    const auto silent = acceptor->opened(silent_wire, "192.0.2.9:2");
    FarNode far(net::Identity::make());
    enrol(far, node);
    for (int i = 0; i < 25; ++i) {
        clock.advance(Seconds{1});
        acceptor->tick();
        far.session->tick(clock.steady());
        far.turn(*acceptor, clock.steady());
    }
    CHECK(silent_wire->closed());
    CHECK(hub->online(node));
}

// Many nodes, a panel that loses connections at random while traffic passes and forwards come and go. When it is quiet, every node has its newest
// plan and every byte is booked once.
TEST_CASE_FIXTURE(Office, "many nodes converge, and no byte is lost or booked twice")
{
    const char* wanted = std::getenv("SLUICE_SEED");
    const std::uint64_t seed = wanted ? std::strtoull(wanted, nullptr, 10) : std::random_device{}();
    CAPTURE(seed); // SLUICE_SEED=... repeats it
    std::mt19937_64 random(seed);
    const auto below = [&](std::size_t bound) { return static_cast<std::size_t>(random() % bound); };
    constexpr std::size_t count = 60;
    std::deque<FarNode> far;
    std::vector<NodeId> ids;
    std::vector<FarNode*> all;
    std::vector<ForwardId> forwards;
    const auto everybody = [&] { return all; };
    for (std::size_t i = 0; i < count; ++i) {
        ids.push_back(add_node("n" + std::to_string(i)));
        all.push_back(&far.emplace_back(net::Identity::make()));
        far.back().dial(*acceptor, identity.fingerprint(), clock.steady(), token(ids.back()));
    }
    const auto all_online = [&] { return std::all_of(ids.begin(), ids.end(), [&](NodeId id) { return hub->online(id); }); };
    REQUIRE(until(everybody(), all_online));
    for (std::size_t i = 0; i < count; ++i) {
        const auto tunnel = add_tunnel("t" + std::to_string(i), {ids[i]});
        forwards.push_back(forward_on(far[i], tunnel, 3000));
    }
    std::int64_t passed = 0;
    for (int step = 0; step < 300; ++step) {
        const auto i = below(count);
        const auto bytes = static_cast<std::int64_t>(below(100'000));
        passed += bytes;
        far[i].counters[forwards[i]] += bytes;
        if (below(4) == 0) {
            far[below(count)].cut(*acceptor);
            write([&](store::WriteTx& tx) { (void)store::NodeTable(tx).bump_revision({ids[i]}); });
            hub->plan_changed(std::vector{ids[i]});
        }
        for (auto& one : far) {
            if (!one.session || one.ended) {
                if (below(3) == 0) one.dial(*acceptor, identity.fingerprint(), clock.steady());
            }
            one.turn(*acceptor, clock.steady());
        }
        if (below(10) == 0) {
            clock.advance(Seconds{1});
            acceptor->tick();
        }
    }
    // A node whose session ends after that, dials again, as it always does.
    const auto until_quiet = [&](const std::function<bool()>& condition) {
        return until(everybody(), [&] {
            for (auto& one : far) {
                if (!one.session || one.ended) one.dial(*acceptor, identity.fingerprint(), clock.steady());
            }
            return condition();
        });
    };
    CHECK(until_quiet(all_online));
    CHECK(until_quiet([&] { return user(admin.user).used.up.value == passed; }));
    const auto newest = read([](store::ReadTx& tx) { return store::NodeTable(tx).all(); });
    CHECK(until_quiet([&] {
        return std::all_of(newest.begin(), newest.end(), [&](const domain::Node& one) {
            const auto at = std::find(ids.begin(), ids.end(), one.id);
            return at == ids.end() || far[static_cast<std::size_t>(at - ids.begin())].plan.revision == one.revision;
        });
    }));
    CHECK(user(admin.user).used.up.value == passed);
}
