// One connection of the link at the panel's end: a session, the wire below it, and the node that it turned out to be.
#pragma once

#include "hub/hub.hpp"
#include "hub/link_acceptor.hpp"
#include "hub/session.hpp"
#include "link/session.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::hub {

class LinkPeer final : public NodeEndpoint, public std::enable_shared_from_this<LinkPeer> {
public:
    LinkPeer(panel::Panel& panel, Hub& hub, const net::Identity& identity, std::shared_ptr<Wire> wire, std::string remote);

    void received(std::string_view bytes); // one at a time
    void closed();
    void tick();
    bool greeted() const;
    bool ended() const;

    // NodeEndpoint
    void apply(plan::Plan plan) override;
    void booked(std::uint64_t sequence, std::vector<ForwardId> forgotten) override;
    void watch(Milliseconds sample_every) override;
    void probe(std::vector<plan::TcpPingRequest> requests, Milliseconds deadline, Probed done) override;
    std::optional<std::string> upgradable_architecture() const override;
    void tell(const link::Message& message) override { say(message); }
    void dismiss(link::Farewell reason) override;

private:
    using Step = std::vector<link::Event>;
    template <class Work>
    Step with_session(Work&& work); // does it under the lock, puts what it has to say on the wire
    void say(const link::Message& message);
    void handle(Step events);
    void handle(const link::Hello& hello);
    void handle(link::Ended ended);

    panel::Panel& panel_;
    Hub& hub_;
    const std::shared_ptr<Wire> wire_;
    const std::string remote_;

    mutable std::mutex mutex_; // guards the fields below
    link::Session session_;
    std::shared_ptr<Session> node_; // once welcome
    NodeId id_;
    std::optional<std::string> upgradable_;
    struct Asked {
        Probed done;
        SteadyTime until;
    };
    std::map<std::uint64_t, Asked> probes_;
    std::uint64_t next_probe_ = 1;
};

} // namespace sluice::hub
