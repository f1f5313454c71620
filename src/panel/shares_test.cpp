// Shares from both ends, without a network: the provider's panel is a real one, the consumer's asks it through a gateway that calls it directly, so ports, roles,
// traffic and ends are the real ones on both sides.
#include "panel/testing.hpp"

#include "panel/remote_roles.hpp"
#include "store/share_table.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::panel;
using namespace sluice::panel::testing;

namespace {

constexpr std::int64_t megabyte = 1'000'000;

Fingerprint key_of(unsigned char last)
{
    Fingerprint key;
    key.bytes.back() = last;
    return key;
}

NodeId keyed_node(Bench& bench, const std::string& name, unsigned char key)
{
    domain::NodeDraft draft;
    draft.name = name;
    draft.address = "192.0.2." + std::to_string(key);
    const auto id = value_of(bench.panel.nodes().create(bench.admin, draft)).id;
    REQUIRE(bench.panel.nodes().note_key(id, key_of(key)));
    return id;
}

struct Provider : Bench {
    NodeId node = keyed_node(*this, "shared", 1);
    Shares::Created made = value_of(panel.shares().create(admin, draft_of(node)));

    static domain::ShareDraft draft_of(NodeId node)
    {
        domain::ShareDraft draft;
        draft.name = "for a friend";
        draft.node = node;
        draft.quota = {10 * megabyte};
        draft.port_first = 30'000;
        draft.port_last = 30'003;
        return draft;
    }
    Result<domain::Share> admit() { return panel.share_peers().admit(made.token, *IpAddress::parse("192.0.2.50"), ""); }
    domain::Share share() { return value_of(panel.shares().get(admin, made.id)); }
    plan::Plan plan() { return value_of(panel.plans().compile(node)); }
    Result<Reservation> reserve(const std::string& key, std::int64_t port = 0)
    {
        return panel.share_peers().reserve(value_of(admit()), key, "tls", port);
    }
    void book(ForwardId counter, std::int64_t up, std::int64_t down, std::uint64_t epoch = 5)
    {
        plan::ForwardCounters counters;
        counters.id = counter;
        counters.epoch = epoch;
        counters.traffic = {{up}, {down}};
        REQUIRE(panel.accounting().book(node, {counters}));
    }
};

// Another panel, reached by calling it.
class DirectPeers final : public PeerGateway {
public:
    explicit DirectPeers(Provider& provider) : provider_(provider) {}

    int fail_apply_after = -1; // so many succeed, then none does
    std::vector<std::string> asked;

    Result<ShareOffer> connect(const PeerAddress& peer, Milliseconds) override
    {
        const auto share = admit(peer);
        return share ? provider_.panel.share_peers().connect(*share) : share.error();
    }
    Result<Reservation> reserve_port(const PeerAddress& peer, const std::string& key, const std::string& protocol, std::uint16_t wanted) override
    {
        asked.push_back("reserve " + std::to_string(wanted));
        const auto share = admit(peer);
        return share ? said(provider_.panel.share_peers().reserve(*share, key, protocol, wanted)) : share.error();
    }
    Result<Reservation> apply_role(const PeerAddress& peer, const RoleWish& wish) override
    {
        asked.push_back("apply " + wish.role);
        if (fail_apply_after == 0) return make_error(Errc::unavailable, "peer", {}, {"it broke"});
        if (fail_apply_after > 0) --fail_apply_after;
        const auto share = admit(peer);
        return share ? said(provider_.panel.share_peers().apply(*share, wish)) : share.error();
    }
    Result<void> release_role(const PeerAddress& peer, const domain::RemoteRole& role) override
    {
        asked.emplace_back("release");
        const auto share = admit(peer);
        if (!share) return share.error();
        return provider_.panel.share_peers().release(*share, role.binding, role.reservation, role.resource_key);
    }
    void imported(NodeId) override {}

private:
    Result<domain::Share> admit(const PeerAddress& peer)
    {
        return provider_.panel.share_peers().admit(peer.token, *IpAddress::parse("192.0.2.50"), peer.domain);
    }
    static Result<Reservation> said(Result<Reservation> answer)
    {
        if (answer) return answer;
        return make_error(Errc::conflict, "peer", {}, {answer.error().field});
    }

