// Export and import as the contract has them (5.11).
#include "api/flvx/testing.hpp"

using namespace sluice;
using namespace sluice::flvx;
using sluice::flvx::testing::Site;

namespace {

Json all_of(Site& site, const Json& types = Json::array())
{
    return Json::parse(site.raw("/api/v1/backup/export", Json{{"types", types}}.dump()).body);
}

// What an import needs of an export: the sections that are to be applied.
Json with_types(Json file, const Json& types)
{
    file["types"] = types;
    return file;
}

Json item(const Json& list, std::int64_t id)
{
    for (const auto& one : list) {
        if (one.at("id") == id) return one;
    }
    return nullptr;
}

// A panel with something of everything.
struct Furnished : Site {
    Ground home;
    std::int64_t forward = 0;

    Furnished()
    {
        home = ground("alice");
        forward = call("/forward/create", {{"name", "web"},
                                           {"tunnelId", home.tunnel},
                                           {"remoteAddr", "10.0.0.1:80,[2001:db8::1]:81"},
                                           {"inPort", 20001},
                                           {"strategy", "round"}})
                      .at("id")
                      .get<std::int64_t>();
        call("/config/update", {{"app_name", "mine"}});
        call("/backup/import", Json::parse(R"({"version":"1.0","types":["speedLimits","groups"],
            "speedLimits":[{"id":3,"name":"10M","speed":10,"tunnelId":)" +
                                           std::to_string(home.tunnel) + R"(,"tunnelName":"alice","createdTime":5,"status":1}],
            "tunnelGroups":[{"id":4,"name":"tg","createdTime":5,"updatedTime":6,"status":1,"tunnels":[)" +
                                           std::to_string(home.tunnel) + R"(]}],
            "userGroups":[{"id":5,"name":"ug","createdTime":5,"updatedTime":6,"status":1,"users":[)" +
                                           std::to_string(home.user) + R"(]}],
            "permissions":[{"id":6,"userGroupId":5,"tunnelGroupId":4,"createdTime":5,"createdByGroup":0,
                "grants":[{"id":7,"userGroupId":5,"tunnelGroupId":4,"userTunnelId":1,"createdTime":5,"createdByGroup":1}]}]})"));
    }
};

} // namespace

TEST_CASE("an export is the bare object of the contract, with its headers and its field names")
{
    Furnished site;
    const auto response = site.raw("/api/v1/backup/export", "{}");
    CHECK(response.content_type == "application/json");
    CHECK(response.headers.get("Content-Disposition") == "attachment; filename=backup.json");
    const auto file = Json::parse(response.body);
    CHECK_FALSE(file.contains("code"));
    CHECK(file.at("version") == "1.0");
    CHECK(file.at("exportedAt") == 1'795'760'000'000);
    const auto keys = [](const Json& object) {
        std::set<std::string> names;
        for (const auto& [name, value] : object.items()) names.insert(name);
        return names;
    };
    using Keys = std::set<std::string>;
    CHECK(keys(file) == Keys{"version", "exportedAt", "users", "nodes", "tunnels", "forwards", "userTunnels", "speedLimits", "tunnelGroups",
                             "userGroups", "permissions", "configs"});
    CHECK(keys(file["users"][1]) ==
          Keys{"id", "user", "pwd", "roleId", "expTime", "flow", "inFlow", "outFlow", "flowResetTime", "num", "createdTime", "status"});
    CHECK(file["users"][0]["roleId"] == 0); // administrators included
    CHECK(file["users"][1]["pwd"].get<std::string>().rfind("$argon2id$", 0) == 0);
    CHECK(keys(file["nodes"][0]) == Keys{"id", "name", "secret", "serverIp", "port", "http", "tls", "socks", "createdTime", "status", "tcpListenAddr",
                                         "udpListenAddr", "inx", "isRemote"});
    CHECK(file["nodes"][0]["secret"].get<std::string>().size() == 32);
    CHECK(keys(file["tunnels"][0]) ==
          Keys{"id", "name", "trafficRatio", "type", "protocol", "flow", "createdTime", "updatedTime", "status", "inx", "chainTunnels"});
    CHECK(file["tunnels"][0]["chainTunnels"][0]["chainType"] == "1"); // a text
    CHECK(keys(file["forwards"][0]) == Keys{"id", "userId", "userName", "name", "tunnelId", "remoteAddr", "strategy", "inFlow", "outFlow",
                                            "createdTime", "updatedTime", "status", "inx", "forwardPorts"});
    CHECK(file["forwards"][0]["remoteAddr"] == "10.0.0.1:80,[2001:db8::1]:81");
    CHECK(file["forwards"][0]["forwardPorts"] == Json::array({{{"nodeId", site.home.node}, {"port", 20001}}}));
    CHECK(keys(file["userTunnels"][0]) == Keys{"id", "userId", "tunnelId", "num", "flow", "inFlow", "outFlow", "flowResetTime", "expTime", "status"});
    CHECK(keys(file["speedLimits"][0]) == Keys{"id", "name", "speed", "tunnelId", "tunnelName", "createdTime", "status"});
    CHECK(file["tunnelGroups"][0]["tunnels"] == Json::array({site.home.tunnel}));
    CHECK(file["userGroups"][0]["users"] == Json::array({site.home.user}));
    CHECK(file["permissions"][0]["grants"][0]["createdByGroup"] == 1);
    CHECK(file["permissions"][0]["createdByGroup"] == 0);
    CHECK(file["configs"] == Json{{"app_name", "mine"}}); // nothing of the program's own
}

TEST_CASE("only what was asked for is exported, and unknown names say nothing")
{
    Furnished site;
    CHECK(all_of(site, {"forwards"}).size() == 3);
    CHECK(all_of(site, {"nonsense"}).size() == 2);
    const auto groups = all_of(site, {"groups"});
    CHECK(groups.contains("tunnelGroups"));
    CHECK(groups.contains("userGroups"));
    CHECK(groups.contains("permissions"));
    CHECK(Json::parse(site.raw("/api/v1/backup/export", "").body).at("code") == 500);
    CHECK(site.refusal("/backup/export", {{"types", "users"}}) == std::pair{500, std::string{"请求参数错误"}});
    CHECK(Json::parse(site.raw("/api/v1/api/v1/backup/export", "{}").body).contains("users"));
}

TEST_CASE("an empty panel exports no empty lists")
{
    Site site;
    const auto file = all_of(site);
    CHECK_FALSE(file.contains("forwards"));
    CHECK_FALSE(file.contains("permissions"));
    CHECK(file.contains("users"));
}

TEST_CASE("what was exported comes back exactly, also after everything was deleted")
{
    Furnished site;
    const auto before = all_of(site);
    site.call("/forward/delete", {{"id", site.forward}});
    site.call("/tunnel/delete", {{"id", site.home.tunnel}});
    site.call("/user/delete", {{"id", site.home.user}});
    site.call("/node/delete", {{"id", site.home.node}});
    site.nodes.told.clear();
    auto file = before;
    file["types"] = {"users", "nodes", "tunnels", "forwards", "userTunnels", "speedLimits", "tunnelGroups", "userGroups", "permissions", "configs"};
    const auto report = site.call("/backup/restore", file);
    for (const char* name : {"nodesImported", "tunnelsImported", "forwardsImported", "userTunnelsImported", "speedLimitsImported",
                             "tunnelGroupsImported", "userGroupsImported", "permissionsImported", "configsImported"})
        CHECK_MESSAGE(report.at(name) == 1, name);
    CHECK(report.at("usersImported") == 2);
    CHECK(report.at("remarks").empty());
    CHECK_FALSE(report.at("autoBackup").contains("forwards"));
    CHECK(report.at("autoBackup").at("users").size() == 1);
    CHECK(site.nodes.told.contains(NodeId{site.home.node}));
    const auto after = all_of(site);
    for (const char* name : {"nodes", "tunnels", "forwards", "userTunnels", "speedLimits", "configs"})
        CHECK_MESSAGE(after.at(name) == before.at(name), name);
    // The user signs in with his old password.
    CHECK_FALSE(site.sign_in("alice", "alice-password").empty());
}

TEST_CASE("new rows get ids beyond the imported ones")
{
    Site site;
    const auto ground = site.ground("alice");
    auto file = all_of(site);
    file["types"] = {"users", "nodes", "tunnels"};
    file["users"][1]["id"] = 900;
    file["users"][1]["user"] = "bob";
    file["nodes"][0]["id"] = 901;
    file["nodes"][0]["secret"] = "00112233445566778899aabbccddeeff";
    file["tunnels"][0]["id"] = 902;
    file["tunnels"][0]["name"] = "other";
    file["tunnels"][0]["chainTunnels"][0]["id"] = 903;
    site.call("/backup/import", file);
    const auto next = site.ground("carol");
    CHECK(next.user == 901);
    CHECK(next.node == 902);
    CHECK(next.tunnel == 903);
    CHECK(ground.user < 900);
}

TEST_CASE("rows with the same id are overwritten, others stay, and creation times are kept")
{
    Furnished site;
    auto file = all_of(site);
    const auto extra = site.call("/user/create", {{"user", "extra"}, {"pwd", "extra-password"}}).at("id").get<std::int64_t>();
    site.clock.advance(Milliseconds{5000});
    file["types"] = {"users", "forwards", "configs"};
    file["users"][1]["flow"] = 7;
    file["users"][1]["inFlow"] = 12345;
    file["users"][1]["createdTime"] = 1;
    file["forwards"][0]["name"] = "renamed";
    file["forwards"][0]["forwardPorts"] = nullptr; // kept
    file["configs"]["app_name"] = "theirs";
    site.call("/backup/import", file);
    const auto after = all_of(site);
    CHECK(after["users"].size() == 3);
    CHECK(item(after["users"], extra)["user"] == "extra");
    const auto user = item(after["users"], site.home.user);
    CHECK(user["flow"] == 7);
    CHECK(user["inFlow"] == 12345);
    CHECK(user["createdTime"] == 1'795'760'000'000);
    CHECK(user["updatedTime"] == 1'795'760'005'000);
    CHECK(after["forwards"][0]["name"] == "renamed");
    CHECK(after["forwards"][0]["forwardPorts"][0]["port"] == 20001);
    CHECK(after["configs"]["app_name"] == "theirs");
    file["forwards"][0]["forwardPorts"] = Json::array(); // an empty list takes the ports away
    site.call("/backup/import", file);
    CHECK(all_of(site)["forwards"][0]["forwardPorts"].is_null());
}

TEST_CASE("two forwards may exchange their ports, and two users their names")
{
    Furnished site;
    site.call("/forward/create", {{"name", "two"}, {"tunnelId", site.home.tunnel}, {"remoteAddr", "10.0.0.2:80"}, {"inPort", 20002}});
    auto file = all_of(site);
    file["types"] = {"users", "forwards"};
    std::swap(file["forwards"][0]["forwardPorts"], file["forwards"][1]["forwardPorts"]);
    std::swap(file["users"][0]["user"], file["users"][1]["user"]);
    site.call("/backup/import", file);
    const auto after = all_of(site);
    CHECK(after["forwards"][0]["forwardPorts"][0]["port"] == 20002);
    CHECK(after["users"][0]["user"] == "alice");
}

TEST_CASE("errors come in the contract's order and change nothing")
{
    Furnished site;
    const auto before = all_of(site);
    using Refusal = std::pair<int, std::string>;
    CHECK(Json::parse(site.raw("/api/v1/backup/import", "no json").body).at("msg") == "请求参数错误");
    CHECK(site.refusal("/backup/import", {{"types", Json::array()}, {"users", "x"}}) == Refusal{500, "请求参数错误"});
    CHECK(site.refusal("/backup/import", {{"types", Json::array()}}) == Refusal{500, "请选择要导入的数据类型"});
    CHECK(site.refusal("/backup/import", {{"types", {"users"}}}) == Refusal{500, "备份数据格式错误"});
    CHECK(site.refusal("/backup/import", {{"types", {"users"}}, {"version", ""}}) == Refusal{500, "备份数据格式错误"});
    CHECK(site.refusal("/backup/import", {{"types", {"users"}}, {"version", 1}}) == Refusal{500, "请求参数错误"});

    auto clash = with_types(before, {"users", "forwards"});
    clash["users"][1]["flow"] = 1;
    clash["users"].push_back(clash["users"][1]);
    clash["users"][2]["id"] = 77; // alice again
    CHECK(site.refusal("/backup/import", clash) == Refusal{-2, "导入失败: import users failed: id 77: the name 'alice' belongs to user 2"});
    auto port = with_types(before, {"users", "forwards"});
    port["users"][1]["flow"] = 1;
    port["forwards"].push_back(port["forwards"][0]);
    port["forwards"][1]["id"] = 78;
    CHECK(site.refusal("/backup/import", port).second.find("import forwards failed: id 78: port 20001") != std::string::npos);
    auto headless = with_types(before, {"users"});
    headless["users"][0]["roleId"] = 1;
    CHECK(site.refusal("/backup/import", headless).second.find("no administrator") != std::string::npos);
    CHECK(all_of(site) == before);
}

TEST_CASE("a file posted as it is imports every section that it has")
{
    Furnished site;
    auto file = all_of(site, {"forwards"});
    file["forwards"][0]["name"] = "again";
    CHECK(site.call("/backup/import", file).at("forwardsImported") == 1);
    CHECK(all_of(site)["forwards"][0]["name"] == "again");
}

TEST_CASE("what refers to nothing, belongs to another panel or has no meaning is left out and said")
{
    Furnished site;
    auto file = with_types(all_of(site), {"nodes", "forwards", "userTunnels", "tunnelGroups", "configs"});
    file["forwards"].push_back(file["forwards"][0]);
    file["forwards"][1]["id"] = 50;
    file["forwards"][1]["tunnelId"] = 4040;
    file["nodes"].push_back({{"id", 60}, {"name", "far"}, {"secret", "s"}, {"serverIp", "192.0.2.9"}, {"port", ""}, {"isRemote", 1}});
    file["nodes"].push_back(
        {{"id", 61}, {"name", "near"}, {"secret", "61"}, {"serverIp", "192.0.2.9"}, {"port", "2000-1000"}, {"interfaceName", "a/b"}});
    file["userTunnels"][0]["speedId"] = 9999;
    file["tunnelGroups"][0]["tunnels"] = {site.home.tunnel, 4040};
    file["configs"]["captcha_enabled"] = "true";
    file["configs"]["internal.signing_secret"] = "mine now";
    const auto report = site.call("/backup/import", file);
    CHECK(report.at("forwardsImported") == 1);
    CHECK(report.at("nodesImported") == 2);
    std::multiset<std::string> said;
    for (const auto& remark : report.at("remarks"))
        said.insert(remark.at("section").get<std::string>() + " " + remark.at("remark").get<std::string>());
    CHECK(said == std::multiset<std::string>{"configs refused_setting", "configs refused_setting", "forwards missing_parent", "nodes adjusted",
                                             "nodes adjusted", "nodes remote_node", "tunnelGroups link_dropped", "userTunnels link_dropped"});
    const auto after = all_of(site);
    CHECK(item(after["nodes"], 61)["port"] == "1000-2000");
    CHECK_FALSE(item(after["nodes"], 61).contains("interfaceName"));
    CHECK_FALSE(after["userTunnels"][0].contains("speedId"));
}

TEST_CASE("a forward of an imported chain is never carried straight to its target")
{
    Furnished site;
    auto file = with_types(all_of(site), {"tunnels"});
    CHECK(site.panel->plans().compile(NodeId{site.home.node}).value().forwards.size() == 1);
    file["tunnels"][0]["type"] = 2;
    site.call("/backup/import", file);
    // It has no exit: nobody listens for it, and no plan names a target.
    const auto plan = site.panel->plans().compile(NodeId{site.home.node}).value();
    REQUIRE(plan.forwards.size() == 1);
    CHECK(plan.forwards[0].tunnel.has_value());
    CHECK(plan.forwards[0].targets.empty());
    CHECK(plan.tunnels.empty());
    CHECK(site.nodes.told.contains(NodeId{site.home.node}));
}

TEST_CASE("an imported MD5 signs in and is stored better from then on; a replaced password ends the user's sessions")
{
    Furnished site;
    const auto admin = site.token;
    const auto old_session = site.sign_in("alice", "alice-password");
    auto file = with_types(all_of(site), {"users"});
    file["users"][1]["pwd"] = "5f4dcc3b5aa765d61d8327deb882cf99"; // "password"
    site.call("/backup/import", file);
    site.token = old_session;
    CHECK(site.refusal("/user/package", Json::object()).first == 401);
    CHECK_FALSE(site.sign_in("alice", "password").empty());
    site.token = admin; // his own session survived: his password is the same
    CHECK(all_of(site)["users"][1]["pwd"].get<std::string>().rfind("$argon2id$", 0) == 0);
}

TEST_CASE("a backup is the administrators' business")
{
    Furnished site;
    site.token = site.sign_in("alice", "alice-password");
    for (const char* path : {"/api/v1/backup/export", "/api/v1/backup/import", "/api/v1/backup/restore", "/api/v1/api/v1/backup/export",
                             "/api/v1/backup/full", "/api/v1/backup/full/restore"}) {
        CHECK(Json::parse(site.raw(path, "{}").body).at("code") == 403);
    }
    site.token.clear();
    CHECK(Json::parse(site.raw("/api/v1/backup/export", "{}").body).at("code") == 401);
}
