// For tests of this dialect: a panel in a folder of its own, the dialect on a router, and requests as clients send them. Nodes are never connected.
#pragma once

#include "api/flvx/flvx.hpp"
#include "api/flvx/json_body.hpp"
#include "panel/node_gateway.hpp"
#include "panel/panel.hpp"
#include "panel/vault.hpp"
#include "store/testing.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace sluice::flvx::testing {

// Nodes that apply whatever they are told at once. Remembers who was told.
class ObedientNodes final : public panel::NodeGateway {
public:
    void plan_changed(std::span<const NodeId> nodes) override { told.insert(nodes.begin(), nodes.end()); }
    Result<plan::Applied> converge(NodeId, std::uint64_t revision, Milliseconds) override
    {
        plan::Applied applied;
        applied.revision = revision;
        applied.forwards = answers;
        return applied;
    }
    bool online(NodeId) const override { return true; }
    std::vector<Result<plan::TcpPingResult>> probe(const std::vector<ProbeJob>& jobs, Milliseconds) override
    {
        return std::vector<Result<plan::TcpPingResult>>(jobs.size(), make_error(Errc::timeout, "node"));
    }
    std::function<void(NodeId)> let_go(NodeId node) override
    {
        let_go_of.push_back(node);
        return [this](NodeId now) { taken_back.push_back(now); };
    }

    std::vector<plan::ForwardResult> answers; // to every plan; what is not named listens
    std::set<NodeId> told;
    std::vector<NodeId> let_go_of;
    std::vector<NodeId> taken_back;
};

struct Site {
    store::testing::Folder folder;
    HeldClock clock{from_epoch_ms(1'795'760'000'000)};
    panel::Live live;
    ObedientNodes nodes;
    std::unique_ptr<store::Store> store;
    std::unique_ptr<panel::Panel> panel;
    http::Router router;
    std::unique_ptr<Dialect> dialect;
    std::string token;

    Site()
    {
        store = store::testing::value_of(store::Store::open({folder.file("sluice.db")}));
        panel = std::make_unique<panel::Panel>(*store, clock, live, store::testing::value_of(panel::load_or_create_key(folder.file("secret.key"))));
        panel->connect(nodes);
        store::testing::value_of(panel->accounts().ensure_administrator("boss", Secret{"boss password"}, false));
        dialect = std::make_unique<Dialect>(*panel);
        dialect->mount(router);
        token = sign_in("boss", "boss password");
    }

    http::Response raw(const std::string& path, const std::string& body, const std::string& method = "POST")
    {
        http::Request request;
        request.method = method;
        request.path = path;
        request.target = path;
        request.body = body;
        if (!token.empty()) request.headers.set("Authorization", token);
        return router.handle(request);
    }
    // The whole envelope.
    Json ask(const std::string& path, const Json& body) { return Json::parse(raw("/api/v1" + path, body.dump()).body); }
    // `data` of an answer that must be a success.
    Json call(const std::string& path, const Json& body)
    {
        const auto answer = ask(path, body);
        REQUIRE_MESSAGE(answer.at("code") == 0, path << ": " << answer.dump());
        return answer.value("data", Json{});
    }
    // Code and message of an answer.
    std::pair<int, std::string> refusal(const std::string& path, const Json& body)
    {
        const auto answer = ask(path, body);
        return {answer.at("code").get<int>(), answer.at("msg").get<std::string>()};
    }
    std::string sign_in(const std::string& name, const std::string& password)
    {
        const auto answer = ask("/user/login", {{"username", name}, {"password", password}});
        return answer.at("code") == 0 ? answer.at("data").at("token").get<std::string>() : std::string{};
    }
    // A node, a tunnel on it and a user who may use it: their ids.
    struct Ground {
        std::int64_t node = 0;
        std::int64_t tunnel = 0;
        std::int64_t user = 0;
    };
    Ground ground(const std::string& name)
    {
        Ground made;
        made.node = call("/node/create", {{"name", name}, {"serverIp", "192.0.2.7"}}).at("id").get<std::int64_t>();
        made.tunnel = call("/tunnel/create", {{"name", name}, {"inNodeId", Json::array({{{"nodeId", made.node}}})}}).at("id").get<std::int64_t>();
        made.user = call("/user/create", {{"user", name}, {"pwd", name + "-password"}}).at("id").get<std::int64_t>();
        call("/tunnel/user/assign", {{"userId", made.user}, {"tunnelId", made.tunnel}});
        return made;
    }
};

} // namespace sluice::flvx::testing