    Provider& provider_;
};

struct Consumer : Bench {
    explicit Consumer(Provider& provider) : peers(provider)
    {
        panel.connect_peers(peers);
        entry = keyed_node(*this, "entry", 9);
        remote = value_of(panel.remote_nodes().import(admin, {"https://panel.example/", provider.made.token, "", "there"}));
    }

    domain::TunnelDraft chain(const std::string& name, std::optional<std::uint16_t> port = {})
    {
        domain::TunnelDraft draft;
        draft.name = name;
        draft.type = domain::TunnelType::chain;
        draft.hops.resize(2);
        draft.hops[0].node = entry;
        draft.hops[1].node = remote;
        draft.hops[1].role = domain::HopRole::exit;
        draft.hops[1].port = port;
        return draft;
    }
    // What the driver of the remote node does: brings the whole wish over.
    PeerState sync(Provider& provider, std::vector<ForwardId> forgotten = {})
    {
        PeerWish wish;
        wish.consumer = value_of(panel.remote_nodes().own_id());
        wish.plan = value_of(panel.plans().compile(remote));
        wish.revision = wish.plan->revision;
        wish.forgotten = std::move(forgotten);
        return value_of(provider.panel.share_peers().sync(value_of(provider.panel.share_peers().admit(provider.made.token, {}, "", true)), wish));
    }

    DirectPeers peers;
    NodeId entry;
    NodeId remote;
};

} // namespace

TEST_CASE("a share admits who has its token, from where and while it says")
{
    Provider provider;
    auto& panel = provider.panel;
    CHECK(verdict(provider.admit()) == "ok");
    CHECK(verdict(panel.share_peers().admit(Secret{"no such token"}, {}, "")) == "unauthenticated share.token");
    auto draft = Provider::draft_of(provider.node);
    draft.addresses = {*Cidr::parse("198.51.100.0/24")};
    draft.domains = {"panel.example"};
    REQUIRE(panel.shares().update(provider.admin, provider.made.id, draft, std::nullopt));
    const auto from = [&](const char* address, const char* domain) {
        return verdict(panel.share_peers().admit(provider.made.token, *IpAddress::parse(address), domain));
    };
    CHECK(from("192.0.2.50", "panel.example") == "forbidden share.address");
    CHECK(from("198.51.100.7", "") == "forbidden share.no_domain");
    CHECK(from("198.51.100.7", "other.example") == "forbidden share.domain");
    CHECK(from("198.51.100.7", "Panel.example") == "ok");
    draft.expires = provider.clock.wall() + std::chrono::minutes(1);
    REQUIRE(panel.shares().update(provider.admin, provider.made.id, draft, std::nullopt));
    CHECK(from("198.51.100.7", "panel.example") == "ok");
    provider.clock.advance(std::chrono::minutes(2));
    CHECK(from("198.51.100.7", "panel.example") == "forbidden share.expired");
    REQUIRE(panel.shares().update(provider.admin, provider.made.id, draft, false));
    CHECK(from("198.51.100.7", "panel.example") == "forbidden share.disabled");
    CHECK(verdict(panel.shares().list(provider.add_person("alice"))) == "forbidden role");
}

