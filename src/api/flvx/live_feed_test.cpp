// The browser's socket: who may open it, and what comes out of it (contract 5.17).
#include "api/flvx/live_feed.hpp"

#include "api/flvx/json_body.hpp"
#include "api/flvx/token.hpp"
#include "panel/testing.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <condition_variable>
#include <mutex>

using namespace sluice;
using namespace sluice::flvx;
using sluice::panel::testing::value_of;

namespace {

constexpr std::chrono::seconds patience{60};

class CapturingSocket final : public http::WebSocket {
public:
    bool send(std::string text) override
    {
        const std::lock_guard lock(mutex_);
        messages_.push_back(Json::parse(text));
        changed_.notify_all();
        return true;
    }
    bool send_binary(std::string) override { return false; }
    void close(std::uint16_t code, std::string_view) override
    {
        const std::lock_guard lock(mutex_);
        closed_ = code;
        changed_.notify_all();
    }
    bool open() const override
    {
        const std::lock_guard lock(mutex_);
        return closed_ == 0;
    }
    const Endpoint& remote() const override { return remote_; }
    const std::string& request_id() const override { return id_; }

    // The first message that fits and has not been taken yet; null when none came.
    template <class Fits>
    Json next(Fits fits)
    {
        std::unique_lock lock(mutex_);
        Json found;
        changed_.wait_for(lock, patience, [&] {
            for (; taken_ < messages_.size(); ++taken_) {
                if (!fits(messages_[taken_])) continue;
                found = messages_[taken_++];
                return true;
            }
            return false;
        });
        return found;
    }
    std::uint16_t closed()
    {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, patience, [&] { return closed_ != 0; });
        return closed_;
    }

private:
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Json> messages_;
    std::size_t taken_ = 0;
    std::uint16_t closed_ = 0;
    Endpoint remote_;
    std::string id_ = "1";
};

auto of_type(const char* type)
{
    return [type](const Json& message) { return message["type"] == type; };
}

struct Feed : panel::testing::Bench {
    NodeId node = add_node("a");
    LiveFeed feed{panel};

    std::string token_of(const panel::Actor& actor)
    {
        const auto token = make_token(panel.accounts().signing_key(), user(actor.user), clock.wall());
        value_of(panel.accounts().open_session(actor.user, token_hash(token), clock.wall() + token_lifetime, actor.address, "test"));
        return token;
    }
    std::variant<http::Response, http::WebSocketHandler> knock(const std::string& type, const std::string& secret)
    {
        http::Request request;
        request.method = "GET";
        request.path = "/system-info";
        request.query.add("type", type);
        request.query.add("secret", secret);
        return feed.accept(request);
    }
    std::string refusal(const std::string& type, const std::string& secret)
    {
        const auto answer = knock(type, secret);
        const auto* response = std::get_if<http::Response>(&answer);
        return response ? std::to_string(response->status) + " " + response->body : "accepted";
    }
    std::shared_ptr<CapturingSocket> watch(http::WebSocketHandler& handler)
    {
        auto socket = std::make_shared<CapturingSocket>();
        handler.on_open(socket);
        return socket;
    }
};

} // namespace

TEST_CASE_FIXTURE(Feed, "only a session's token opens it, and only as a browser")
{
    const auto alice = add_person("alice");
    CHECK(refusal("2", token_of(admin)) == "400 bad request");
    CHECK(refusal("", token_of(admin)) == "400 bad request");
    CHECK(refusal("1", "a node's secret") == "403 forbidden");
    CHECK(refusal("0", "") == "403 forbidden");
    CHECK(refusal("0", "no.token.really") == "403 forbidden");
    CHECK(refusal("0", token_of(alice)) == "accepted");
    CHECK(refusal("0", make_token(panel.accounts().signing_key(), user(admin.user), clock.wall())) == "403 forbidden"); // no session
    CHECK(refusal("0", token_of(admin)) == "accepted");
}

TEST_CASE_FIXTURE(Feed, "a newcomer hears the state of every node; then what changes: ids as texts in status, as numbers in info")
{
    auto answer = knock("0", token_of(admin));
    auto& handler = std::get<http::WebSocketHandler>(answer);
    nodes.offline = {node};
    const auto socket = watch(handler);
    CHECK(socket->next(of_type("status")) == Json{{"id", std::to_string(node.value)}, {"type", "status"}, {"data", 0}});
    CHECK(socket->next(of_type("rates"))["type"] == "rates");
    live.node_online(node);
    CHECK(socket->next(of_type("status"))["data"] == 1);
    plan::HostSample sample;
    sample.uptime_seconds = 77;
    sample.received = 1000;
    sample.transmitted = 2000;
    sample.cpu_percent = 12.34;
    sample.memory_percent = 56;
    live.sample(node, sample);
    const auto info = socket->next(of_type("info"));
    CHECK(info["id"] == node.value);
    REQUIRE(info["data"].is_string());
    CHECK(Json::parse(info["data"].get<std::string>()) ==
          Json{{"uptime", 77}, {"bytes_received", 1000}, {"bytes_transmitted", 2000}, {"cpu_usage", 12.3}, {"memory_usage", 56.0}});
    live.node_offline(node);
    CHECK(socket->next(of_type("status"))["data"] == 0);
    handler.on_close(socket, 1000);
}

