// The listeners of one forward on one worker: TCP accepts and admits, UDP associates. Each owns what came in through it.
#pragma once

#include "forward/handover.hpp"
#include "forward/runtime.hpp"
#include "forward/tcp_relay.hpp"
#include "forward/udp_batch.hpp"
#include "forward/worker.hpp"

#include <cstdint>
#include <memory>
#include <unordered_map>

namespace sluice::forward {

class TcpListener final : public Handler {
public:
    TcpListener(Worker& worker, std::shared_ptr<Runtime> runtime, WishPtr wish, Descriptor socket);
    ~TcpListener() override;

    bool open();
    void use(WishPtr wish); // for new connections
    void close_listener();  // no new connections; relays go on
    void cut_all();
    void cut_client(const ClientPtr& client);
    std::size_t relays() const { return relays_.size(); }
    int descriptor() const { return socket_.get(); }
    void show(std::vector<HeldRelay>& relays);
    void take_over(HeldRelay held, TargetPtr target);

    void on_event(int which, std::uint32_t events) override;
    void on_turn() override;
    void on_tick(SteadyTime now) override;

private:
    void accept_some();
    void admit(Descriptor client, const Endpoint& from);
    void relay_ended(TcpRelay& relay);

    Worker& worker_;
    const std::shared_ptr<Runtime> runtime_;
    WishPtr wish_;
    Descriptor socket_;
    Source source_;
    std::unordered_map<TcpRelay*, std::unique_ptr<TcpRelay>> relays_;
    std::unordered_map<TcpRelay*, ClientPtr> clients_; // of relays, where clients are counted
};

class UdpListener final : public Handler {
public:
    UdpListener(Worker& worker, std::shared_ptr<Runtime> runtime, WishPtr wish, Descriptor socket, bool v6);
    ~UdpListener() override;

    bool open();
    void use(WishPtr wish); // for new sessions; also their idle time
    void close_all();
    void cut_client(const ClientPtr& client);
    std::size_t sessions() const { return sessions_.size(); }
    int descriptor() const { return socket_.get(); }
    void show(std::vector<HeldSession>& sessions) const;
    void take_over(const HeldSession& held, TargetPtr target);

    void on_event(int which, std::uint32_t events) override;
    void on_turn() override;
    void on_tick(SteadyTime now) override;

private:
    static constexpr std::size_t most_sessions = 65'536; // per worker

    struct Key {
        Endpoint client;
        IpAddress local;
        bool operator==(const Key&) const = default;
    };
    struct KeyHash {
        std::size_t operator()(const Key& key) const noexcept;
    };
    // A client and its own connected socket to the target. Both directions keep it alive.
    struct Session final : Handler {
        Session(UdpListener& owner, Key from) : listener(owner), key(from) {}
        void on_event(int which, std::uint32_t events) override;
        void on_turn() override;

        UdpListener& listener;
        const Key key;
        bool has_local = false;
        Descriptor socket;
        Source source;
        TargetPtr target;
        ClientPtr client; // where clients are counted
        SteadyTime moved;
        std::uint16_t largest_segment = UdpSender::any_segment;
    };

    // How many runs may be read now under the speed limits; 0: none, and `waiting` has a turn when they may.
    std::size_t may_receive(Direction direction, Handler& waiting);
    const SpeedLimits& speed_limits() const { return runtime_->speed_limits[worker_.index()]; }
    Session* session_for(const Datagrams& run);
    Session* add_session(const Key& key, bool has_local, Descriptor socket, TargetPtr target, ClientPtr client); // absent: the loop refused it
    void receive_clients();
    void receive_target(Session& session);
    void remove(Session& session);

    Worker& worker_;
    const std::shared_ptr<Runtime> runtime_;
    WishPtr wish_;
    Descriptor socket_;
    const bool v6_;
    std::uint16_t largest_segment_ = UdpSender::any_segment;
    Source source_;
    std::unordered_map<Key, std::unique_ptr<Session>, KeyHash> sessions_;
};

} // namespace sluice::forward
