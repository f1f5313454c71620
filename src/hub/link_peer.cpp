#include "hub/link_peer.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <utility>

namespace sluice::hub {

namespace {

constexpr std::size_t piece_size = std::size_t{48} * 1024; // of what goes to the wire at once; messages may be larger
constexpr std::size_t most_probes = 256;                   // waiting for one node
constexpr Milliseconds probe_slack{5'000};

link::Refusal refusal_of(const Error& error)
{
    if (error.code != Errc::unauthenticated) return link::Refusal::busy; // the database cannot answer now
    if (error.field == "node.token_unknown") return link::Refusal::token_unknown;
    if (error.field == "node.token_used") return link::Refusal::token_used;
    if (error.field == "node.token_expired") return link::Refusal::token_expired;
    return link::Refusal::unknown_key;
}

} // namespace

LinkPeer::LinkPeer(panel::Panel& panel, Hub& hub, const net::Identity& identity, std::shared_ptr<Wire> wire, std::string remote)
    : panel_(panel),
      hub_(hub),
      wire_(std::move(wire)),
      remote_(std::move(remote)),
      session_(link::Session::panel(identity, {}, panel.clock().steady()))
{
}

template <class Work>
LinkPeer::Step LinkPeer::with_session(Work&& work)
{
    const std::lock_guard lock(mutex_);
    work(session_);
    const auto output = session_.take_output();
    for (std::size_t at = 0; at < output.size(); at += piece_size) {
        if (wire_->send(output.substr(at, piece_size))) continue;
        session_.lost("the wire does not take it");
        break;
    }
    if (session_.ended()) wire_->close();
    return session_.take_events();
}

void LinkPeer::say(const link::Message& message)
{
    handle(with_session([&](link::Session& session) { (void)session.send(panel_.clock().steady(), message); }));
}

void LinkPeer::received(std::string_view bytes)
{
    handle(with_session([&](link::Session& session) { session.received(panel_.clock().steady(), bytes); }));
}

void LinkPeer::closed()
{
    handle(with_session([](link::Session& session) { session.lost("closed"); }));
}

void LinkPeer::tick()
{
    const auto now = panel_.clock().steady();
    handle(with_session([&](link::Session& session) { session.tick(now); }));
    const std::lock_guard lock(mutex_);
    std::erase_if(probes_, [&](const auto& entry) { return entry.second.until < now; });
}

bool LinkPeer::greeted() const
{
    const std::lock_guard lock(mutex_);
    return node_ != nullptr;
}

bool LinkPeer::ended() const
{
    const std::lock_guard lock(mutex_);
    return session_.ended();
}

// Messages come from received() alone, so they are in order; the end may come from anybody.
void LinkPeer::handle(Step events)
{
    const auto node = [this] {
        const std::lock_guard lock(mutex_);
        return node_;
    };
    const auto id = [this] {
        const std::lock_guard lock(mutex_);
        return id_;
    };
    for (auto& event : events) {
        if (auto* ended = std::get_if<link::Ended>(&event)) {
            handle(std::move(*ended));
            continue;
        }
        auto& message = std::get<link::Message>(event);
        if (const auto* hello = std::get_if<link::Hello>(&message)) {
            handle(*hello);
        } else if (auto* applied = std::get_if<plan::Applied>(&message)) {
            if (const auto session = node()) session->applied(std::move(*applied));
        } else if (auto* report = std::get_if<plan::Report>(&message)) {
            if (const auto session = node()) session->reported(std::move(*report));
        } else if (auto* answer = std::get_if<link::ProbeResult>(&message)) {
            Probed done;
            {
                const std::lock_guard lock(mutex_);
                if (const auto found = probes_.find(answer->id); found != probes_.end()) {
                    done = std::move(found->second.done);
                    probes_.erase(found);
                }
            }
            if (done) done(std::move(answer->results));
        } else if (const auto* wish = std::get_if<link::UpgradeRead>(&message)) {
            if (node()) say(hub_.upgrades().read(id(), *wish));
        } else if (const auto* state = std::get_if<plan::UpgradeState>(&message)) {
            if (node()) hub_.upgrades().said(id(), *state);
        }
    }
}

void LinkPeer::handle(const link::Hello& hello)
{
    const auto key = [this] {
        const std::lock_guard lock(mutex_);
        return session_.peer();
    }();
    const auto now = panel_.clock().steady();
    const auto greeted = panel_.enrolment().greet(key, hello.token ? &*hello.token : nullptr, hello.program_version);
    if (!greeted) {
        if (greeted.error().code != Errc::unauthenticated)
            log::error("node not greeted", {{"remote", remote_}, {"problem", describe(greeted.error())}});
        handle(with_session([&](link::Session& session) { (void)session.refuse(now, refusal_of(greeted.error())); }));
        return;
    }
    bool welcome = false;
    auto events = with_session([&](link::Session& session) {
        welcome = session.welcome(now, {link::protocol_major, link::protocol_minor, greeted->node, greeted->name, greeted->revision});
    });
    if (welcome) {
        log::info("node connected", {{"node", greeted->node.value},
                                     {"name", greeted->name},
                                     {"remote", remote_},
                                     {"version", hello.program_version},
                                     {"architecture", hello.architecture}});
        hub_.upgrades().returned(greeted->node, hello.order);
        const auto farewell = greeted->key_changed ? link::Farewell::revoked : link::Farewell::replaced;
        auto session = hub_.attach(greeted->node, shared_from_this(), farewell);
        bool late = false;
        {
            const std::lock_guard lock(mutex_);
            id_ = greeted->node;
            const auto& can = hello.capabilities;
            if (std::find(can.begin(), can.end(), link::can_upgrade) != can.end()) upgradable_ = hello.architecture;
            late = session_.ended(); // while it was attached, so nobody finished it
            if (!late) node_ = session;
        }
        if (late) session->finish();
    }
    handle(std::move(events));
}

void LinkPeer::handle(link::Ended ended)
{
    std::shared_ptr<Session> node;
    NodeId id;
    std::map<std::uint64_t, Asked> unanswered;
    {
        const std::lock_guard lock(mutex_);
        node = std::exchange(node_, nullptr); // they hold each other
        id = id_;
        unanswered.swap(probes_); // their askers have deadlines
    }
    if (node) node->finish();
    const auto reason = ended.refusal ? std::string{to_text(*ended.refusal)} : ended.farewell ? std::string{to_text(*ended.farewell)} : std::string{};
    // A stranger's mistakes are nobody's news, a node's are.
    log::write(node || ended.refusal ? log::Level::info : log::Level::debug, node ? "node disconnected" : "link refused",
               {{"node", id.value}, {"remote", remote_}, {"end", link::to_text(ended.reason)}, {"reason", reason}, {"detail", ended.detail}});
}

void LinkPeer::apply(plan::Plan plan) { say(std::move(plan)); }

void LinkPeer::booked(std::uint64_t sequence, std::vector<ForwardId> forgotten) { say(link::Booked{sequence, std::move(forgotten)}); }

void LinkPeer::watch(Milliseconds sample_every) { say(link::Watch{sample_every}); }

void LinkPeer::probe(std::vector<plan::TcpPingRequest> requests, Milliseconds deadline, Probed done)
{
    link::Probe probe{0, deadline, std::move(requests)};
    {
        const std::lock_guard lock(mutex_);
        if (probes_.size() >= most_probes) return; // its asker hears "timeout"
        probe.id = next_probe_++;
        probes_.emplace(probe.id, Asked{std::move(done), panel_.clock().steady() + deadline + probe_slack});
    }
    say(std::move(probe));
}

std::optional<std::string> LinkPeer::upgradable_architecture() const
{
    const std::lock_guard lock(mutex_);
    return upgradable_;
}

void LinkPeer::dismiss(link::Farewell reason)
{
    handle(with_session([&](link::Session& session) { session.leave(panel_.clock().steady(), reason); }));
}

} // namespace sluice::hub