TEST_CASE("ports of a share are reserved once, stay in its range, and no two shares meet on one")
{
    Provider provider;
    const auto first = value_of(provider.reserve("a"));
    CHECK(first.port == 30'000);
    CHECK(value_of(provider.reserve("a")).id == first.id);
    CHECK(value_of(provider.reserve("b", 30'002)).port == 30'002);
    CHECK(verdict(provider.reserve("c", 30'002)) == "conflict share.no_port");
    CHECK(verdict(provider.reserve("c", 30'004)) == "invalid share.port");
    CHECK(verdict(provider.reserve("")) == "invalid share.resource_key");
    // The node's own forwards have their ports, and other shares theirs.
    domain::TunnelDraft direct;
    direct.name = "direct";
    direct.hops.resize(1);
    direct.hops[0].node = provider.node;
    const auto tunnel = value_of(provider.panel.tunnels().create(provider.admin, direct));
    provider.make_forward(provider.admin, tunnel, 30'001);
    CHECK(verdict(provider.panel.forwards().create(provider.admin, provider.draft(tunnel, 30'002, "taken"))) == "conflict forward.port");
    const auto other = value_of(provider.panel.shares().create(provider.admin, Provider::draft_of(provider.node)));
    const auto stranger = value_of(provider.panel.share_peers().admit(other.token, {}, ""));
    CHECK(value_of(provider.panel.share_peers().reserve(stranger, "a", "tls", 0)).port == 30'003); // an equal key of another share is another port
    CHECK(verdict(provider.reserve("d")) == "conflict share.no_port");
    CHECK(verdict(provider.panel.share_peers().release(stranger, "", first.id, "")) == "ok"); // not its own: nothing happens
    CHECK(value_of(provider.reserve("a")).port == 30'000);
    // Released and taken up again it has its name, if nobody else was quicker.
    REQUIRE(provider.panel.share_peers().release(value_of(provider.admit()), "", "", "a"));
    CHECK(value_of(provider.reserve("a")).id == first.id);
    // What nobody applies a role to is not kept for ever.
    provider.clock.advance(std::chrono::minutes(11));
    REQUIRE(provider.panel.shares().keep_up());
    CHECK(value_of(provider.reserve("e", 30'002)).port == 30'002);
}

TEST_CASE("a role needs a panel that speaks our tunnels, and its port in the range")
{
    Provider provider;
    const auto reserved = value_of(provider.reserve("a"));
    auto& peers = provider.panel.share_peers();
    RoleWish wish;
    wish.reservation = reserved.id;
    wish.role = "exit";
    CHECK(verdict(peers.apply(value_of(provider.admit()), wish)) == "invalid share.relay");
    wish.tunnel = TunnelId{7};
    CHECK(verdict(peers.apply(value_of(provider.admit()), wish)) == "conflict share.tunnel"); // a number of this panel's own
    wish.tunnel = random_wire_id();
    wish.role = "entry";
    CHECK(verdict(peers.apply(value_of(provider.admit()), wish)) == "invalid share.role");
    wish.role = "middle";
    CHECK(verdict(peers.apply(value_of(provider.admit()), wish)) == "invalid share.targets");
    wish.targets = {{"not a host", 80, "tls"}};
    CHECK(verdict(peers.apply(value_of(provider.admit()), wish)) == "invalid share.target");
    wish.targets = {{"192.0.2.7", 80, "tls"}};
    const auto bound = value_of(peers.apply(value_of(provider.admit()), wish));
    CHECK(value_of(peers.apply(value_of(provider.admit()), wish)).binding == bound.binding);
    CHECK(value_of(provider.reserve("a")).binding == bound.binding);
    wish.reservation = "unknown";
    CHECK(verdict(peers.apply(value_of(provider.admit()), wish)) == "not_found share.reservation");
}

TEST_CASE("a tunnel over a shared node: both plans fit, bytes are booked to the share once, quota and expiry take it out of the plan")
{
    Provider provider;
    Consumer consumer(provider);
    const auto tunnel = value_of(consumer.panel.tunnels().create(consumer.admin, consumer.chain("over")));
    consumer.make_forward(consumer.admin, tunnel, 20'000);
    const auto state = consumer.sync(provider);
    REQUIRE(state.applied.tunnels.size() == 1);
    CHECK(state.applied.tunnels[0].listening);

    const auto ours = value_of(consumer.panel.plans().compile(consumer.entry));
    const auto theirs = provider.plan();
    REQUIRE(ours.tunnels.size() == 1);
    REQUIRE(theirs.tunnels.size() == 1);
    CHECK(ours.tunnels[0].id == theirs.tunnels[0].id); // what both call it
    CHECK(ours.tunnels[0].next[0].key == key_of(1));
    CHECK(ours.tunnels[0].next[0].dial->address == HostPort{"192.0.2.1", 30'000});
    CHECK(theirs.tunnels[0].previous[0].key == key_of(9));
    CHECK(theirs.tunnels[0].port == 30'000);
    CHECK(theirs.tunnels[0].exits[0].targets == std::vector<HostPort>{{"127.0.0.1", 80}});
    REQUIRE(theirs.tunnels[0].counter);
    const auto counter = *theirs.tunnels[0].counter;

    provider.book(counter, 3 * megabyte, megabyte);
    provider.book(counter, 3 * megabyte, megabyte); // said twice
    CHECK(provider.share().used.value == 4 * megabyte);
    CHECK(state.counters.empty()); // an exit's bytes are the entry's: the other panel counts there
    provider.book(counter, 8 * megabyte, 2 * megabyte);
    CHECK(provider.share().used.value == 10 * megabyte);
    CHECK_FALSE(provider.share().running);
    CHECK(provider.plan().tunnels.empty());
    CHECK(verdict(provider.reserve("more")) == "quota_exceeded share.quota");
    CHECK(consumer.sync(provider).stop == domain::ShareStop::used_up);
    provider.book(counter, 8 * megabyte + 10, 2 * megabyte); // what was on its way
    CHECK(provider.share().used.value == 10 * megabyte + 10);
    REQUIRE(provider.panel.shares().reset_used(provider.admin, provider.made.id));
    CHECK(provider.plan().tunnels.size() == 1);

    auto draft = Provider::draft_of(provider.node);
    draft.expires = provider.clock.wall() + Seconds{5};
    REQUIRE(provider.panel.shares().update(provider.admin, provider.made.id, draft, std::nullopt));
    CHECK(provider.plan().tunnels.size() == 1);
    const auto revision = provider.plan().revision;
    provider.clock.advance(Seconds{6});
    REQUIRE(provider.panel.shares().keep_up());
    CHECK(provider.plan().tunnels.empty());
    CHECK(provider.plan().revision == revision + 1);
    REQUIRE(provider.panel.shares().keep_up());
    CHECK(provider.plan().revision == revision + 1);
    const auto kinds = provider.event_kinds();
    CHECK(std::count(kinds.begin(), kinds.end(), "share.stopped") == 2);

    draft.expires.reset();
    REQUIRE(provider.panel.shares().update(provider.admin, provider.made.id, draft, std::nullopt));
    CHECK(provider.plan().tunnels.size() == 1);
    REQUIRE(consumer.panel.tunnels().remove(consumer.admin, tunnel));
    CHECK(provider.plan().tunnels.empty());
    CHECK(value_of(provider.reserve("free again")).port == 30'000);
}

TEST_CASE("forwards that begin on a shared node are counted for the other panel exactly, also after they ended")
{
    Provider provider;
    Consumer consumer(provider);
    domain::TunnelDraft direct;
    direct.name = "begins there";
    direct.hops.resize(1);
    direct.hops[0].node = consumer.remote;
    const auto tunnel = value_of(consumer.panel.tunnels().create(consumer.admin, direct));
    CHECK(verdict(consumer.panel.forwards().create(consumer.admin, consumer.draft(tunnel, 30'004))) == "invalid forward.remote_port");
    const auto forward = consumer.make_forward(consumer.admin, tunnel, 30'001);
    auto state = consumer.sync(provider);
    REQUIRE(state.applied.forwards.size() == 1);
    CHECK(state.applied.forwards[0].id == forward);
    CHECK(state.applied.forwards[0].listening);
    REQUIRE(provider.plan().forwards.size() == 1);
    const auto counter = provider.plan().forwards[0].id;
    CHECK(counter.value >= domain::shared_ids);
    provider.book(counter, 100, 200);
    provider.book(counter, 150, 200);
    provider.book(counter, 7, 0, 6); // the node lost its counters
    state = consumer.sync(provider);
    REQUIRE(state.counters.size() == 1);
    CHECK(state.counters[0].traffic == Traffic{{157}, {200}});
    REQUIRE(consumer.panel.accounting().book(consumer.remote, state.counters));
    REQUIRE(consumer.panel.accounting().book(consumer.remote, state.counters));
    CHECK(consumer.forward(forward)->used == Traffic{{157}, {200}});
    CHECK(provider.share().used.value == 357);
    // A port that another share took is said, and taken by nobody.
    const auto other = value_of(provider.panel.shares().create(provider.admin, Provider::draft_of(provider.node)));
    REQUIRE(provider.panel.share_peers().reserve(value_of(provider.panel.share_peers().admit(other.token, {}, "")), "x", "tls", 30'002));
    consumer.make_forward(consumer.admin, tunnel, 30'002);
    state = consumer.sync(provider);
    REQUIRE(state.applied.forwards.size() == 2);
    CHECK(state.applied.forwards[1].fault == plan::Fault::address_in_use);
    CHECK(provider.plan().forwards.size() == 1);
    // Another panel with the same token changes nothing.
    PeerWish thief;
    thief.consumer = "somebody else";
    thief.plan = plan::Plan{};
    CHECK(verdict(provider.panel.share_peers().sync(value_of(provider.admit()), thief)) == "conflict share.consumer");
    CHECK(provider.plan().forwards.size() == 1);
    // Its last bytes still reach the share and the other panel when it is gone.
    REQUIRE(consumer.panel.forwards().remove(consumer.admin, forward));
    state = consumer.sync(provider);
    CHECK(provider.plan().forwards.empty());
    provider.book(counter, 17, 0, 6);
    CHECK(provider.share().used.value == 367);
    state = consumer.sync(provider);
    REQUIRE(state.counters.size() == 1);
    CHECK(state.counters[0].traffic.up.value == 167);
    CHECK(consumer.sync(provider, {forward}).counters.empty());
}

TEST_CASE("whatever fails on the way, nothing stays reserved")
{
    Provider provider;
    Consumer consumer(provider);
    const auto roles = [&] { return value_of(provider.panel.shares().list(provider.admin)).front().roles.size(); };
    // The other panel breaks while it applies the role.
    consumer.peers.fail_apply_after = 0;
    CHECK(verdict(consumer.panel.tunnels().create(consumer.admin, consumer.chain("broken"))) == "conflict tunnel.remote_apply");
    CHECK(roles() == 0);
    consumer.peers.fail_apply_after = -1;
    // A node here does not make its part real.
    consumer.nodes.tunnel_faults[consumer.entry] = plan::Fault::address_in_use;
    CHECK(verdict(consumer.panel.tunnels().create(consumer.admin, consumer.chain("undone"))) == "unavailable tunnel.deploy");
    CHECK(roles() == 0);
    consumer.nodes.tunnel_faults.clear();
    CHECK(value_of(consumer.panel.tunnels().list(consumer.admin)).empty());
    // What is refused here anyway is asked of nobody.
    consumer.peers.asked.clear();
    CHECK(verdict(consumer.panel.tunnels().create(consumer.admin, consumer.chain(""))) == "invalid tunnel.name");
    CHECK(verdict(consumer.panel.tunnels().create(consumer.admin, consumer.chain("outside", 30'004))) == "invalid tunnel.remote_port");
    CHECK(consumer.peers.asked.empty());
    // A wish that is taken becomes another port, as the contract says.
    REQUIRE(provider.reserve("somebody", 30'001));
    const auto tunnel = value_of(consumer.panel.tunnels().create(consumer.admin, consumer.chain("moved", 30'001)));
    CHECK(consumer.peers.asked == std::vector<std::string>{"reserve 30001", "reserve 0", "apply exit"});
    CHECK(roles() == 2);
    // An update keeps what it needs and gives back what it does not; a redeploy asks once more and changes nothing.
    consumer.peers.asked.clear();
    REQUIRE(consumer.panel.tunnels().update(consumer.admin, tunnel, consumer.chain("renamed")));
    CHECK(consumer.peers.asked.empty());
    REQUIRE(consumer.panel.tunnels().redeploy(consumer.admin, tunnel));
    CHECK(consumer.peers.asked == std::vector<std::string>{"reserve 30000", "apply exit"});
    auto without = consumer.chain("renamed");
    without.hops[1].node = keyed_node(consumer, "instead", 11);
    REQUIRE(consumer.panel.tunnels().update(consumer.admin, tunnel, without));
    CHECK(roles() == 1);
    REQUIRE(consumer.panel.tunnels().create(consumer.admin, consumer.chain("again")));
    REQUIRE(consumer.panel.nodes().remove(consumer.admin, consumer.remote));
    CHECK(roles() == 1);
}

TEST_CASE("a chain that begins on a shared node opens its streams under the number that its other nodes know")
{
    Provider provider;
    Consumer consumer(provider);
    auto draft = consumer.chain("turned round");
    draft.hops[0].node = consumer.remote;
    draft.hops[1].node = consumer.entry;
    const auto tunnel = value_of(consumer.panel.tunnels().create(consumer.admin, draft));
    CHECK(consumer.peers.asked.empty()); // an entry's ports are its forwards'
    const auto forward = consumer.make_forward(consumer.admin, tunnel, 30'002);
    CHECK(consumer.sync(provider).applied.forwards.size() == 1);
    const auto there = provider.plan();
    REQUIRE(there.forwards.size() == 1);
    CHECK(there.forwards[0].port == 30'002);
    CHECK(there.forwards[0].path_id == forward);
    CHECK(there.forwards[0].targets.empty());
    REQUIRE(there.tunnels.size() == 1);
    CHECK(there.forwards[0].tunnel == there.tunnels[0].id);
    CHECK_FALSE(there.tunnels[0].counter); // the forward counts
    const auto here = value_of(consumer.panel.plans().compile(consumer.entry));
    REQUIRE(here.tunnels.size() == 1);
    CHECK(here.tunnels[0].previous[0].key == key_of(1));
    CHECK(here.tunnels[0].exits[0].id == forward);
}

TEST_CASE("a share that is deleted or made smaller takes its roles along")
{
    Provider provider;
    Consumer consumer(provider);
    value_of(consumer.panel.tunnels().create(consumer.admin, consumer.chain("over")));
    consumer.sync(provider);
    CHECK(provider.plan().tunnels.size() == 1);
    auto draft = Provider::draft_of(provider.node);
    draft.port_first = 30'002;
    REQUIRE(provider.panel.shares().update(provider.admin, provider.made.id, draft, std::nullopt));
    CHECK(provider.plan().tunnels.empty());
    REQUIRE(provider.panel.shares().remove(provider.admin, provider.made.id));
    CHECK(verdict(provider.admit()) == "unauthenticated share.token");
    CHECK(verdict(provider.panel.shares().create(provider.admin, {})) == "invalid share.name_or_node");
    // A node of another panel is not shared on.
    auto again = Provider::draft_of(consumer.remote);
    CHECK(verdict(consumer.panel.shares().create(consumer.admin, again)) == "invalid share.remote_node");
}