TEST_CASE_FIXTURE(Feed, "how far a node's upgrade is goes to administrators, in the contract's three stages")
{
    auto answer = knock("0", token_of(admin));
    auto& handler = std::get<http::WebSocketHandler>(answer);
    const auto socket = watch(handler);
    (void)socket->next(of_type("rates"));
    const auto heard = [&](plan::UpgradeStage stage, unsigned percent, const char* detail) {
        live.upgrade(node, {7, stage, percent, "1.0", detail});
        const auto message = socket->next(of_type("upgrade_progress"));
        CHECK(message["id"] == node.value);
        return Json::parse(message["data"].get<std::string>());
    };
    CHECK(heard(plan::UpgradeStage::downloading, 40, "") ==
          Json{{"type", "UpgradeProgress"}, {"success", true}, {"message", "downloading"}, {"data", {{"stage", "downloading"}, {"percent", 40}}}});
    CHECK(heard(plan::UpgradeStage::done, 100, "") ==
          Json{{"type", "UpgradeProgress"}, {"success", true}, {"message", "done"}, {"data", {{"stage", "installing"}, {"percent", 100}}}});
    CHECK(heard(plan::UpgradeStage::failed, 0, "full") ==
          Json{{"type", "UpgradeProgress"}, {"success", false}, {"message", "full"}, {"data", {{"stage", "installing"}, {"percent", 0}}}});
    handler.on_close(socket, 1000);
}

TEST_CASE_FIXTURE(Feed, "rates of forwards that carry something come by themselves")
{
    const ForwardId id{5};
    live.counters(node, {{id, 1, {{0}, {0}}, {}, 0, 2}}, SteadyTime{} + Seconds{1});
    live.counters(node, {{id, 1, {{500}, {1000}}, {}, 0, 2}}, SteadyTime{} + Seconds{2});
    auto answer = knock("0", token_of(admin));
    const auto socket = watch(std::get<http::WebSocketHandler>(answer));
    const auto data = Json::parse(socket->next(of_type("rates"))["data"].get<std::string>());
    CHECK(data["up"] == 500);
    CHECK(data["down"] == 1000);
    CHECK(data["connections"] == 2);
    CHECK(data["forwards"] == Json::array({{{"id", 5}, {"up", 500.0}, {"down", 1000.0}, {"connections", 2}}}));
}

TEST_CASE_FIXTURE(Feed, "a user hears of his own forwards alone: no node, nobody else's rates, and a total that is his")
{
    const auto tunnel = add_tunnel("t", {node});
    const auto alice = add_person("alice");
    assign(alice, tunnel);
    const auto his = make_forward(alice, tunnel, 20001);
    const auto other = make_forward(admin, tunnel, 20002);
    live.counters(node, {{his, 1, {{0}, {0}}, {}, 0, 1}, {other, 1, {{0}, {0}}, {}, 0, 4}}, SteadyTime{} + Seconds{1});
    live.counters(node, {{his, 1, {{500}, {1000}}, {}, 0, 1}, {other, 1, {{7000}, {7000}}, {}, 0, 4}}, SteadyTime{} + Seconds{2});
    auto answer = knock("0", token_of(alice));
    auto& handler = std::get<http::WebSocketHandler>(answer);
    const auto socket = watch(handler);
    const auto first = socket->next([](const Json&) { return true; });
    REQUIRE(first["type"] == "rates"); // what an administrator hears first is the state of nodes
    const auto data = Json::parse(first["data"].get<std::string>());
    CHECK(data["up"] == 500);
    CHECK(data["connections"] == 1);
    CHECK(data["forwards"] == Json::array({{{"id", his.value}, {"up", 500.0}, {"down", 1000.0}, {"connections", 1}}}));
    live.node_offline(node);
    live.node_online(node);
    live.sample(node, {});
    CHECK(socket->next([](const Json&) { return true; })["type"] == "rates");
    handler.on_close(socket, 1000);
}

TEST_CASE_FIXTURE(Feed, "one account's viewers do not keep out another's, nor users an administrator")
{
    const auto alice = add_person("alice");
    const auto bob = add_person("bob");
    std::vector<std::shared_ptr<CapturingSocket>> watching;
    const auto join = [&](const panel::Actor& who) {
        auto answer = knock("0", token_of(who));
        watching.push_back(watch(std::get<http::WebSocketHandler>(answer)));
        return watching.back();
    };
    for (int i = 0; i < 8; ++i) join(alice);
    CHECK(join(alice)->closed() == http::close_code::try_later);
    CHECK(join(bob)->next(of_type("rates"))["type"] == "rates");
    CHECK(join(admin)->next(of_type("rates"))["type"] == "rates");
}

TEST_CASE_FIXTURE(Feed, "telemetry is wanted exactly while somebody watches")
{
    CHECK_FALSE(live.watched());
    auto answer = knock("0", token_of(admin));
    auto& handler = std::get<http::WebSocketHandler>(answer);
    const auto socket = watch(handler);
    CHECK(live.watched());
    handler.on_close(socket, 1000);
    CHECK_FALSE(live.watched());
}

TEST_CASE_FIXTURE(Feed, "a socket whose session ended is closed within its check, whoever is told meanwhile")
{
    const auto token = token_of(admin);
    auto answer = knock("0", token);
    const auto socket = watch(std::get<http::WebSocketHandler>(answer));
    socket->next(of_type("rates"));
    value_of(panel.accounts().close_session(token_hash(token)));
    clock.advance(Seconds{15});
    live.node_online(node); // gives the feed something to say
    CHECK(socket->closed() == 4401);
}

TEST_CASE_FIXTURE(Feed, "stopping closes everybody, and a later event harms nobody")
{
    auto answer = knock("0", token_of(admin));
    const auto socket = watch(std::get<http::WebSocketHandler>(answer));
    feed.stop();
    feed.stop();
    CHECK(socket->closed() == 1001);
    live.node_online(node);
}
